"""A stream of the Lab Streaming Layer (https://labstreaminglayer.org): devices and programs on the local network."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np

from ecg_anomaly import words
from ecg_anomaly.config import Records
from ecg_anomaly.errors import UserError
from ecg_anomaly.live.sample_clock import SampleClock
from ecg_anomaly.live.sources import PORTION_S, Columns, Portion, choose_columns, now_here
from ecg_anomaly.quiet import quiet_native_output
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import check_sampling_rate

_RESOLVE_S = 5.0  # streams answer within a second; a device may take a few to start
_RESOLVE_ALL_S = 1.0
_ANSWER_S = 5.0
_FORGOTTEN_S = 2.0  # after which a stream that answers no longer is gone
_CLOCK_S = 2.0  # asking a clock that was not asked before takes 0.6 s
_BUFFERED_S = 60  # what the library keeps until it is read, in memory that it takes at once
_MOST_SAMPLES = 8192  # taken at once
_REPORT_S = 10.0  # between two notes of dropped samples

# Some senders write the power of ten of a volt, as MNE-Python does.
_UNITS_BY_POWER = {"0": "V", "-3": "mV", "-6": "uV", "-9": "nV"}


class LslStream:
    """A stream of the Lab Streaming Layer; a `LiveSignal`.

    Its time stamps are brought to the clock of this machine, so that time goes on right when the sender starts anew,
    and are not smoothed by the library: see `sample_clock`.

    Parameters
    ----------
    wanted
        Name or source id of the stream.
    asked, settings
        The leads to take; none: chosen by ``records.leads``, at most ``records.lead_count``.
    gain
        Units per millivolt, for a stream whose channels have no unit.

    Raises
    ------
    UserError
        When no such stream is there, or several are, or it holds no ECG; with the streams that are there.
    """

    def __init__(self, wanted: str, asked: Sequence[str], gain: float | None, settings: Records):
        self._pylsl = _library()
        self._where = f"stream {wanted}"
        quoted = f"'{wanted}'" if '"' in wanted else f'"{wanted}"'
        self._predicate = f"name={quoted} or source_id={quoted}"  # what streams must be, in XPath
        self._info = self._resolve_one()
        self._inlet = self._open_inlet(self._info)
        self.origin, self.waits = "stream", False
        self.name = re.sub(r"[^\w.-]+", "_", self._info.name()).strip("._") or "stream"
        self._check()
        self.sampling_rate_hz = Fraction(self._info.nominal_srate()).limit_denominator(1000)
        self._offset_s = 0.0  # so far the clock of this machine is ahead of the sender's
        self._columns, self._left_out = _choose_columns(self._describe(), self._where, asked, gain, settings)
        self.leads = self._columns.leads
        self._clock = SampleClock(self.sampling_rate_hz, len(self.leads))
        self._reported, self._reported_s = 0, -np.inf
        with contextlib.suppress(RuntimeError):  # it is waited for later
            self._inlet.open_stream(_ANSWER_S)  # what comes from now on is kept, whatever has to be done first

    @property
    def notes(self) -> tuple[str, ...]:
        """Which channels were left out, and how much was dropped."""
        if not self._clock.gaps:
            return self._left_out
        gaps = words.count_text(self._clock.gaps, "gap")
        return (*self._left_out, f"{self._samples_words(self._clock.dropped)} did not arrive, in {gaps}")

    def portions(self) -> Iterator[Portion]:
        """Yield what arrives, without end; a stream that is gone is waited for."""
        while True:
            try:
                signals, times_s = self._inlet.pull_chunk(PORTION_S, _MOST_SAMPLES, as_numpy=True)
            except self._pylsl.util.LostError:  # the library itself finds streams again that have a source id
                yield from self._wait_until_back()
                continue
            with contextlib.suppress(RuntimeError):  # an old answer does: clocks drift by some milliseconds a minute
                self._offset_s = self._inlet.time_correction(0.0)
            portion_mv = self._clock.push(self._columns.millivolts(signals), times_s + self._offset_s)
            yield Portion(portion_mv, tuple(self._new_gaps()), self._until())

    def _until(self) -> datetime:
        """Tell when the next sample is due, by the clock on the wall."""
        due_s = self._clock.expected_s
        ago_s = 0.0 if np.isnan(due_s) else self._pylsl.local_clock() - due_s
        return now_here() - timedelta(milliseconds=round(1000 * ago_s))

    def _wait_until_back(self) -> Iterator[Portion]:
        nothing = np.empty((0, len(self.leads)))
        yield Portion(nothing, (f"{self._where} is gone; waiting until it is back",))
        # Looks in the background: to look for a stream that is gone with a time-out may take seconds longer than that.
        looking = self._pylsl.ContinuousResolver(pred=self._predicate, forget_after=_FORGOTTEN_S)
        while not self._is_back(looking.results()):
            time.sleep(PORTION_S)
            yield Portion(nothing)
        yield Portion(nothing, (f"{self._where} is back",))

    def _is_back(self, found: Sequence[Any]) -> bool:
        if not found:
            return False
        if _shape(found[0]) != _shape(self._info):
            raise UserError(f"{self._where}: came back with other channels or another sampling rate; start anew")
        inlet = self._open_inlet(found[0])
        try:
            self._offset_s = inlet.time_correction(_CLOCK_S)
        except RuntimeError:  # a stream is listed for some time after it has gone
            return False
        self._inlet = inlet
        return True

    def _new_gaps(self) -> Iterator[str]:
        """Say how many samples were dropped, not too often."""
        now_s = time.monotonic()
        if self._clock.dropped > self._reported and now_s - self._reported_s >= _REPORT_S:
            yield f"{self._samples_words(self._clock.dropped - self._reported)} did not arrive"
            self._reported, self._reported_s = self._clock.dropped, now_s

    def _samples_words(self, samples: int) -> str:
        return f"{words.count_text(samples, 'sample')} ({float(samples / self.sampling_rate_hz):.2f} s)"

    def _resolve_one(self) -> Any:
        with quiet_native_output():  # the library tells of its network interfaces
            found = self._pylsl.resolve_bypred(self._predicate, 1, _RESOLVE_S)
            others = [] if found else self._pylsl.resolve_streams(_RESOLVE_ALL_S)
            if found:  # is there another one?
                found = self._pylsl.resolve_bypred(self._predicate, 2, _RESOLVE_ALL_S) or found
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(f"{info.source_id() or 'none'} on {info.hostname()}" for info in found)
            raise UserError(
                f"{self._where}: there are {len(found)} of that name, with the source ids {ids}; give the id"
            )
        there = ", ".join(f"{info.name()} ({info.type() or 'no type'})" for info in others)
        known = f"the streams that are there: {there}" if there else "no stream is: is the sender on this network?"
        raise UserError(f"{self._where}: is not there; {known}")

    def _check(self) -> None:
        if self._info.nominal_srate() <= 0:
            raise UserError(f"{self._where}: has no regular sampling rate, so it is no ECG; name another stream")
        if self._info.channel_format() == self._pylsl.cf_string:
            raise UserError(f"{self._where}: holds text, not numbers; name another stream")
        check_sampling_rate(self._info.nominal_srate(), self._where)

    def _open_inlet(self, info: Any) -> Any:
        with quiet_native_output():  # the library warns of streams without a source id
            return self._pylsl.StreamInlet(info, max_buflen=_BUFFERED_S, recover=True)

    def _describe(self) -> Any:
        try:
            self._offset_s = self._inlet.time_correction(_ANSWER_S)
            return self._inlet.info(_ANSWER_S)
        except RuntimeError as error:
            raise UserError(
                f"{self._where}: is there but does not answer ({error}); does a firewall close ports 16572 to 16604?"
            ) from None


@dataclass(frozen=True)
class FoundStream:
    """A stream that is there."""

    wanted: str  # what `LslStream` finds it by
    words: str  # what it is


def find_streams() -> list[FoundStream]:
    """Look for the streams of numbers that come regularly, for a second.

    Raises
    ------
    UserError
        When the library is missing.
    """
    pylsl = _library()
    with quiet_native_output():
        found = pylsl.resolve_streams(_RESOLVE_ALL_S)
    streams = []
    for info in found:
        if info.nominal_srate() > 0 and info.channel_format() != pylsl.cf_string:
            what = f"{info.type() or 'no type'}, {words.count_text(info.channel_count(), 'channel')}"
            text = f"{info.name()} ({what} at {info.nominal_srate():g} Hz, on {info.hostname()})"
            streams.append(FoundStream(info.source_id() or info.name(), text))
    return sorted(streams, key=lambda stream: stream.words)


def _library() -> Any:
    try:
        with quiet_native_output():
            import pylsl
            import pylsl.util
    except (ImportError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"streams need the library pylsl: {reason}; pip install pylsl") from None
    return pylsl


def _shape(info: Any) -> tuple[int, float]:
    return info.channel_count(), info.nominal_srate()


def _choose_columns(
    info: Any, where: str, asked: Sequence[str], gain: float | None, settings: Records
) -> tuple[Columns, tuple[str, ...]]:
    """Choose channels by the stream's description; say why others are left out."""
    rate_hz = Fraction(info.nominal_srate()).limit_denominator(1000)
    labels, units, kinds = (
        _of_each_channel(texts, info.channel_count())
        for texts in (info.get_channel_labels(), info.get_channel_units(), info.get_channel_types())
    )
    if not any(units) and gain is None:
        raise UserError(
            f"{where}: its channels have no unit; say with --gain how many units make a millivolt (1000 for microvolts)"
        )
    by_kind = any(map(_is_ecg, kinds))
    channels = []
    for label, unit, kind in zip(labels, units, kinds, strict=True):
        doubt = f"its type is {kind or 'not given'}" if by_kind and not _is_ecg(kind) else ""
        channels.append(Channel(label, _UNITS_BY_POWER.get(unit, unit), rate_hz, doubt=doubt))
    return choose_columns(channels, where, asked, gain, settings)


def _of_each_channel(texts: Sequence[str | None] | None, channels: int) -> list[str]:
    """Bring a list of a description to one text per channel: some have none, or too many."""
    given = [text or "" for text in texts or ()][:channels]
    return given + [""] * (channels - len(given))


def _is_ecg(kind: str) -> bool:
    return kind.strip().lower() in ("ecg", "ekg")
