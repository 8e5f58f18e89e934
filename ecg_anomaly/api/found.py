"""What was found in a recording: tables, figures and files."""

from __future__ import annotations

import copy
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ecg_anomaly import words
from ecg_anomaly.api.tables import events_table, groups_table
from ecg_anomaly.api.wording import in_python, writing
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings import files
from ecg_anomaly.findings.marks import RIGHT, WRONG
from ecg_anomaly.findings.review import Review, review
from ecg_anomaly.findings.store import Stored, read_store
from ecg_anomaly.findings.summary import Summary
from ecg_anomaly.manifest import write_whole
from ecg_anomaly.records.channels import find_leads
from ecg_anomaly.records.wfdb_writer import write_record
from ecg_anomaly.reports.recording_page import headline, render
from ecg_anomaly.reports.recording_plots import plot_overview, plot_strip
from ecg_anomaly.words import StartTime

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKS = ["mark", "mark_effect"]  # columns of a review
_NO_RECORD_NAME = re.compile(r"[^\w-]", re.ASCII)


class Kept:
    """An analysed recording in a temporary folder, which is deleted with the last object that needs it."""

    def __init__(self, analyse: Callable[[Path], None], record: str | None):
        folder = Path(tempfile.mkdtemp(prefix="ecg-anomaly-"))
        try:
            analyse(folder / "analysed")
            self.stored: Stored = read_store(folder / "analysed")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.record = record  # name of the WFDB record that was analysed; None where it was none
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)


