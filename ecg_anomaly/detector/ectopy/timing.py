"""When beats come: RR intervals of premature, ventricular and fusion beats, and of normal ones beside them."""

from __future__ import annotations

import numpy as np

from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.plan import Plan
from ecg_anomaly.detector.ectopy.rhythms import AFTER, BEFORE, LOG_RR_LIMITS, Rhythms, compensatory_pause, interpolated

# How early ectopic beats come: log of a share of the usual interval.
_PREMATURE, _VENTRICULAR, _ANY = (-0.7, -0.11), (-0.85, -0.06), (-0.8, -0.1)
_CLEARLY = 1.3  # earlier than the rhythm itself varies (median absolute deviation) by this factor
_REFRACTORY_S = {"premature": 0.35, "ventricular": 0.3}  # no beat comes sooner: AV node, muscle
_ESCAPE = (0.05, 0.7)
_FUSION_BEFORE, _FUSION_AFTER = (-0.14, 0.02), (-0.05, 0.14)
_RUN_VARIES = 0.04


def with_timing(rhythms: Rhythms, plan: Plan, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Let beats come when their kind comes.

    Returns
    -------
    tachograms, late_s
        Shape ``(examples, intervals)``, as in `rhythms`; and by how many seconds each beat comes after it was due,
        shape ``(examples,)``.
    """
    usual = usual_interval(rhythms.tachograms, draws)
    changed = rhythms.tachograms.copy()
    coupling = _coupling(rhythms, usual, plan, draws)
    _set_ectopic(changed, usual, coupling, plan, draws)
    _set_beside_ectopic(changed, usual, plan, draws)
    changed = np.clip(changed, *LOG_RR_LIMITS)
    return changed, np.exp(changed[:, BEFORE]) - np.exp(usual)


def usual_interval(tachograms: np.ndarray, draws: Draws) -> np.ndarray:
    """Give the interval that was due, shape ``(examples,)``: that of the last minutes, or of the last beats."""
    earlier = tachograms[:, :BEFORE]
    of_minutes, of_beats = np.quantile(earlier, 0.75, axis=1), np.quantile(earlier[:, -12:], 0.6, axis=1)
    return np.asarray(np.where(draws.chance(0.5, len(earlier)), of_minutes, of_beats).astype(np.float32))


def _coupling(rhythms: Rhythms, usual: np.ndarray, plan: Plan, draws: Draws) -> np.ndarray:
    """How early each beat would come as an ectopic one.

    Where there were ectopic beats before, it mostly comes like them: the coupling of one focus is fixed.
    """
    count, earlier = len(usual), rhythms.tachograms[:, :BEFORE]
    varies = np.maximum(_variation(earlier), _variation(earlier[:, -12:]))
    drawn = np.where(plan.premature, draws.uniform(*_PREMATURE, count), draws.uniform(*_VENTRICULAR, count))
    alike = np.isfinite(rhythms.coupling) & draws.chance(0.6, count)
    drawn = np.where(alike, rhythms.coupling + 0.03 * draws.normal(count), drawn)
    least_s = np.where(plan.premature, _REFRACTORY_S["premature"], _REFRACTORY_S["ventricular"])
    return np.asarray(np.maximum(np.minimum(drawn, -_CLEARLY * varies), np.log(least_s) - usual))


def _variation(log_rr: np.ndarray) -> np.ndarray:
    """Median absolute deviation."""
    return np.asarray(np.median(np.abs(log_rr - np.median(log_rr, axis=1, keepdims=True)), axis=1))


def _set_ectopic(changed: np.ndarray, usual: np.ndarray, coupling: np.ndarray, plan: Plan, draws: Draws) -> None:
    count, intervals = changed.shape
    fast = (usual + coupling)[:, np.newaxis] + _RUN_VARIES * draws.normal(count, intervals + BEFORE)
    changed[:, :BEFORE] = np.where(plan.in_run(intervals + BEFORE), fast, changed[:, :BEFORE])
    before = [coupling, draws.uniform(*_ESCAPE, count), draws.uniform(*_FUSION_BEFORE, count)]
    changed[:, BEFORE] = np.select(
        [plan.early, plan.late, plan.fusion], [usual + shift for shift in before], changed[:, BEFORE]
    )
    pause = _pause(coupling, plan, draws)
    changed[:, AFTER] = np.select(
        [plan.early, plan.fusion], [usual + pause, usual + draws.uniform(*_FUSION_AFTER, count)], changed[:, AFTER]
    )


def _pause(coupling: np.ndarray, plan: Plan, draws: Draws) -> np.ndarray:
    """Log RR after early beats: compensatory, or the sinus node starts anew, or another early beat, or interpolated.

    Atrial beats reset the sinus node more often than ventricular ones, which seldom reach it.
    """
    count, kind = len(coupling), draws.uniform(0, 1, len(coupling))
    compensatory = compensatory_pause(coupling) + 0.04 * draws.normal(count)
    reset = np.where(plan.premature, draws.uniform(-0.05, 0.3, count), draws.uniform(0, 0.3, count))
    again = coupling + draws.uniform(-0.08, 0.2, count)
    between = plan.ventricular & draws.chance(0.05, count)
    is_compensatory = kind < np.where(plan.premature, 0.3, 0.6)
    return np.select([between, kind > 0.82, is_compensatory], [interpolated(coupling), again, compensatory], reset)


def _set_beside_ectopic(changed: np.ndarray, usual: np.ndarray, plan: Plan, draws: Draws) -> None:
    """Let an ectopic beat come before those that follow one, and after those that lead one."""
    count = len(changed)
    coupling, kind = draws.uniform(*_ANY, count), draws.uniform(0, 1, count)
    pause = np.select(
        [kind < 0.08, kind < 0.58],
        [interpolated(coupling), compensatory_pause(coupling)],
        draws.uniform(-0.05, 0.35, count),
    )
    changed[:, BEFORE - 1] = np.where(plan.following, usual + coupling, changed[:, BEFORE - 1])
    changed[:, BEFORE] = np.where(plan.following, usual + pause, changed[:, BEFORE])
    changed[:, AFTER] = np.where(plan.leading, usual + draws.uniform(*_ANY, count), changed[:, AFTER])
