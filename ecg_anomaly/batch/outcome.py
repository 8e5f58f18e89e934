"""What became of the recordings of a batch, and how it is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from ecg_anomaly.batch import made_from
from ecg_anomaly.batch.overview import OVERVIEW, Figures
from ecg_anomaly.batch.request import Named
from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.words import count_text

_SHOWN = 20  # recordings in the table that is printed


@dataclass(frozen=True)
class Outcome:
    """What became of one recording: its summary, or why there is none."""

    recording: Named
    summary: Summary | None = None
    error: str = ""
    kept: bool = False  # whether it was there already
    again: str = ""  # why it was made again: a key of made_from.WORDS
    page: bool = True  # whether it has one

    @property
    def figures(self) -> Figures:
        """What is kept of it."""
        return Figures.of(self.summary) if self.summary else Figures(error=self.error)

    @property
    def messages(self) -> list[str]:
        """What the user should know: the notes of the summary, or the error; nothing of what was there already."""
        if self.summary is None:
            return [self.error]
        return [] if self.kept else [f"{self.recording.path}: {note}" for note in self.summary["notes"]]


class Tally:
    """Counts what became of the recordings of a batch, and says it.

    ``recordings`` are all that there are, ``folder`` is where their results go.
    """

    def __init__(self, recordings: Sequence[Named], folder: Path):
        self._recordings, self._folder = recordings, folder
        self._done: dict[str, Figures] = {}
        self._again: Counter[str] = Counter()
        self._kept = self._without_page = 0
        self.failed = 0  # how many could not be analysed

    def add(self, outcome: Outcome) -> None:
        """Count a recording."""
        if outcome.summary is None:
            self.failed += 1
            return
        self._done[outcome.recording.name] = outcome.figures
        self._kept += outcome.kept
        self._without_page += not outcome.page
        self._again.update([outcome.again] if outcome.again else [])

    def words(self) -> str:
        """Sum up in a table and a few lines."""
        lines = []
        if self._done:
            lines.append(self._table())
            if len(self._done) > _SHOWN:
                lines.append(f"These have most flagged beats an hour; all are in {self._folder / OVERVIEW}")
        if self._kept:
            lines.append(f"{count_text(self._kept, 'result')} of the same recording, model and settings kept")
        if self._again:
            why = ", ".join(f"{made_from.WORDS[key]} ({count:,})" for key, count in self._again.most_common())
            lines.append(f"{count_text(self._again.total(), 'result')} made again: {why}")
        if self._without_page:
            without = count_text(self._without_page, "recording")
            lines.append(f"{without} without flagged beats or events got no page (--pages all)")
        if written := len(self._done) - self._kept:
            lines.append(f"Wrote the results of {count_text(written, 'recording')} to {self._folder}")
        if self.failed:
            of_all = count_text(len(self._recordings), "recording")
            lines.append(f"{self.failed:,} of {of_all} could not be analysed, see above")
        return "\n".join(lines)

    def stopped(self) -> str:
        """Say how far the batch was when it was stopped."""
        done, failed = len(self._done), f", {self.failed:,} could not be analysed" if self.failed else ""
        if not done:
            return f"stopped: no recording is done{failed}"
        of_all, some = count_text(len(self._recordings), "recording"), "is" if done == 1 else "are"
        return f"stopped: {done:,} of {of_all} {some} done{failed}; results are in {self._folder}; go on with --resume"

    def _table(self) -> str:
        names = [recording.name for recording in self._recordings if recording.name in self._done]
        table = pd.DataFrame([asdict(self._done[name]) for name in names], index=names)
        if len(table) > _SHOWN:
            table = table.sort_values("flagged_per_hour", ascending=False, kind="stable").head(_SHOWN)
        return table[["beats", "flagged", "flagged_per_hour", "unreadable_share"]].round(3).to_string()
