"""Limb leads that follow from I and II, which many electrocardiographs therefore do not store.

Einthoven: III = II - I. Goldberger: aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.lead_names import lead_name
from ecg_anomaly.records.source import Source
from ecg_anomaly.records.units import millivolts_per
from ecg_anomaly.words import StartTime

_WEIGHTS = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}  # of I and II
_STORED = {"i", "ii", *(f"v{number}" for number in range(1, 7))}


@dataclass(frozen=True)
class DerivedLeads:
    """A recording with the limb leads that its file does not store behind those that it does; see `source.Source`."""

    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    source: Source = field(repr=False)
    pair: tuple[int, int]  # which of its channels are I and II
    derived: tuple[str, ...]

    @property
    def start_time(self) -> StartTime | None:
        """That of the recording."""
        return self.source.start_time

    def blocks(self, columns: Sequence[int], length: int) -> Iterator[np.ndarray]:
        """Yield consecutive blocks of some channels, of shape ``(length, columns)``, the last shorter."""
        stored = len(self.source.channels)
        if max(columns) < stored:
            yield from self.source.blocks(columns, length)
            return
        needed = sorted({*self.pair, *columns} & set(range(stored)))
        weights = np.zeros((len(needed), len(columns)))
        for place, column in enumerate(columns):
            if column < stored:
                weights[needed.index(column), place] = 1.0
            else:
                weights[[needed.index(lead) for lead in self.pair], place] = _WEIGHTS[self.derived[column - stored]]
        for block in self.source.blocks(needed, length):
            # A product would spread what is missing in one lead over all.
            yield np.stack([block[:, used] @ weights[used, place] for place, used in enumerate(weights.T != 0)], axis=1)


def with_derived_leads(source: Source) -> Source:
    """Add those of III, aVR, aVL and aVF that a standard ECG lacks, which has I, II and V1 to V6.

    Any other recording stays as it is. A derived sample is missing where that of I or II is.
    """
    places = {lead_name(channel.label).lower(): index for index, channel in enumerate(source.channels)}
    derived = tuple(name for name in _WEIGHTS if name.lower() not in places)
    if not derived or not places.keys() >= _STORED:
        return source
    pair = places["i"], places["ii"]
    first, second = (source.channels[index] for index in pair)
    if (
        first.fault
        or second.fault
        or (first.unit, first.sampling_rate_hz, first.samples) != (second.unit, second.sampling_rate_hz, second.samples)
        or millivolts_per(first.unit) is None
    ):
        return source
    note = f"leads {', '.join(derived)} are not stored in the file and were derived from I and II"
    channels = (*source.channels, *(replace(first, label=name) for name in derived))
    return DerivedLeads(channels, (*source.notes, note), source, pair, derived)
