"""What is more, or less, than beats: asystole, ventricular tachycardia, flutter and fibrillation, unreadable stretches.

The signal is looked at in steps of one second, counted from its start, so that a stream finds the same events as a
file, however it is cut into chunks.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import bottleneck
import numpy as np

from ecg_anomaly.beats.quality import PLAUSIBLE_MV
from ecg_anomaly.beats.swings import FIBRILLATION, GENERATOR, TACHYCARDIA, are_alike, swing_kind

ASYSTOLE, UNREADABLE = "asystole", "unreadable"  # and the kinds of `swings`
_SWINGS = (TACHYCARDIA, FIBRILLATION)

_STEP_S = 1
# No beat for so long: the alarm of the PhysioNet/CinC Challenge 2015 (Clifford et al., Physiol Meas 37:E5, 2016).
ASYSTOLE_S = 4.0
_SHORTEST_S = {UNREADABLE: 2.0, FIBRILLATION: 3.0, TACHYCARDIA: 3.0}
# An asystole is that of a heart that was seen: so many readable beats in a row, after the last unreadable stretch.
_SEEN_BEATS = 3

# Fibrillation. In a rhythm with beats the signal is close to the isoelectric line most of the time; in flutter and
# fibrillation it is seldom, and swings at one frequency. The limits find all flutter that is annotated in mitdb/207
# and the fibrillation of three records of cudb, and nothing else in DS1 with two leads.
_WINDOW_STEPS = 5
_LEAST_STEPS = 4  # of them, whole or in part, from the first to the last that is away from the isoelectric line
_CROSSING_LEVEL = 0.2  # of the largest value of the step: Arafat, Chowdhury, Hasan, SIViP 5:331-343, 2011
_LEAST_CROSSING = 0.5  # share of the time beyond that level, over the window
_EDGE_CROSSING = 0.35  # and in the first and the last step that count
_LOWEST_SWING_MV = 0.2  # less is fine fibrillation, or noise: Kerber et al., Circulation 95:1677-1682, 1997
_FLAT_MV = 1e-3  # a lead that changes less within a step is loose, as for the window of a beat
_QUIET_SHARE = 0.2  # of the patient's usual height: P waves alone, or nothing
_QUIET_MV = 0.08  # where no beat has shown the usual height yet: Kerber et al. as above
_USUAL_STEPS = 31  # steps with readable beats that make the usual height
_AFTER_BEAT_S = 1.0  # the T wave is over: what is loud now belongs to no beat before


@dataclass(frozen=True)
class Event:
    """A stretch of a recording that holds no beats to judge, or, in a tachycardia, more than those beats."""

    kind: str  # asystole, ventricular tachycardia, fibrillation (flutter or fibrillation) or unreadable
    start_s: float  # from the start of the recording; but for the beats beside an asystole, to the second
    end_s: float


@dataclass
class _Step:
    """One second of signal; arrays have one value per lead."""

    start: int
    end: int
    present: np.ndarray
    height_mv: np.ndarray
    crossing: np.ndarray  # share of the time away from the isoelectric line; NaN where the lead hardly swings
    signals_mv: np.ndarray
    beats: list[int] = field(default_factory=list)  # where the detector found some
    kind: str | None = None
    votes: Counter[str] = field(default_factory=Counter)  # what the windows that it swings in are


class EventFinder:
    """Find events while the signal arrives.

    A second of signal is looked at as soon as it is complete and its beats are known. An event is given when it is
    over: an asystole at the beat that ends it, another up to five seconds after its end; `ongoing` tells what lasts.
    The memory that it takes does not grow.

    Parameters
    ----------
    sampling_rate_hz
        Samples per second of the conditioned signal.
    leads
        Number of leads.
    """

    def __init__(self, sampling_rate_hz: int, leads: int):
        self._rate_hz = sampling_rate_hz
        self._step_samples = _STEP_S * sampling_rate_hz
        self._signals_mv = np.empty((0, leads))
        self._missing = np.empty((0, leads), dtype=bool)
        self._position = 0  # of the first sample that no step has taken
        self._beats: deque[tuple[int, bool]] = deque()
        self._steps: deque[_Step] = deque()  # the last ones, whose kind fibrillation may still change
        self._heights_mv: deque[np.ndarray] = deque(maxlen=_USUAL_STEPS)
        self._last_readable = True  # whether what was seen last could be judged
        self._settled = 0  # from here on what is loud belongs to no beat before
        self._loud_since: int | None = None
        self._quiet_since = 0
        self._row = 0  # readable beats one after the other
        self._seen_at = -1  # the last of so many of them
        self._blind_until = 0  # the end of the last unreadable stretch
        self._run: tuple[str | None, int] = (None, 0)  # kind and start of the steps of one kind
        self._found: list[Event] = []

    def push(
        self, conditioned_mv: np.ndarray, missing: np.ndarray, beats: np.ndarray, readable: np.ndarray, known_until: int
    ) -> list[Event]:
        """Take what is new.

        Parameters
        ----------
        conditioned_mv, missing
            Shape ``(samples, leads)``: the samples that follow those before, as `conditioning.condition` gives them.
        beats
            Shape ``(beats,)``: samples of beats, from the start of the recording, increasing over all calls. They may
            come before or after their samples, in any number of calls, but not after ``known_until`` has passed them.
        readable
            Shape ``(beats,)``, bool: whether the beat can be judged.
        known_until
            All beats before this sample have been handed over. It goes on when no beat comes: it is not the last beat,
            but how far the detector is done.

        Returns
        -------
        list of Event
            Those that are over now.
        """
        self._signals_mv = np.concatenate([self._signals_mv, conditioned_mv])
        self._missing = np.concatenate([self._missing, missing])
        self._beats.extend(zip(beats.tolist(), readable.tolist(), strict=True))
        complete = (min(self._position + len(self._signals_mv), known_until) - self._position) // self._step_samples
        self._take(max(0, complete) * self._step_samples)
        return self._give()

    def finish(self) -> list[Event]:
        """End the recording: all beats are known. Returns the events that last until its end."""
        self._take(len(self._signals_mv))
        while self._steps:
            self._release()
        self._end_run(self._position)
        self._end_quiet(self._position)
        return self._give()

    @property
    def ongoing(self) -> list[Event]:
        """Events that are certain but not over, up to the last step that was looked at."""
        end = self._steps[0].start if self._steps else 0
        for step in self._steps:
            if step.kind != self._run[0] or step.kind not in _SWINGS:
                break
            end = step.end
        return [*self._asystole(self._position), *self._run_event(end)]

    def _give(self) -> list[Event]:
        found, self._found = self._found, []
        return found

    def _take(self, samples: int) -> None:
        """Look at the first samples of the buffer, step by step, and drop them from it."""
        whole = samples - samples % self._step_samples
        for start, end in ((0, whole), (whole, samples)):  # the recording may end within a step
            for step in self._measure(self._signals_mv[start:end], self._missing[start:end]):
                self._look_at(step)
        self._signals_mv, self._missing = self._signals_mv[samples:].copy(), self._missing[samples:].copy()

    def _measure(self, signals_mv: np.ndarray, missing: np.ndarray) -> list[_Step]:
        if not len(signals_mv):
            return []
        length = min(len(signals_mv), self._step_samples)
        steps_mv = signals_mv.reshape(-1, length, signals_mv.shape[1])
        height_mv = steps_mv.max(axis=1) - steps_mv.min(axis=1)
        present = ~missing.reshape(steps_mv.shape).any(axis=1) & (height_mv >= _FLAT_MV)
        size_mv = np.abs(steps_mv - np.median(steps_mv, axis=1, keepdims=True))
        crossing = np.mean(size_mv > _CROSSING_LEVEL * size_mv.max(axis=1, keepdims=True), axis=1)
        crossing[~present | (height_mv < _LOWEST_SWING_MV) | (height_mv > PLAUSIBLE_MV[1])] = np.nan
        starts = range(self._position, self._position + len(signals_mv), length)
        return [
            _Step(start, start + length, *measured)
            for start, *measured in zip(starts, present, height_mv, crossing, steps_mv, strict=True)
        ]

    def _look_at(self, step: _Step) -> None:
        self._position = step.end
        beats = list(self._beats_before(step.end))
        if not step.present.any():
            self._pass_missing(step)
        elif any(readable for _, readable in beats):
            self._heights_mv.append(np.where(step.present, step.height_mv, np.nan))
            self._pass_beats(beats, readable=True)
        elif (self._heights_mv or not beats) and self._is_quiet(step):
            # Unreadable beats in silence are what a detector makes of it.
            self._last_readable, self._loud_since = True, None
            self._pass_unseen(step)
        elif beats:
            self._pass_beats(beats, readable=False)
        elif step.start >= self._settled:
            self._pass_loud(step)
        if not self._last_readable:
            step.kind = UNREADABLE
        step.beats = [position for position, _ in beats]
        for position, readable in beats:
            self._row = self._row + 1 if readable else 0
            self._seen_at = position if self._row >= _SEEN_BEATS else self._seen_at
        self._steps.append(step)
        self._mark_swinging()
        if len(self._steps) == _WINDOW_STEPS:
            self._release()

    def _beats_before(self, end: int) -> Iterator[tuple[int, bool]]:
        while self._beats and self._beats[0][0] < end:
            yield self._beats.popleft()

    def _is_quiet(self, step: _Step) -> bool:
        quiet_mv = np.full(len(step.height_mv), _QUIET_MV)
        if self._heights_mv:
            usual_mv = bottleneck.nanmedian(np.array(self._heights_mv), axis=0)
            quiet_mv = np.where(np.isnan(usual_mv), quiet_mv, _QUIET_SHARE * usual_mv)
        return not np.any(step.present & (step.height_mv >= quiet_mv))

    def _pass_missing(self, step: _Step) -> None:
        self._end_quiet(step.start)
        self._quiet_since = self._settled = step.end
        self._last_readable, self._loud_since = False, None

    def _pass_unseen(self, step: _Step) -> None:
        """Silence that lasts is unreadable where no heart was seen before: nothing says that it would be."""
        if not self._seen and step.end - self._quiet_since >= ASYSTOLE_S * self._rate_hz:
            for silent in (*self._steps, step):
                if silent.start >= self._quiet_since:
                    silent.kind = silent.kind or UNREADABLE

    @property
    def _seen(self) -> bool:
        return self._seen_at >= self._blind_until

    def _pass_beats(self, beats: list[tuple[int, bool]], readable: bool) -> None:
        self._end_quiet(beats[0][0])
        self._quiet_since = beats[-1][0]
        self._settled = self._quiet_since + round(_AFTER_BEAT_S * self._rate_hz)
        self._last_readable, self._loud_since = readable, None

    def _pass_loud(self, step: _Step) -> None:
        # One loud step may hold the onset of the next beat; only a second one shows that there is noise, not silence.
        if self._loud_since is None:
            self._loud_since = step.start
            return
        self._end_quiet(self._loud_since)
        self._quiet_since, self._last_readable = step.end, False
        self._steps[-1].kind = self._steps[-1].kind or UNREADABLE

    def _mark_swinging(self) -> None:
        swinging = self._swinging()
        if not swinging:
            return
        signals_mv = self._signals_of_window()
        kind = swing_kind(signals_mv, self._rate_hz)
        beats = np.array([beat for step in self._steps for beat in step.beats]) - self._steps[0].start
        if kind is None or (kind == FIBRILLATION and are_alike(signals_mv, beats, self._rate_hz)):
            return
        for step in swinging:
            step.votes[UNREADABLE if kind == GENERATOR else kind] += 1
            step.kind = max((UNREADABLE, FIBRILLATION, TACHYCARDIA), key=step.votes.__getitem__)  # of equals the first
        self._end_quiet(swinging[0].start)
        self._quiet_since = swinging[-1].end

    def _swinging(self) -> list[_Step]:
        """Find the steps of the window that swing: none, or most of them, one after the other."""
        window = list(self._steps)
        if len(window) < _WINDOW_STEPS or window[-1].end - window[-1].start < self._step_samples:
            return []  # the recording has just begun, or ends within the step
        crossing = np.stack([step.crossing for step in window])
        leads = ~np.isnan(crossing).any(axis=0)
        # All leads that take part have to: one that shows beats says that the other shows noise.
        if not leads.any() or np.any(crossing[:, leads].mean(axis=0) < _LEAST_CROSSING):
            return []
        away = np.flatnonzero(crossing[:, leads].min(axis=1) >= _EDGE_CROSSING)
        inside = slice(away[0], away[-1] + 1) if len(away) else slice(0)
        if inside.stop - (inside.start or 0) < _LEAST_STEPS:
            return []
        return window[inside]

    def _signals_of_window(self) -> np.ndarray:
        """Give the leads that take part in the window."""
        leads = ~np.isnan([step.crossing for step in self._steps]).any(axis=0)
        return np.concatenate([step.signals_mv[:, leads] for step in self._steps])

    def _release(self) -> None:
        """Let the oldest step go: its kind is final."""
        step = self._steps.popleft()
        step.kind = self._lasting_kind(step)
        if step.kind != self._run[0]:
            self._end_run(step.start)
            self._run = (step.kind, step.start)

    def _lasting_kind(self, step: _Step) -> str | None:
        """Let one swinging kind turn into another only when that lasts for three steps."""
        run, following = self._run[0], [later.kind for later in self._steps][:3]
        if step.kind not in _SWINGS:  # a step or two between do not count
            return run if run in _SWINGS and any(kind in _SWINGS for kind in following[:2]) else step.kind
        if len(following) == 3 and following[0] in _SWINGS and len(set(following)) == 1:
            return following[0]
        return run if run in _SWINGS else step.kind

    def _end_run(self, end: int) -> None:
        events = self._run_event(end)
        if events and events[0].kind == UNREADABLE:
            self._blind_until = end
        self._found += events
        self._run = (None, end)

    def _run_event(self, end: int) -> list[Event]:
        kind, start = self._run
        if kind is None or end - start < _SHORTEST_S[kind] * self._rate_hz:
            return []
        return [self._event(kind, start, end)]

    def _end_quiet(self, end: int) -> None:
        self._found += self._asystole(end)

    def _asystole(self, end: int) -> list[Event]:
        if not self._seen or end - self._quiet_since < ASYSTOLE_S * self._rate_hz:
            return []
        return [self._event(ASYSTOLE, self._quiet_since, end)]

    def _event(self, kind: str, start: int, end: int) -> Event:
        return Event(kind, start / self._rate_hz, end / self._rate_hz)