class Found:
    """What was found in a recording; `Detector.analyse` makes it.

    Tables are new objects: change them as you like. Signals lie in a temporary folder, which goes with the object.

    Attributes
    ----------
    beats : DataFrame
        One row per beat, in order of time. ``anomaly_score`` is above ``threshold`` where a beat is ``flagged``, unless
        it is not ``readable``; ``called`` and ``reason`` say what a flagged beat is like, and why; ``event`` in which
        event it lies, ``group`` of which group it is. ``sample`` and ``time_s`` count from the start.
    events : DataFrame
        What is no beats at all (asystole, fibrillation, stretches that cannot be read), ventricular tachycardia, and
        rhythms (couplets, runs, pauses, slow, fast and irregular rhythm), in order of their start: ``kind, start_s,
        end_s, beats, rate_bpm, called, words``.
    groups : DataFrame
        Beats that are alike, flagged and others apart: ``group, flagged, name, beats, share, coupling_s``.
    summary : dict
        Counts, heart rate, rhythm and all else of ``NAME.summary.json``.
    notes : list of str
        What was guessed, repaired or left out, and what is odd about the recording.

    Examples
    --------
    >>> found.beats.loc[found.beats.flagged, ["time_s", "anomaly_score", "called", "reason"]]  # doctest: +SKIP
    >>> found.plot(beat=17).savefig("beat.png")  # doctest: +SKIP
    """

    def __init__(self, kept: Kept, reviewed: Review):
        self._kept, self._review = kept, reviewed

    @cached_property
    def beats(self) -> pd.DataFrame:
        """One row per beat; with marks, also ``mark`` and what the marks of others add to its score."""
        beats = self._review.beats
        return beats.copy() if (beats["mark"] != "").any() else beats.drop(columns=_MARKS)

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row per event or rhythm, in order of their start."""
        return events_table(self._review.events)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """One row per group of beats that are alike; 0 in ``beats.group`` is of none."""
        return groups_table(self._review.groups)

    @cached_property
    def summary(self) -> Summary:
        """The content of ``NAME.summary.json``."""
        summary = copy.deepcopy(self._review.summary)
        summary["notes"] = list(map(in_python, summary["notes"]))
        return summary

    @property
    def notes(self) -> list[str]:
        """What was guessed, repaired, left out or is odd."""
        return self.summary["notes"]

    @property
    def name(self) -> str:
        """What the recording is called."""
        return self._review.stored.name

    @property
    def leads(self) -> list[str]:
        """Names of the leads that were judged."""
        return self._review.stored.judged_leads

    @property
    def sampling_rate_hz(self) -> float:
        """Samples per second of its signals."""
        return self._review.stored.sampling_rate_hz

    @property
    def duration_s(self) -> float:
        """Seconds that it lasts."""
        return self._review.stored.duration_s

    @property
    def start_time(self) -> StartTime | None:
        """When its first sample was taken: a `datetime`, a `time` where the day is not known, or ``None``."""
        return self._review.stored.start_time

    @property
    def threshold(self) -> float:
        """Where the anomaly score is cut."""
        return self._review.threshold

    def review(self, threshold: float | None = None, marks: Mapping[int, str] | None = None) -> Found:
        """Look at the same beats at another threshold, or with marks, without another analysis.

        Parameters
        ----------
        threshold : float, optional
            A beat is flagged above it. Without one, that of the detector.
        marks : mapping of int to str, optional
            ``"right"`` (it is not normal) or ``"wrong"`` (it is normal for this patient) by the row of a beat. Beats
            that look like a marked one are scored accordingly, too.

        Returns
        -------
        Found
            This one stays as it is.

        Raises
        ------
        UserError
            When the threshold is no number, or there is no such beat or mark.
        """
        if threshold is not None and not words.is_number(threshold):
            raise UserError(f"threshold is {threshold!r}; give a number")
        if marks is not None and not isinstance(marks, Mapping):
            raise UserError(f'marks= is no mapping but {marks!r}; write it as {{17: "{WRONG}"}}')
        for row, mark in (marks or {}).items():
            self._check_beat(row)
            if mark not in (RIGHT, WRONG):
                raise UserError(f'beat {row} is marked {mark!r}; a mark is "{RIGHT}" or "{WRONG}"')
        return Found(self._kept, review(self._kept.stored, threshold, marks))

    def plot(
        self,
        beat: int | None = None,
        *,
        time_s: float | None = None,
        leads: Sequence[str] | None = None,
        figure: Figure | None = None,
    ) -> Figure:
        """Draw the whole recording, or ten seconds of it on ECG paper.

        Parameters
        ----------
        beat : int, optional
            A row of `beats`: ten seconds around it. Without it and ``time_s``, the overview: heart rate, score, events.
        time_s : float, optional
            Ten seconds around this time.
        leads : sequence of str, optional
            Leads on the paper; without, those that were judged.
        figure : matplotlib.figure.Figure, optional
            Where to draw, as ``plt.figure()`` for a window of its own; without, a new one that a notebook shows.

        Returns
        -------
        matplotlib.figure.Figure
            ``savefig`` writes it.

        Raises
        ------
        UserError
            When there is no such beat, time or lead.
        """
        stored = self._review.stored
        if beat is not None:
            self._check_beat(beat)
            time_s = float(self._review.beats["time_s"].iloc[beat])
        if time_s is None:
            return plot_overview(self._review, figure)
        if not words.is_number(time_s) or not 0 <= time_s <= self.duration_s:
            raise UserError(f"time_s is {time_s!r}; {self.name} lasts from 0 to {self.duration_s:g} s")
        shown = (
            None if leads is None else find_leads(stored.leads, [leads] if isinstance(leads, str) else leads, self.name)
        )
        return plot_strip(self._review, float(time_s), beat, shown, figure)

    def to_html(self, path: str | PathLike[str]) -> Path:
        """Write the page that ``detect_anomalies.py`` writes: one file, which any browser shows without a network.

        A file that is there is replaced. Give it as ``NAME.html``.
        """
        page = Path(path)
        if page.is_dir():
            raise UserError(f"{page}: is a folder; name the page, as {page / f'{self.name}.html'}")
        with writing(page):
            write_whole(page, render(self._review))
        return page

    def to_wfdb(
        self,
        folder: str | PathLike[str],
        name: str | None = None,
        *,
        signal: bool | None = None,
        force: bool = False,
    ) -> Path:
        """Write beats and events as annotations that the tools of WFDB read, beside the signal.

        Parameters
        ----------
        folder : str or path
            Where; it is made if it is not there.
        name : str, optional
            Name of the record: letters, digits, ``-`` and ``_``. Without one, that of the recording, other characters
            replaced.
        signal : bool, optional
            Whether to write the signals, too (``NAME.hea``, ``NAME.dat``). Without it they are, unless a WFDB record
            was analysed.
        force : bool
            Whether files that are there may be replaced.

        Returns
        -------
        Path
            The record, without extension: ``wfdb.rdann(str(path), "anomaly")`` reads what was written.

        Raises
        ------
        UserError
            When a file is there, cannot be written, or the name is none of a record.
        """
        stored, folder = self._review.stored, Path(folder)
        name = name or self._kept.record or _NO_RECORD_NAME.sub("_", self.name)
        if _NO_RECORD_NAME.search(name) and name != self._kept.record:
            raise UserError(f"name is {name!r}; a record of WFDB is called by letters, digits, - and _ alone")
        signal = self._kept.record is None if signal is None else signal
        annotations = files.ANNOTATIONS.format(name)
        written = [annotations, *((f"{name}.dat", f"{name}.hea") if signal else ())]
        there = [folder / file for file in written if (folder / file).exists()]
        if there and not force:
            raise UserError(f"{there[0]}: is there already; give force=True to replace it, or another name or folder")
        review, rate_hz = self._review, stored.sampling_rate_hz
        with writing(folder):
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".") as staging:
                if signal:
                    signals_mv = stored.read_mv(0.0, stored.duration_s, range(len(stored.leads)))
                    write_record(Path(staging), name, signals_mv, rate_hz, stored.leads, stored.start_time)
                table = files.anomaly_annotations(review.beats, review.events, rate_hz)
                files.write_annotations(Path(staging) / annotations, table, rate_hz)
                for file in written:
                    (Path(staging) / file).replace(folder / file)
        return folder / name

    def _check_beat(self, row: object) -> None:
        beats = len(self._review.beats)
        if not isinstance(row, int | np.integer) or not 0 <= row < beats:
            raise UserError(f"there is no beat {row!r}; {self.name} has {words.count_text(beats, 'beat')}, from 0 on")

    def __repr__(self) -> str:
        leads = f"{', '.join(self.leads)} at {self.sampling_rate_hz:g} Hz, {words.clock(self.duration_s)}"
        notes = [f"  note: {note}" for note in self.notes]
        return "\n".join([f"{self.name}: {leads}", *(f"  {line}" for line in headline(self.summary)), *notes])
