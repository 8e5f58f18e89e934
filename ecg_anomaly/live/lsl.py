"""A stream of the Lab Streaming Layer (https://labstreaminglayer.org): devices and programs on the local network."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ecg_anomaly.config import Records
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.sample_clock import SampleClock
from ecg_anomaly.live.sources import PORTION_S, Portion, choose_leads
from ecg_anomaly.quiet import quiet_native_output
from ecg_anomaly.recordings.channels import Channel, choose_ecg, distinct, lead_name, millivolts_per
from ecg_anomaly.recordings.recording_files import check_sampling_rate

_RESOLVE_S = 5.0  # streams answer within a second; a device may take a few to start
_RESOLVE_ALL_S = 1.0
_ANSWER_S = 5.0
_LOOK_AGAIN_S = 0.5  # how long to look for a stream that is gone, before telling that nothing came
_BUFFERED_S = 360  # what the library keeps while the analysis is busy
_MOST_SAMPLES = 8192  # taken at once
_TELL_S = 10.0  # between two notes of dropped samples

# Some senders write the power of ten of a volt, as MNE-Python does.
_UNITS_BY_POWER = {"0": "V", "-3": "mV", "-6": "uV", "-9": "nV"}


@dataclass(frozen=True)
class _Layout:
    """Which channels are taken, with millivolts per unit of each, and why others are not."""

    leads: tuple[str, ...]
    columns: list[int]
    factors: np.ndarray
    notes: tuple[str, ...]


class LslStream:
    """A stream of the Lab Streaming Layer; see `sources.Source`.

    Its clock is brought to that of this machine by the library (``proc_clocksync``), so that time goes on right when
    the sender starts anew. Its time stamps are not smoothed by it (``proc_dejitter``): see `sample_clock`.

    Parameters
    ----------
    wanted
        Name or source id of the stream.
    asked
        The leads to take; empty: chosen by ``records.leads``.
    gain
        Units per millivolt, for a stream whose channels have no unit.
    settings
        The preferred leads, and how many are taken at most.

    Raises
    ------
    UserError
        When no such stream is there, or several are, or it holds no ECG; with the streams that are there.
    """

    def __init__(self, wanted: str, asked: Sequence[str], gain: float | None, settings: Records):
        self._pylsl = _library()
        self._wanted, self._where = wanted, f"stream {wanted}"
        self._info = self._resolve_one()
        self._inlet = self._connect(self._info)
        self.name = re.sub(r"[^\w.-]+", "_", self._info.name()).strip("._") or "stream"
        self._check()
        self.sampling_rate_hz = Fraction(self._info.nominal_srate()).limit_denominator(1000)
        self._layout = _layout(self._describe(), self._where, asked, gain, settings)
        self._clock = SampleClock(self.sampling_rate_hz, len(self.leads))
        self._told_dropped, self._told_s = 0, -np.inf

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads that are passed on."""
        return self._layout.leads

    @property
    def notes(self) -> tuple[str, ...]:
        """Which channels were left out, and how much was dropped."""
        if not self._clock.gaps:
            return self._layout.notes
        lost = f"{self._samples_words(self._clock.dropped)} did not arrive, in {self._clock.gaps:,} gaps"
        return (*self._layout.notes, lost)

    def portions(self) -> Iterator[Portion]:
        """Yield what arrives, without end; a stream that is gone is waited for."""
        nothing = np.empty((0, self._info.channel_count())), np.empty(0)
        gone = False
        while True:
            notes = []
            try:
                signals, times_s = self._inlet.pull_chunk(PORTION_S, _MOST_SAMPLES, as_numpy=True)
                gone &= not len(times_s)
            except self._pylsl.util.LostError:  # the library itself finds streams again that have a source id
                signals, times_s = nothing
                if not gone:
                    notes.append(f"{self._where} is gone; waiting until it is back")
                gone = True
                self._look_again()
            except self._pylsl.util.TimeoutError:  # the sender's clock was asked and did not answer
                signals, times_s = nothing
            portion_mv = self._clock.push(signals[:, self._layout.columns] * self._layout.factors, times_s)
            yield Portion(portion_mv, (*notes, *self._new_gaps()))

    def _look_again(self) -> None:
        found = self._resolve(_LOOK_AGAIN_S)
        if found and _shape(found[0]) != _shape(self._info):
            raise UserError(f"{self._where}: came back with other channels or another sampling rate; start anew")
        if found:
            self._inlet = self._connect(found[0])

    def _new_gaps(self) -> Iterator[str]:
        """Tell of dropped samples, not too often."""
        now_s = time.monotonic()
        if self._clock.dropped > self._told_dropped and now_s - self._told_s >= _TELL_S:
            yield f"{self._samples_words(self._clock.dropped - self._told_dropped)} did not arrive"
            self._told_dropped, self._told_s = self._clock.dropped, now_s

    def _samples_words(self, samples: int) -> str:
        return f"{samples:,} samples ({float(samples / self.sampling_rate_hz):.2f} s)"

    def _resolve(self, seconds: float, least: int = 1) -> list[Any]:
        mark = "'" if '"' in self._wanted else '"'
        wanted = f"{mark}{self._wanted}{mark}"
        return list(self._pylsl.resolve_bypred(f"name={wanted} or source_id={wanted}", least, seconds))

    def _resolve_one(self) -> Any:
        with quiet_native_output():  # the library tells of its network interfaces
            found = self._resolve(_RESOLVE_S)
            others = [] if found else self._pylsl.resolve_streams(_RESOLVE_ALL_S)
            found = self._resolve(_RESOLVE_ALL_S, least=2) or found if found else found
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(f"{info.source_id() or 'none'} on {info.hostname()}" for info in found)
            raise UserError(
                f"{self._where}: there are {len(found)} of that name, with the source ids {ids}; give the id"
            )
        there = ", ".join(f"{info.name()} ({info.type() or 'no type'})" for info in others)
        raise UserError(
            f"{self._where}: is not there; "
            + (f"the streams that are there: {there}" if there else "no stream is: is the sender on this network?")
        )

    def _check(self) -> None:
        if self._info.nominal_srate() <= 0:
            raise UserError(f"{self._where}: has no regular sampling rate, so it is no ECG; name another stream")
        if self._info.channel_format() == self._pylsl.cf_string:
            raise UserError(f"{self._where}: holds text, not numbers; name another stream")
        check_sampling_rate(self._info.nominal_srate(), self._where)

    def _connect(self, info: Any) -> Any:
        with quiet_native_output():  # the library warns of streams without a source id
            return self._pylsl.StreamInlet(
                info, max_buflen=_BUFFERED_S, recover=True, processing_flags=self._pylsl.proc_clocksync
            )

    def _describe(self) -> Any:
        try:
            self._inlet.time_correction(_ANSWER_S)
            return self._inlet.info(_ANSWER_S)
        except RuntimeError as error:
            raise UserError(
                f"{self._where}: is there but does not answer ({error}); does a firewall close ports 16572 to 16604?"
            ) from None


