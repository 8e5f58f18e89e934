"""What becomes of each normal beat: it stays one, maybe beside an ectopic one, or an ectopic one takes its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.rhythms import Rhythms

_IN_RUN = {"premature": 0.4, "ventricular": 0.25}  # shares of the early beats that end a run so far
_EARLY = {"premature": 0.97, "ventricular": 0.86}  # shares of those beats that come before they are due
_FUSIONS = 0.08  # of the ventricular beats
_LATE = 0.6  # of the ventricular beats that do not come early: escape beats; the others come in time

_FOLLOWING, _LEADING, _BLOCKED = 0.15, 0.12, 0.002  # of the normal beats


@dataclass(frozen=True)
class Plan(PerBeat):
    """What becomes of each beat; arrays of shape ``(examples,)``, bool unless said otherwise."""

    premature: np.ndarray  # a premature atrial beat takes its place
    ventricular: np.ndarray  # a ventricular or a fusion beat does
    fusion: np.ndarray  # the ventricular beat meets the normal one
    early: np.ndarray  # it comes before it is due
    late: np.ndarray  # it escapes after a pause
    run_length: np.ndarray  # int: so many beats before it were like it; 0 where none was
    following: np.ndarray  # a normal beat right after an ectopic one
    leading: np.ndarray  # a normal beat right before a premature one
    fibrillating: np.ndarray  # the atria fibrillate
    blocked: np.ndarray  # a normal beat with bundle branch block, like those before it

    @property
    def run(self) -> np.ndarray:
        """Bool: whether the beat goes on a run of beats like it."""
        return self.run_length > 0

    def in_run(self, beats: int) -> np.ndarray:
        """Mark which of so many beats before each one are part of its run: shape ``(examples, beats)``, bool."""
        return np.asarray(np.arange(beats) >= beats - self.run_length[:, np.newaxis])


def make_plan(rhythms: Rhythms, ectopic_share: float, draws: Draws) -> Plan:
    """Decide what becomes of beats; in atrial fibrillation or a fast rhythm no atrial beat is premature."""
    fibrillating, count = rhythms.fibrillating, len(rhythms.fibrillating)
    kind = draws.uniform(0, 1, count)
    premature = (kind < ectopic_share / 2) & ~fibrillating & ~rhythms.fast
    ventricular = (kind >= ectopic_share / 2) & (kind < ectopic_share)
    fusion = ventricular & draws.chance(_FUSIONS, count)
    early = premature & draws.chance(_EARLY["premature"], count)
    early |= ventricular & ~fusion & ~fibrillating & draws.chance(_EARLY["ventricular"], count)
    late = ventricular & ~fusion & ~early & ~fibrillating & draws.chance(_LATE, count)
    run = early & draws.chance(np.where(premature, _IN_RUN["premature"], _IN_RUN["ventricular"]), count)
    run_length = run * draws.log_uniform(1, 100, count).astype(np.int64)  # short ones more often
    normal = ~premature & ~ventricular
    # Fibrillation hides what came before and after.
    steady = normal & ~fibrillating
    following, leading = (steady & draws.chance(share, count) for share in (_FOLLOWING, _LEADING))
    blocked = steady & ~following & ~leading & draws.chance(_BLOCKED, count)
    return Plan(premature, ventricular, fusion, early, late, run_length, following, leading, fibrillating, blocked)
