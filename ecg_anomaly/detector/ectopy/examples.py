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

_LOST_LEAD = 0.2  # share of the examples that lose a lead, so that the network serves one lead too


@dataclass(frozen=True)
class Examples(PerBeat):
    """Simulated beats."""

    paired: PairedBeats  # beside their patients' own beats
    tachograms: np.ndarray  # shape (examples, intervals): log RR, as in `rhythms`
    normal: np.ndarray  # shape (examples, samples, leads): the normal beat that each would have been
    kinds: np.ndarray  # shape (examples,): NORMAL, PREMATURE or VENTRICULAR


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
    draws = Draws(seed)
    rhythms = simulate_rhythms(tachograms, draws)
    plan = make_plan(rhythms.fibrillating, ectopic_share, draws)
    changed = with_timing(rhythms.tachograms, plan, draws)
    beats = _at_tempo(beats, tachograms, rhythms.tachograms, frame)
    waves = shapes.isoelectric(beats.own_beats, frame) + shapes.ventricular(beats.own_beats, others, frame, draws)

    atria = _fibrillating(beats, rhythms, frame, draws)
    moved = _moved_neighbours(beats, tachograms, changed, waves, plan, frame, draws)
    normal = beats.windows + moved + atria.windows
    normal = np.where(_per_beat(plan.blocked), shapes.with_block(normal, waves, beats.own_beats, frame), normal)
    normal = np.where(_per_beat(plan.no_beat), _without_beat(beats, changed, frame), normal)
    premature = _premature_shape(normal, beats.own_beats, plan, frame, draws)
    alone = waves + moved + np.clip(beats.windows - beats.own_beats, -_NOISE, _NOISE)
    share = _per_beat(np.where(plan.fusion, draws.uniform(0.3, 0.75, len(normal)), 0))
    seen = np.where(_per_beat(plan.ventricular), share * premature + (1 - share) * alone, premature)
    seen = np.where(_per_beat(plan.no_beat), seen + shapes.jolts(*seen.shape[::2], frame, draws), seen)
    seen = disturbed(seen, beats.own_beats, frame, draws)

    own_beats = _stale(beats.own_beats + atria.own_beats, plan, frame, draws)
    paired = PairedBeats(
        seen,
        own_beats,
        _polluted(beats.recent_beats + atria.recent_beats, waves, plan, draws),
        np.hypot(beats.spread, atria.spread),
        _earlier_distances(beats.earlier_distances, log_distance(seen, own_beats, frame), plan, draws),
    )
    kinds = np.select([plan.premature, plan.ventricular], [PREMATURE, VENTRICULAR], NORMAL)
    return _with_lost_leads(_with_scale(Examples(paired, changed, normal, kinds), draws), draws)


_MOVED_S = 0.033  # a neighbour that moves less stays as it was recorded
_NOISE = 0.3  # what lies farther from the own beat is no noise


def _at_tempo(beats: PairedBeats, tachograms: np.ndarray, changed: np.ndarray, frame: Frame) -> PairedBeats:
    """Move the neighbours that the own and the recent beat hold to the interval that has become usual."""
    was_s, is_s = (np.exp(np.median(rhythm[:, :BEFORE], axis=1)) for rhythm in (tachograms, changed))
    moved = np.zeros_like(beats.own_beats)
    rows = np.abs(is_s - was_s) > _MOVED_S
    own_beats, was_s, is_s = beats.own_beats[rows], was_s[rows], is_s[rows]
    for side in (-1, 1):
        moved[rows] += shapes.neighbour(own_beats, side * is_s, frame) - shapes.neighbour(
            own_beats, side * was_s, frame
        )
    return replace(beats, own_beats=beats.own_beats + moved, recent_beats=beats.recent_beats + moved)


def _moved_neighbours(
    beats: PairedBeats,
    tachograms: np.ndarray,
    changed: np.ndarray,
    waves: np.ndarray,
    plan: Plan,
    frame: Frame,
    draws: Draws,
) -> np.ndarray:
    """What the beats before and after leave in the window at their new places, less what they left at the old ones.

    Beats of a run of ventricular beats have neighbours like them; so has every second normal beat after an ectopic one.
    Where no beat was, or was missed, the neighbour in the window stays where it is.
    """
    count = len(changed)
    run = plan.run & plan.ventricular
    ventricular = (run | (plan.following & draws.chance(0.5, count)), run & draws.chance(0.5, count))
    stays = (plan.after_no_beat | plan.after_missed, plan.before_no_beat | plan.before_missed)
    moved = np.zeros_like(beats.windows)
    for side, column in enumerate((BEFORE, AFTER)):
        was_s, is_s = np.exp(tachograms[:, column]), np.exp(changed[:, column])
        rows = (ventricular[side] | (np.abs(is_s - was_s) > _MOVED_S)) & ~stays[side]
        own_beats, sign = beats.own_beats[rows], (-1, 1)[side]
        neighbours = np.where(_per_beat(ventricular[side][rows]), waves[rows], own_beats)
        moved[rows] += shapes.neighbour(neighbours, sign * is_s[rows], frame)
        moved[rows] -= shapes.neighbour(own_beats, sign * was_s[rows], frame)
    return moved


