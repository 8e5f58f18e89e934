"""Simulated examples: normal beats as they could have come, and premature, ventricular and fusion beats in their place.

Each is made from a normal beat of a training patient, its surroundings included. No label of an anomaly is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import os
import numpy as np

from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.detector.ectopy import shapes
from ecg_anomaly.detector.ectopy.disturbances import disturbed
from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.rhythms import (
    AFTER,
    BEFORE,
    LOG_RR_LIMITS,
    Rhythms,
    compensatory_pause,
    interpolated,
    simulate_rhythms,
    usual_interval,
)
from ecg_anomaly.detector.ectopy.shapes import Material
from ecg_anomaly.detector.patient import PairedBeats, log_distance, without_next_beat

NORMAL, PREMATURE, VENTRICULAR = 0, 1, 2  # what the network tells apart: N, S and V

_FUSIONS = float(os.environ.get("FUS","0.08"))  # of the ventricular beats
_LOST_LEAD = 0.2  # share of the examples that lose a lead, so that the network serves one lead too


@dataclass(frozen=True)
class Examples(PerBeat):
    """Simulated beats."""

    paired: PairedBeats  # beside their patients' own beats
    tachograms: np.ndarray  # shape (examples, intervals): log RR, as in `rhythms`
    normal: np.ndarray  # shape (examples, samples, leads): the normal beat that each would have been
    kinds: np.ndarray  # shape (examples,): NORMAL, PREMATURE or VENTRICULAR


@dataclass(frozen=True)
class _Plan(PerBeat):
    """What is to become of each normal beat; arrays of shape ``(examples,)``, bool."""

    premature: np.ndarray
    ventricular: np.ndarray
    fusion: np.ndarray  # some of the ventricular ones
    early: np.ndarray  # beats that come before they are due
    run: np.ndarray  # some of the early ones: so were those before
    run_length: np.ndarray  # int: how many of them
    following: np.ndarray  # normal beats right after an ectopic one
    blocked: np.ndarray  # normal beats whose bundle branch has been blocked for some beats


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
    plan = _plan(rhythms, ectopic_share, draws)
    changed = _with_timing(rhythms, plan, draws)
    material = Material(beats.windows, beats.own_beats, others)
    waves = shapes.isoelectric(beats.own_beats, frame) + shapes.ventricular(material, frame, draws)

    surroundings = _surroundings(beats, tachograms, changed, waves, plan, frame, draws)
    atria = _fibrillating(beats, rhythms, frame, draws)
    normal = beats.windows + surroundings + atria.windows
    normal = np.where(_per_beat(plan.blocked), shapes.with_block(normal, waves, beats.own_beats, frame), normal)
    own_beats, recent = beats.own_beats + atria.own_beats, beats.recent_beats + atria.recent_beats
    spread = np.hypot(beats.spread, atria.spread)

    premature = _premature_shape(normal, beats.own_beats, plan, frame, draws)
    alone = waves + surroundings + np.clip(beats.windows - beats.own_beats, -_NOISE, _NOISE)
    share = _per_beat(np.where(plan.fusion, draws.uniform(0.3, 0.75, len(normal)), 0.0))
    seen = np.where(_per_beat(plan.ventricular), share * premature + (1 - share) * alone, premature)
    recent = _polluted(recent, waves, plan, draws)
    seen = disturbed(seen, own_beats, frame, draws)
    own_beats = _stale(own_beats, plan, frame, draws)

    after_s = np.exp(changed[:, AFTER])
    seen, normal = (without_next_beat(windows, own_beats, after_s, frame) for windows in (seen, normal))
    kinds = np.select([plan.premature, plan.ventricular], [PREMATURE, VENTRICULAR], NORMAL)
    far = log_distance(seen, own_beats, frame)
    distances = _earlier_distances(beats.earlier_distances, far, plan, draws)
    paired = PairedBeats(seen, own_beats, recent, spread, distances)
    return _with_lost_leads(_with_scale(Examples(paired, changed, normal, kinds), draws), draws)


_MOVED_S = 0.033  # a neighbour that moves less stays as it was recorded
import os

BLK = float(os.environ.get("BLK", ".005"))
_NOISE = 0.3  # what lies farther from the own beat is no noise


def _plan(rhythms: Rhythms, ectopic_share: float, draws: Draws) -> _Plan:
    """Decide what each beat becomes. Atrial fibrillation has no premature atrial beats."""
    count = len(rhythms.tachograms)
    draw, kind = draws.uniform(0, 1, count), draws.uniform(0, 1, count)
    premature = (draw < ectopic_share / 2) & ~rhythms.fibrillating
    ventricular = (draw >= ectopic_share / 2) & (draw < ectopic_share)
    fusion = ventricular & (draws.chance(_FUSIONS, count))
    early = (premature & (kind < 0.97)) | (ventricular & ~fusion & (kind < float(os.environ.get("EARLY","0.86"))) & ~rhythms.fibrillating)
    run = early & (draws.uniform(0, 1, count) < np.where(premature, 0.4, 0.25))
    run_length = draws.log_uniform(1, 100, count).astype(np.int64)  # 1 to 99, short ones more often
    following = ~premature & ~ventricular & ~rhythms.fibrillating & (draws.chance(0.15, count))
    blocked = ~premature & ~ventricular & ~following & (draws.chance(BLK, count))
    return _Plan(premature, ventricular, fusion, early, run, run_length, following, blocked)


def _with_timing(rhythms: Rhythms, plan: _Plan, draws: Draws) -> np.ndarray:
    """Let beats come when their kind comes; tachograms of shape ``(examples, intervals)``."""
    changed, count = rhythms.tachograms.copy(), len(rhythms.tachograms)
    usual = usual_interval(changed, draws)
    earlier = changed[:, :BEFORE]
    varies = np.median(np.abs(earlier - np.median(earlier, axis=1, keepdims=True)), axis=1)
    coupling = np.where(plan.premature, draws.uniform(-0.8, -0.11, count), draws.uniform(-0.85, -0.06, count))
    coupling = np.minimum(coupling, -1.3 * varies)  # earlier than the rhythm itself brings them

    in_run = plan.run[:, np.newaxis] & (
        np.arange(earlier.shape[1]) >= earlier.shape[1] - plan.run_length[:, np.newaxis]
    )
    fast = (usual + coupling)[:, np.newaxis] + 0.04 * draws.normal(*earlier.shape)
    changed[:, :BEFORE] = np.where(in_run, fast, earlier)

    late = plan.ventricular & ~plan.early & ~plan.fusion & ~rhythms.fibrillating & (draws.chance(0.6, count))
    before = np.select(
        [plan.early, late, plan.fusion],
        [usual + coupling, usual + draws.uniform(0.05, 0.7, count), usual + draws.uniform(-0.14, 0.02, count)],
        changed[:, BEFORE],
    )
    after = np.select(
        [plan.early, plan.fusion],
        [usual + _pause(before - usual, plan, draws), usual + draws.uniform(-0.05, 0.14, count)],
        changed[:, AFTER],
    )
    changed[:, BEFORE], changed[:, AFTER] = before, after
    leading = ~plan.premature & ~plan.ventricular & ~rhythms.fibrillating & (draws.chance(0.12, count))
    changed = _beside_ectopic_beats(changed, usual, plan.following, leading, draws)
    return np.clip(changed, *LOG_RR_LIMITS)


def _pause(coupling: np.ndarray, plan: _Plan, draws: Draws) -> np.ndarray:
    """Log RR after early beats: compensatory, or the sinus node starts anew, or another early beat, or interpolated."""
    count, kind = len(coupling), draws.uniform(0, 1, len(coupling))
    compensatory = compensatory_pause(coupling) + 0.04 * draws.normal(count)
    reset = np.where(plan.premature, draws.uniform(-0.05, 0.3, count), draws.uniform(0, 0.3, count))
    pause = np.where(kind < np.where(plan.premature, 0.3, 0.6), compensatory, reset)
    pause = np.where(kind > 0.82, coupling + draws.uniform(-0.08, 0.2, count), pause)
    return np.where(plan.ventricular & (draws.chance(0.05, count)), interpolated(coupling), pause)


def _beside_ectopic_beats(
    tachograms: np.ndarray, usual: np.ndarray, following: np.ndarray, leading: np.ndarray, draws: Draws
) -> np.ndarray:
    """Let ectopic beats come right before some normal beats, and right after some."""
    count = len(tachograms)
    coupling, kind = draws.uniform(-0.8, -0.1, count), draws.uniform(0, 1, count)
    pause = np.select(
        [kind < 0.08, kind < 0.58],
        [interpolated(coupling), compensatory_pause(coupling)],
        draws.uniform(-0.05, 0.35, count),
    )
    changed = tachograms.copy()
    changed[:, BEFORE - 1] = np.where(following, usual + coupling, changed[:, BEFORE - 1])
    changed[:, BEFORE] = np.where(following, usual + pause, changed[:, BEFORE])
    changed[:, AFTER] = np.where(leading, usual + draws.uniform(-0.8, -0.1, count), changed[:, AFTER])
    return changed


def _surroundings(
    beats: PairedBeats,
    tachograms: np.ndarray,
    changed: np.ndarray,
    waves: np.ndarray,
    plan: _Plan,
    frame: Frame,
    draws: Draws,
) -> np.ndarray:
    """What the beat before leaves in the window at its new place, less what it left at the old one.

    In runs of ventricular beats, and before half of the normal beats that follow an ectopic one, it is a ventricular
    beat. What comes after is hidden by `without_next_beat`.
    """
    was_s, is_s = np.exp(tachograms[:, BEFORE]), np.exp(changed[:, BEFORE])
    is_ventricular = (plan.run & plan.ventricular) | (plan.following & (draws.chance(0.5, len(was_s))))
    previous = np.where(_per_beat(is_ventricular), waves, beats.own_beats)
    moved = is_ventricular | (np.abs(is_s - was_s) > _MOVED_S)
    difference = shapes.neighbour(previous, -is_s, frame) - shapes.neighbour(beats.own_beats, -was_s, frame)
    import os

    if os.environ.get("NOMASK"):
        wa, ia = np.exp(tachograms[:, AFTER]), np.exp(changed[:, AFTER])
        nv = (plan.run & plan.ventricular) & (draws.chance(0.5, len(was_s)))
        nxt = np.where(_per_beat(nv), waves, beats.own_beats)
        dif = shapes.neighbour(nxt, ia, frame) - shapes.neighbour(beats.own_beats, wa, frame)
        return _per_beat(moved) * difference + _per_beat(nv | (np.abs(ia - wa) > _MOVED_S)) * dif
    return _per_beat(moved) * difference


def _fibrillating(beats: PairedBeats, rhythms: Rhythms, frame: Frame, draws: Draws) -> PairedBeats:
    """What fibrillating atria change: small waves instead of P waves, in the own beat too once it has lasted."""
    without = rhythms.fibrillating & (draws.chance(0.9, len(rhythms.onset)))
    p_waves = _per_beat(without) * shapes.p_wave(beats.own_beats, frame)
    waves, height = shapes.fibrillatory_waves(*beats.windows.shape[::2], frame, draws)
    waves, height = waves * _per_beat(without), height * _per_beat(without)
    lasted = _per_beat(~rhythms.recent_onset)
    heights = np.broadcast_to(0.5 * height, waves.shape)
    return PairedBeats(waves - p_waves, -p_waves * lasted, -p_waves, heights, beats.earlier_distances)


def _per_beat(values: np.ndarray) -> np.ndarray:
    """Give values of examples the axes of windows."""
    return values[:, np.newaxis, np.newaxis]


def _premature_shape(windows: np.ndarray, own_beats: np.ndarray, plan: _Plan, frame: Frame, draws: Draws) -> np.ndarray:
    """Give premature beats another P wave (most) and a slightly wider complex (some)."""
    count = len(windows)
    other_p, aberrant = (_per_beat(plan.premature & (draws.chance(share, count))) for share in (0.8, 0.15))
    windows = np.where(other_p, shapes.with_other_p_wave(windows, own_beats, frame, draws), windows)
    return np.where(aberrant, shapes.with_aberration(windows, own_beats, frame, draws), windows)


def _polluted(recent: np.ndarray, waves: np.ndarray, plan: _Plan, draws: Draws) -> np.ndarray:
    """Let ventricular beats of a run have reached the recent beats already: then they look like what is usual."""
    count = len(recent)
    chosen = plan.ventricular & ~plan.fusion & (draws.uniform(0, 1, count) < np.where(plan.run, 0.5, 0.1))
    share = draws.uniform(0.4, 1.0, count) * chosen
    return recent + (waves - recent) * _per_beat(share)


def _earlier_distances(earlier: np.ndarray, distances: np.ndarray, plan: _Plan, draws: Draws) -> np.ndarray:
    """Let the beats of a run have been about as far from the own beat as this one."""
    count, beats = earlier.shape
    in_run = plan.run[:, np.newaxis] & (np.arange(beats) >= beats - plan.run_length[:, np.newaxis])
    alike = in_run | plan.blocked[:, np.newaxis]
    return np.where(alike, distances[:, np.newaxis] + 0.4 * draws.normal(count, beats), earlier)


def _stale(own_beats: np.ndarray, plan: _Plan, frame: Frame, draws: Draws) -> np.ndarray:
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
    lost = (draws.uniform(0, 1, count, 1, 1) < _LOST_LEAD) & (leads > 1)
    return _times(examples, ~(lost & (draws.integers(leads, count, 1, 1) == np.arange(leads))))


def _times(examples: Examples, factor: np.ndarray) -> Examples:
    shapes_ = ("windows", "own_beats", "recent_beats", "spread")
    changed = {name: np.asarray(getattr(examples.paired, name) * factor, dtype=np.float32) for name in shapes_}
    return replace(
        examples,
        paired=replace(examples.paired, **changed),
        normal=np.asarray(examples.normal * factor, dtype=np.float32),
    )
