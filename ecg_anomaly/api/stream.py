"""A signal that arrives: portions in, judged beats out."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from ecg_anomaly.api.signals import Reading, are_whole, numbers_of
from ecg_anomaly.api.tables import events_table
from ecg_anomaly.api.wording import in_python, told_in_python
from ecg_anomaly.beats.events import Event
from ecg_anomaly.detector.scorer import TrainedDetector
from ecg_anomaly.detector.stream import COLUMNS, Analysis, Findings
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.sources import PORTION_S
from ecg_anomaly.live.watches import StartLook
from ecg_anomaly.records.checks import check_sampling_rate
from ecg_anomaly.words import count_text, is_number, listed

_WHAT = "portion"
_CUT_S = 1.0  # an array that is given as a whole is taken in portions of so many seconds


@runtime_checkable
class Portions(Protocol):
    """A queue, into which another thread or process puts portions, and ``None`` when there are no more."""

    def get(self) -> Any:
        """Wait for the next portion."""

    def put(self, item: Any) -> None:
        """Add one."""


class Beat(NamedTuple):
    """A judged beat of a stream; its fields are the columns of `Found.beats`."""

    sample: int  # of the stream, from 0
    time_s: float  # from its start
    rr_before_s: float  # NaN before the first beat
    rr_after_s: float
    quality: float  # from 0 to 1
    readable: bool
    reconstruction_error: float
    reconstruction_surprise: float
    patient_surprise: float
    rhythm_surprise: float
    log_odds_S: float  # of the network, against N  # noqa: N815 - as in the files
    log_odds_V: float  # noqa: N815
    anomaly_score: float
    threshold: float
    flagged: bool
    called: str  # "V", "S" or "other" where it is flagged, else ""
    reason: str  # the question whose answer was the most surprising, where it is flagged


class Stream:
    """Analyses a signal while it arrives; `Detector.stream` makes it.

    Either it reads portions itself, in a loop over the beats that have been judged, or it is given them one by one with
    `push`. What it says of a beat does not depend on how the signal is cut, and is what `Detector.analyse` says of the
    whole. A beat is judged about a second and a half after it, those of the first ten seconds together.
    """

    def __init__(self, trained: TrainedDetector, portions: Iterable[Any] | Portions | None, reading: Reading):
        self._trained, self._portions, self._reading = trained, portions, reading
        if reading.sampling_rate_hz is None:
            raise UserError("a stream does not say its samples per second; give them with sampling_rate_hz=")
        self._rate_hz = Fraction(reading.sampling_rate_hz).limit_denominator(1000)
        check_sampling_rate(self._rate_hz, "stream")
        self._check_count(len(reading.leads))
        self._analysis: Analysis | None = None  # from the first portion on, which shows how many leads there are
        self._look: StartLook | None = None
        self._waiting: list[np.ndarray] = []  # too short yet to be worth an analysis
        self._over: list[Event] = []
        self._ended = False
        self.leads = reading.leads  # names, in the order of the columns
        self.notes: list[str] = []  # what is odd about the signal, once its first minute shows it; warnings, too

    @property
    def events(self) -> pd.DataFrame:
        """What is no beats at all, and ventricular tachycardia, up to now; ``end_s`` is NaN while it goes on."""
        ongoing = [] if self._analysis is None or self._ended else self._analysis.ongoing
        return events_table([*self._over, *(dataclasses.replace(event, end_s=np.nan) for event in ongoing)])

    def __iter__(self) -> Iterator[Beat]:
        """Read the portions, and give each beat once it is judged, the last ones when there is no more signal."""
        if self._portions is None:
            raise UserError(
                "the stream has no portions to read; give them, as detector.stream(portions, sampling_rate_hz=250), or "
                "call push(portion) with each and finish() at the end, which give the beats"
            )
        for portion in self._cut(self._portions):
            yield from self.push(portion)
        yield from self.finish()

    def push(self, portion: Any) -> list[Beat]:
        """Take the next samples; give the beats that are judged by now.

        Parameters
        ----------
        portion : array_like
            Shape ``(samples, leads)``, in millivolts or as ``gain`` says, NaN where a sample is missing; of one lead
            also ``(samples,)``, of several also ``(leads,)``, which is one sample of each.

        Raises
        ------
        UserError
            When it is no such array, or the stream has ended.
        """
        if self._ended:
            raise UserError("the stream has ended; make another with detector.stream()")
        with told_in_python():
            self._waiting.append(self._millivolts(portion))
            if sum(map(len, self._waiting)) < PORTION_S * self._rate_hz:
                return []
            return self._analyse()

    def finish(self) -> list[Beat]:
        """End the stream; give the beats that were not judged yet. Once more, it gives none."""
        if self._ended:
            return []
        judged = self._analyse() if self._waiting else []
        self._ended = True
        if self._analysis is None or self._look is None:
            return judged
        self._note(self._look.finish())
        return judged + self._take(self._analysis.finish())

    def _cut(self, portions: Iterable[Any] | Portions) -> Iterator[Any]:
        """Cut an array that is given as a whole; whatever else gives portions is gone through, or emptied."""
        if isinstance(portions, np.ndarray | pd.DataFrame | pd.Series):
            step = round(_CUT_S * self._rate_hz)
            yield from (portions[first : first + step] for first in range(0, len(portions), step))
        elif isinstance(portions, Portions):
            while (portion := portions.get()) is not None:
                yield portion
        else:
            yield from portions

    def _millivolts(self, portion: Any) -> np.ndarray:
        values, gain = numbers_of([portion] if is_number(portion) else portion, _WHAT), self._reading.gain
        if gain is None and are_whole(values):
            raise UserError(f"{_WHAT}: holds whole numbers, which millivolts are not; say with gain= how many make one")
        known = len(self.leads)
        if np.ndim(portion) == 1 and known == values.size and known > 1:
            values = values.T  # one sample of each lead
        if not known:
            self._check_count(values.shape[1])
            self.leads = tuple(f"lead {number}" for number in range(1, values.shape[1] + 1))
        elif values.shape[1] != known:
            raise UserError(
                f"{_WHAT}: has the shape {values.shape}, and the stream has {count_text(known, 'lead')} "
                f"({listed(self.leads)}); give one column for each"
            )
        finite = np.where(np.isfinite(values), values, np.nan).astype(float)
        return finite if gain is None else finite / gain

    def _check_count(self, leads: int) -> None:
        most = self._trained.config.records.lead_count
        if leads > most:
            raise UserError(
                f"the stream has {leads} leads, the detector takes {most}; pass on the best ones, with their names in "
                "leads="
            )

    def _analyse(self) -> list[Beat]:
        signals_mv, self._waiting = np.concatenate(self._waiting), []
        if self._analysis is None or self._look is None:
            self._analysis = Analysis(self._trained, self._rate_hz, len(self.leads))
            self._look = StartLook(self.leads, self._rate_hz, self._trained.config)
        self._note(self._look.push(signals_mv))
        return self._take(self._analysis.push(signals_mv))

    def _note(self, notes: Iterable[str]) -> None:
        for note in map(in_python, notes):
            self.notes.append(note)
            warnings.warn(note, stacklevel=4)

    def _take(self, findings: Findings) -> list[Beat]:
        self._over += findings.events
        return [Beat(*row) for row in findings.beats[list(COLUMNS)].itertuples(index=False, name=None)]
