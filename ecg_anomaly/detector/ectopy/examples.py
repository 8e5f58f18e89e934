"""Simulated examples: normal beats as they could have come, and premature, ventricular and fusion beats in their place.

Each is made from a normal beat of a training patient, its surroundings included. No label of an anomaly is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy import shapes
from ecg_anomaly.detector.ectopy.disturbances import disturbed
from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.plan import Plan, make_plan
from ecg_anomaly.detector.ectopy.rhythms import AFTER, BEFORE, Rhythms, simulate_rhythms
from ecg_anomaly.detector.ectopy.timing import with_timing
from ecg_anomaly.detector.patient import PairedBeats, log_distance

NORMAL, PREMATURE, VENTRICULAR = 0, 1, 2  # what the network tells apart: N, S and V

_MOVED_S = 0.033  # a neighbour that moves less stays as it was recorded
_NOISE = 0.3  # what lies farther from the own beat is no noise
_SINUS_GOES_ON = 0.4  # share of the early ventricular beats in which the P wave shows that was due
_AS_RECORDED = 0.6  # share of the beats that have no more than what disturbed them when they were recorded
_LOST_LEAD = 0.2  # share of the examples that lose a lead, so that the network serves one lead too


@dataclass(frozen=True)
class Examples(PerBeat):
    """Simulated beats."""

    paired: PairedBeats  # beside their patients' own beats
    tachograms: np.ndarray  # shape (examples, intervals): log RR, as in `rhythms`
    normal: np.ndarray  # shape (examples, samples, leads): the normal beat that each would have been
    plan: Plan  # what was to become of each

    @property
    def kinds(self) -> np.ndarray:
        """NORMAL, PREMATURE or VENTRICULAR, shape ``(examples,)``."""
        return np.select([self.plan.premature, self.plan.ventricular], [PREMATURE, VENTRICULAR], NORMAL)


def simulate(
    beats: PairedBeats, tachograms: np.ndarray, others: np.ndarray, ectopic_share: float, frame: Frame, seed: int
) -> Examples:
    """Make one example of each normal beat.

    Parameters
    ----------
    beats
        Normal beats beside their patients' own.
    tachograms
        Shape ``(beats, intervals)``: log RR around them.
    others
        Shape ``(beats, samples, leads)``: own beats of any patients, from which ventricular beats are made.
    ectopic_share
        Share of the examples that are ectopic: half of them premature (S), half ventricular (V) or fusions.
    frame
        When the samples of a window are.
    seed
        Equal seeds give equal examples.
    """
    draws, present = Draws(seed), np.asarray(beats.windows.any(axis=1, keepdims=True))
    count, _, leads = beats.windows.shape
    rhythms = simulate_rhythms(tachograms, draws)
    plan = make_plan(rhythms, ectopic_share, draws)
    changed, late_s = with_timing(rhythms, plan, draws)
    beats = _fibrillating(beats, rhythms, frame, draws)
    waves = _ventricular_waves(beats.own_beats, others, plan, frame, draws)
    there, moved = _neighbours(beats, tachograms, changed, waves, plan, frame, draws)
    normal, rows = beats.windows + moved, plan.blocked
    normal[rows] = shapes.with_block(normal[rows], waves[rows], beats.own_beats[rows], frame)
    seen = _in_place(normal, beats, there, waves, late_s, plan, frame, draws)

    beats = _at_tempo(beats, tachograms, rhythms.tachograms, frame)  # last: all else is made from beats as recorded
    own_beats = _stale(beats.own_beats, plan, frame, draws)
    paired = PairedBeats(
        seen,
        own_beats,
        _polluted(beats.recent_beats, waves, plan, draws),
        beats.spread,
        _earlier_distances(beats.earlier_distances, log_distance(seen * present, own_beats, frame), plan, draws),
    )
    factor = _scale(count, leads, draws) * present * _kept_leads(count, leads, draws)
    return Examples(_times(paired, factor), changed, np.asarray(normal * factor, dtype=np.float32), plan)


def _at_tempo(beats: PairedBeats, tachograms: np.ndarray, changed: np.ndarray, frame: Frame) -> PairedBeats:
    """Move the neighbours that the own and the recent beat hold to the interval that has become usual."""
    was_s, is_s = _usual_s(tachograms), _usual_s(changed)
    moved = np.zeros_like(beats.own_beats)
    rows = np.abs(is_s - was_s) > _MOVED_S
    own_beats, was_s, is_s = beats.own_beats[rows], was_s[rows], is_s[rows]
    for side in (-1, 1):
        moved[rows] += shapes.neighbour(own_beats, side * is_s, was_s, frame)
        moved[rows] -= shapes.neighbour(own_beats, side * was_s, was_s, frame)
    return replace(beats, own_beats=beats.own_beats + moved, recent_beats=beats.recent_beats + moved)


def _neighbours(
    beats: PairedBeats,
    tachograms: np.ndarray,
    changed: np.ndarray,
    waves: np.ndarray,
    plan: Plan,
    frame: Frame,
    draws: Draws,
) -> tuple[np.ndarray, np.ndarray]:
    """Say what the beats beside leave in the window at their new places; and that less what they left at the old ones.

    Beats of a run of ventricular beats have neighbours like them; so has every second normal beat after an ectopic one.
    """
    count = len(changed)
    run = plan.run & plan.ventricular
    ventricular = (run | (plan.following & draws.chance(0.5, count)), run & draws.chance(0.5, count))
    there, moved, usual_s = np.zeros_like(beats.windows), np.zeros_like(beats.windows), _usual_s(tachograms)
    for side, column in enumerate((BEFORE, AFTER)):
        sign, was_s, is_s = (-1, 1)[side], np.exp(tachograms[:, column]), np.exp(changed[:, column])
        moves = ventricular[side] | (np.abs(is_s - was_s) > _MOVED_S)
        rows = moves | plan.ventricular
        neighbours = np.where(_per_beat(ventricular[side][rows]), waves[rows], beats.own_beats[rows])
        left = shapes.neighbour(neighbours, sign * is_s[rows], usual_s[rows], frame)
        there[rows] += left
        moved[rows] += left * _per_beat(moves[rows])
        moved[moves] -= shapes.neighbour(beats.own_beats[moves], sign * was_s[moves], usual_s[moves], frame)
    return there, moved


def _ventricular_waves(own_beats: np.ndarray, others: np.ndarray, plan: Plan, frame: Frame, draws: Draws) -> np.ndarray:
    """Make ventricular beats for the examples that show one, in the middle or beside it; zeros for the others."""
    waves, rows = np.zeros_like(own_beats), plan.ventricular | plan.following | plan.blocked
    level = shapes.isoelectric(own_beats[rows], frame)
    waves[rows] = level + shapes.ventricular(own_beats[rows], others[rows], frame, draws)
    return waves


def _in_place(
    normal: np.ndarray,
    beats: PairedBeats,
    neighbours: np.ndarray,
    waves: np.ndarray,
    late_s: np.ndarray,
    plan: Plan,
    frame: Frame,
    draws: Draws,
) -> np.ndarray:
    """Put ectopic beats in the place of normal ones; disturb some of all."""
    seen, rows = normal.copy(), plan.premature
    seen[rows] = _premature_shape(normal[rows], beats.own_beats[rows], frame, draws)
    rows = plan.ventricular
    alone = waves[rows] + neighbours[rows] + np.clip(beats.windows - beats.own_beats, -_NOISE, _NOISE)[rows]
    p_waves = shapes.sinus_p_wave(beats.own_beats[rows], late_s[rows], frame)
    alone += p_waves * _per_beat(draws.chance(_SINUS_GOES_ON, rows.sum()) & plan.early[rows])
    share = np.where(plan.fusion[rows], draws.uniform(0.3, 0.75, rows.sum()), 0)
    seen[rows] = np.where(_per_beat(share > 0), shapes.fused(normal[rows], alone, share, frame), alone)
    rows = draws.chance(1 - _AS_RECORDED, len(seen))
    seen[rows] = disturbed(seen[rows], beats.own_beats[rows], frame, draws)
    return seen


def _usual_s(tachograms: np.ndarray) -> np.ndarray:
    """Median RR interval in seconds, shape ``(examples,)``."""
    return np.asarray(np.exp(np.median(tachograms[:, :BEFORE], axis=1)))


def _fibrillating(beats: PairedBeats, rhythms: Rhythms, frame: Frame, draws: Draws) -> PairedBeats:
    """Put small waves in place of P waves where the atria fibrillate; in the own beat too once that has lasted."""
    rows = rhythms.fibrillating & draws.chance(0.9, len(rhythms.onset))
    windows, own_beats, recent, spread = (
        array.copy() for array in (beats.windows, beats.own_beats, beats.recent_beats, beats.spread)
    )
    p_waves = shapes.p_wave(own_beats[rows], frame)
    waves, height = shapes.fibrillatory_waves(len(p_waves), windows.shape[2], frame, draws)
    windows[rows] += waves - p_waves
    own_beats[rows] -= p_waves * _per_beat(~rhythms.recent_onset[rows])
    recent[rows] -= p_waves
    spread[rows] = np.hypot(spread[rows], 0.5 * height)
    return PairedBeats(windows, own_beats, recent, spread, beats.earlier_distances)


def _per_beat(values: np.ndarray) -> np.ndarray:
    """Give values of examples the axes of windows."""
    return values[:, np.newaxis, np.newaxis]


def _premature_shape(windows: np.ndarray, own_beats: np.ndarray, frame: Frame, draws: Draws) -> np.ndarray:
    """Give premature beats another P wave (most) and a wider complex (some)."""
    other_p, aberrant = (_per_beat(draws.chance(share, len(windows))) for share in (0.8, 0.15))
    windows = np.where(other_p, shapes.with_other_p_wave(windows, own_beats, frame, draws), windows)
    return np.where(aberrant, shapes.with_aberration(windows, own_beats, frame, draws), windows)


def _polluted(recent: np.ndarray, waves: np.ndarray, plan: Plan, draws: Draws) -> np.ndarray:
    """Let ventricular beats of a run have reached the recent beats already: then they look like what is usual."""
    count = len(recent)
    chosen = plan.ventricular & ~plan.fusion & draws.chance(np.where(plan.run, 0.5, 0.1), count)
    share = draws.uniform(0.4, 1.0, count) * chosen
    return np.asarray(recent + (waves - recent) * _per_beat(share))


def _earlier_distances(earlier: np.ndarray, distances: np.ndarray, plan: Plan, draws: Draws) -> np.ndarray:
    """Let the beats of a run have been about as far from the own beat as this one."""
    count, beats = earlier.shape
    return np.where(
        plan.in_run(beats) | plan.blocked[:, np.newaxis],
        distances[:, np.newaxis] + 0.4 * draws.normal(count, beats),
        earlier,
    )


def _stale(own_beats: np.ndarray, plan: Plan, frame: Frame, draws: Draws) -> np.ndarray:
    """Let the own beat of some normal beats be that of another posture: other heights, a little of the other lead."""
    count, _, leads = own_beats.shape
    chosen = ~plan.premature & ~plan.ventricular & draws.chance(0.08, count)
    level = shapes.isoelectric(own_beats, frame)
    mixed = 0.15 * draws.normal(count, 1, 1) * (own_beats - level)[:, :, ::-1] * (leads > 1)
    other = own_beats * np.exp(0.12 * draws.normal(count, 1, leads)) + mixed
    return np.where(_per_beat(chosen), other, own_beats)


def _scale(count: int, leads: int, draws: Draws) -> np.ndarray:
    """Scale half of the examples as a whole: what counts as usual height depends on the last minutes."""
    chosen = draws.chance(0.5, count, 1, 1)
    return np.where(chosen, np.exp(0.15 * draws.normal(count, 1, leads)), 1.0)


def _kept_leads(count: int, leads: int, draws: Draws) -> np.ndarray:
    """Take one lead from some examples, if there are several: false for that."""
    lost = draws.chance(_LOST_LEAD, count, 1, 1) & (leads > 1)
    return np.asarray(~(lost & draws.one_lead(leads, count)))


def _times(beats: PairedBeats, factor: np.ndarray) -> PairedBeats:
    windows = ("windows", "own_beats", "recent_beats", "spread")
    return replace(beats, **{name: np.asarray(getattr(beats, name) * factor, dtype=np.float32) for name in windows})