def _without_beat(beats: PairedBeats, changed: np.ndarray, frame: Frame) -> np.ndarray:
    """What the window shows where there is no beat: the beats before and after, and noise."""
    level = shapes.isoelectric(beats.own_beats, frame) + beats.windows - beats.own_beats
    before = shapes.neighbour(beats.own_beats, -np.exp(changed[:, BEFORE]), frame)
    return np.asarray(level + before + shapes.neighbour(beats.own_beats, np.exp(changed[:, AFTER]), frame))


def _fibrillating(beats: PairedBeats, rhythms: Rhythms, frame: Frame, draws: Draws) -> PairedBeats:
    """What fibrillating atria change: small waves instead of P waves, in the own beat too once it has lasted."""
    without = rhythms.fibrillating & draws.chance(0.9, len(rhythms.onset))
    p_waves = _per_beat(without) * shapes.p_wave(beats.own_beats, frame)
    waves, height = shapes.fibrillatory_waves(*beats.windows.shape[::2], frame, draws)
    waves, height = waves * _per_beat(without), height * _per_beat(without)
    lasted = _per_beat(~rhythms.recent_onset)
    heights = np.broadcast_to(0.5 * height, waves.shape)
    return PairedBeats(waves - p_waves, -p_waves * lasted, -p_waves, heights, beats.earlier_distances)


def _per_beat(values: np.ndarray) -> np.ndarray:
    """Give values of examples the axes of windows."""
    return values[:, np.newaxis, np.newaxis]


def _premature_shape(windows: np.ndarray, own_beats: np.ndarray, plan: Plan, frame: Frame, draws: Draws) -> np.ndarray:
    """Give premature beats another P wave (most) and a slightly wider complex (some)."""
    count = len(windows)
    other_p, aberrant = (_per_beat(plan.premature & (draws.chance(share, count))) for share in (0.8, 0.15))
    windows = np.where(other_p, shapes.with_other_p_wave(windows, own_beats, frame, draws), windows)
    return np.where(aberrant, shapes.with_aberration(windows, own_beats, frame, draws), windows)


def _polluted(recent: np.ndarray, waves: np.ndarray, plan: Plan, draws: Draws) -> np.ndarray:
    """Let ventricular beats of a run have reached the recent beats already: then they look like what is usual."""
    count = len(recent)
    chosen = plan.ventricular & ~plan.fusion & draws.chance(np.where(plan.run, 0.5, 0.1), count)
    share = draws.uniform(0.4, 1.0, count) * chosen
    return recent + (waves - recent) * _per_beat(share)


def _earlier_distances(earlier: np.ndarray, distances: np.ndarray, plan: Plan, draws: Draws) -> np.ndarray:
    """Let the beats of a run have been about as far from the own beat as this one."""
    count, beats = earlier.shape
    alike = plan.in_run(beats) | plan.blocked[:, np.newaxis]
    return np.where(alike, distances[:, np.newaxis] + 0.4 * draws.normal(count, beats), earlier)


def _stale(own_beats: np.ndarray, plan: Plan, frame: Frame, draws: Draws) -> np.ndarray:
    """Let the own beat of some normal beats be that of another posture: other heights, a little of the other lead."""
    count, _, leads = own_beats.shape
    chosen = ~plan.premature & ~plan.ventricular & (draws.chance(0.08, count))
    level = shapes.isoelectric(own_beats, frame)
    mixed = 0.15 * draws.normal(count, 1, 1) * (own_beats - level)[:, :, ::-1] * (leads > 1)
    other = own_beats * np.exp(0.12 * draws.normal(count, 1, leads)) + mixed
    return np.where(_per_beat(chosen), other, own_beats)


def _with_scale(examples: Examples, draws: Draws) -> Examples:
    """Scale half of the examples as a whole: what counts as usual height depends on the last minutes."""
    count, _, leads = examples.normal.shape
    chosen = draws.chance(0.5, count, 1, 1)
    scale = np.where(chosen, np.exp(0.15 * draws.normal(count, 1, leads)), 1.0)
    return _times(examples, scale)


def _with_lost_leads(examples: Examples, draws: Draws) -> Examples:
    """Take one lead from some examples, if there are several."""
    count, _, leads = examples.normal.shape
    lost = draws.chance(_LOST_LEAD, count, 1, 1) & (leads > 1)
    return _times(examples, ~(lost & (draws.integers(leads, count, 1, 1) == np.arange(leads))))


def _times(examples: Examples, factor: np.ndarray) -> Examples:
    shapes_ = ("windows", "own_beats", "recent_beats", "spread")
    changed = {name: np.asarray(getattr(examples.paired, name) * factor, dtype=np.float32) for name in shapes_}
    return replace(
        examples,
        paired=replace(examples.paired, **changed),
        normal=np.asarray(examples.normal * factor, dtype=np.float32),
    )