def _library() -> Any:
    try:
        with quiet_native_output():
            import pylsl
            import pylsl.util
    except (ImportError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--lsl needs the library pylsl: {reason}; pip install pylsl") from None
    return pylsl


def _shape(info: Any) -> tuple[int, float]:
    return info.channel_count(), info.nominal_srate()


def _layout(info: Any, where: str, asked: Sequence[str], gain: float | None, settings: Records) -> _Layout:
    """Choose channels by the stream's description."""
    rate_hz = Fraction(info.nominal_srate()).limit_denominator(1000)
    labels, units, kinds = (
        _of_each_channel(texts, info.channel_count())
        for texts in (info.get_channel_labels(), info.get_channel_units(), info.get_channel_types())
    )
    if any(units) and gain is not None:
        raise UserError(f"{where}: its channels have units, which makes --gain needless; leave the option out")
    if not any(units) and gain is None:
        raise UserError(
            f"{where}: its channels have no unit; say with --gain how many units make a millivolt (1000 for microvolts)"
        )
    by_kind = any(map(_is_ecg, kinds))
    channels = [
        Channel(
            label,
            _UNITS_BY_POWER.get(unit, unit) if gain is None else "mV",
            rate_hz,
            f"its type is {kind or 'not given'}" if by_kind and not _is_ecg(kind) else "",
        )
        for label, unit, kind in zip(labels, units, kinds, strict=True)
    ]
    kept, notes = choose_ecg(channels, where)
    leads = distinct([lead_name(labels[channel]) for channel in kept])
    chosen = choose_leads(leads, asked, settings, where)
    columns = [kept[lead] for lead in chosen]
    factors = [millivolts_per(channels[channel].unit) or 1.0 for channel in columns]
    return _Layout(tuple(leads[lead] for lead in chosen), columns, np.array(factors) / (gain or 1.0), tuple(notes))


def _of_each_channel(texts: Sequence[str | None] | None, channels: int) -> list[str]:
    """Bring a list of a description to one text per channel: some have none, or too many."""
    given = [text or "" for text in texts or ()][:channels]
    return given + [""] * (channels - len(given))


def _is_ecg(kind: str) -> bool:
    return kind.strip().lower() in ("ecg", "ekg")
