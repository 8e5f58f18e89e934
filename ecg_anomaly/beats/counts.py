"""What preprocessing did, in tables and words."""

from __future__ import annotations

from collections import Counter

import pandas as pd
from wfdb.io.annotation import ann_labels

from ecg_anomaly.beats.labelled import CLASSES
from ecg_anomaly.beats.preprocessing import ProcessedRecord
from ecg_anomaly.records.lead_names import lead_called
from ecg_anomaly.records.splits import SPLITS
from ecg_anomaly.words import count_text, listed

_UNMATCHED = {"missed": "annotated", "extra": "detected"}
_MEANING = {label.symbol: label.description for label in ann_labels}


class PreprocessingSummary:
    """Counts beats while records are processed."""

    def __init__(self) -> None:
        self._rows: list[dict[str, object]] = []
        self._per_split = Counter[tuple[str, str]]()
        self._left_out = Counter[str]()
        self._uncovered = Counter[str]()
        self._notes: dict[str, list[str]] = {}  # the records that each is about
        self._broken: set[str] = set()
        self.skipped: dict[str, str] = {}  # why, by record: it is broken, or no record of beats

    def add(self, record: ProcessedRecord) -> None:
        """Count the beats of a record, or note why it has none."""
        if record.beats is None:
            self.skipped[record.name] = record.error
            if not record.no_beats:
                self._broken.add(record.name)
            return
        labels = record.beats.labels
        classes = labels["aami_class"].value_counts()
        splits = " ".join(sorted(set(labels["split"]), key=SPLITS.index))
        row: dict[str, object] = {"record": record.name, "split": splits}
        row |= {name: int(classes.get(name, 0)) for name in CLASSES}
        if record.detection is not None:
            counts = record.detection.counts.iloc[0]
            row |= {name: str(counts[kind] - counts["matched"]) for name, kind in _UNMATCHED.items()}
        self._rows.append(row | {"left out": record.beats.left_out.total(), "leads": ", ".join(record.leads)})
        self._per_split.update(zip(labels["split"], labels["aami_class"], strict=True))
        self._left_out += record.beats.left_out
        self._uncovered += record.beats.uncovered
        dead = [f"{lead_called(lead)} holds no signal and is not used" for lead in record.dead_leads]
        for note in (*dead, *record.notes):
            self._notes.setdefault(note, []).append(record.name)

    def per_split(self) -> pd.DataFrame:
        """Beats per split (rows) and AAMI class (columns), with the columns ``normal`` and ``anomalous``."""
        counts = pd.DataFrame(
            [[self._per_split[split, name] for name in CLASSES] for split in SPLITS], index=SPLITS, columns=CLASSES
        )
        counts["normal"] = counts[CLASSES[0]]
        counts["anomalous"] = counts[list(CLASSES[1:])].sum(axis=1)
        return counts

    def text(self) -> str:
        """Tables of records and splits, what was left out and why."""
        parts = [pd.DataFrame(self._rows).to_string(index=False, na_rep=""), self.per_split().to_string()]
        left_out = [f"{count_text(count, 'beat')} left out: {reason}" for reason, count in self._left_out.most_common()]
        parts.append("\n".join(left_out or ["No beat was left out."]))
        if self._uncovered:
            symbols = [
                f"{symbol} ({_MEANING.get(symbol, 'unknown')}): {n}" for symbol, n in self._uncovered.most_common()
            ]
            parts.append(f"Annotations that are no beats of a class in labels: {'; '.join(symbols)}")
        parts.append("\n".join(f"{listed(names, 3)}: {note}" for note, names in self._notes.items()))
        parts += [f"Skipped {self._what(name)} {name}: {error}" for name, error in self.skipped.items()]
        return "\n\n".join(filter(None, parts))

    def _what(self, name: str) -> str:
        return "the broken record" if name in self._broken else "as no record of beats"
