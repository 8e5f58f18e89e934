"""What the lines above a table say: sampling rate, names and units of its columns, in the forms of many devices."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ecg_anomaly.records.tables.cells import is_missing, number, seconds_per
from ecg_anomaly.records.units import millivolts_per

COMMENT = ("#", "%", "//")

_STATEMENT = re.compile(r"\s*\"?([^:=,;\t]{1,60}?)\"?\s*(?::=|[:=,;\t])\s*(.*?)[\s,;]*")
_NUMBER = r"(\d+(?:[.,]\d+)?)"
_RATE_KEY = re.compile(
    r"\W*(?:(?:data |ecg |signal |acquisition )?sampl\w*[ _-]*(?:rate|freq\w*)|sampling|fs|sf|sr|f_s|srate|"
    r"(?:sampl\w* )?freq(?:uency)?|rate|sampfreq|(?:acquisition|recording)[ _-]*(?:rate|freq\w*)|"
    r"abtast(?:rate|frequenz)|messrate|mess?frequenz|fréquence(?: d.échantillonnage)?|taux d.échantillonnage|"
    r"frecuencia(?: de muestreo)?|"
    r"tasa de muestreo|frequenza(?: di campionamento)?|(?:bemonsterings|sample)frequentie|"
    r"(?:taxa|frequência) de amostragem|samplings?(?:frekvens|hastighed)|częstotliwość próbkowania|"
    r"частота дискретизации|采样(?:频)?率|サンプリング(?:周波数|レート))\W*(?:[\[(]?\s*hz\s*[\])]?)?\W*",
    re.IGNORECASE,
)
_RATE_SAID = re.compile(rf"sampl\w*[ _-]*(?:rate|freq\w*)\D{{0,20}}?{_NUMBER}\s*(k?)(?:hz|hertz|sps|\b)", re.IGNORECASE)
_RATE_BEHIND = re.compile(rf"\W*(?:fs|sf|srate|sampl\w* ?(?:rate|freq\w*)) +{_NUMBER} *(k?)(?:hz)?\W*", re.IGNORECASE)
_HERTZ = re.compile(
    rf"\W*{_NUMBER}\s*(k?)\s*(?:hz|hertz|herz|hercios?|赫兹|赫茲|赫|ヘルツ|헤르츠|герц|гц|χερτζ|sps|"
    r"samples?\s*(?:/|per)\s*s(?:ec(?:onds?)?)?)\W*",
    re.IGNORECASE,
)
_OTHER_HERTZ = re.compile(r"filter|pass|notch|mains|line freq|power|cut|bandwidth|stop|heart|resp", re.IGNORECASE)
_INTERVAL_KEY = re.compile(
    r"\W*(?:sampl\w*[ _-]*)?(?:interval|period|time step|step|dt|Δt)\W*(?:[\[(]?\s*(\w+)\s*[\])]?)?\W*", re.IGNORECASE
)
_INTERVAL = re.compile(rf"\W*{_NUMBER}\s*([a-zµμ]*)\W*")
_PER_SAMPLE = re.compile(rf"\W*{_NUMBER}\s*([a-zµμ]+)\s*(?:/|per)\s*sample\W*", re.IGNORECASE)
_UNIT_KEY = re.compile(
    r"(?:amplitude |voltage |ecg |signal |y[ -]?)?(?:units?|unit ?names?|einheit(?:en)?|unités?|unidad(?:es)?|"
    r"unit[àa]|eenheid|unidades?|enhet|enhed|jednostka|birim|yksikkö|единиц[аы].*|单位|單位|単位|단위)",
    re.IGNORECASE,
)
_NAMES_KEY = re.compile(
    r"channel ?(?:titles?|names?|labels?)|channels|labels?|leads?|lead ?names?|ableitung(?:en)?|dérivations?|"
    r"derivaci[oó]n(?:es)?|derivazion[ei]|afleiding(?:en)?|derivaç(?:ão|ões)|signals?|signal ?names?|columns?|"
    r"导联|誘導",
    re.IGNORECASE,
)
_STARTED = re.compile(r"(1\d{9}(?:\.\d+)?)(?:[,;\t ]+\1)*")  # of Empatica: seconds since 1970; below them, the rate
_CHANNELS = re.compile(r"(\d+)\s+channels?", re.IGNORECASE)  # of AcqKnowledge: then name and unit of each, line by line
_RATES_HZ = (10.0, 100_000.0)  # what is no sampling rate, whatever it is called


@dataclass(frozen=True)
class Header:
    """What the lines above a table say about it."""

    rates_hz: tuple[float, ...] = ()  # sampling rates, in the order in which they stand there
    names: tuple[str, ...] = ()  # of columns; empty if no line names them
    units: tuple[str, ...] = ()  # likewise; a single one is that of every column without one
    notes: tuple[str, ...] = ()

    @property
    def sampling_rate_hz(self) -> float | None:
        """The first sampling rate; ``None`` if there is none."""
        return self.rates_hz[0] if self.rates_hz else None


def read_header(lines: Sequence[str]) -> Header:
    """Read the lines above a table, each with or without a comment mark before it."""
    rates, names, units = [], [], []
    bare = [without_mark(line) for line in lines]
    for line in bare:
        rate_hz = _rate_said(line)
        for key, values in _statements(line):
            rate_hz = rate_hz or _stated_rate(key, values)
            words = [value for value in values if value]
            if _NAMES_KEY.fullmatch(key) and any(number(word, ".") is None for word in words):
                names.append(tuple(values))
            elif _UNIT_KEY.fullmatch(key) or (len(words) == 1 and _is_unit(words[0])):
                units.append(tuple("" if is_missing(value) else value for value in values))
        rates += [rate_hz] if rate_hz else []
    below = [re.match(_NUMBER, line) for start, line in itertools.pairwise(bare) if tells_start(start)]
    rates += [rate_hz for found in below if found and (rate_hz := _plausible(_value(found[1])))]
    devices = [device for line in bare for device in _devices(line)]
    if devices:
        return _of_devices(devices)
    if (listed := _listed_channels(bare)) is not None:
        names, units = [listed[0]], [listed[1]]
    notes: tuple[str, ...] = ()
    if any("openbci" in line.lower() for line in lines) and not units:
        units, notes = [("uV",)], ("its header is of OpenBCI, whose channels are in microvolts",)
    return Header(tuple(dict.fromkeys(rates)), names[0] if names else (), units[0] if units else (), notes)


def is_statement(line: str) -> bool:
    """Tell whether a line above a table says something of all of it, and is no line of names or units of columns."""
    bare = without_mark(line)
    return (
        re.match(r"\s*\w[\w ]*:?=", bare) is not None
        or _rate_said(bare) is not None
        or any(
            _stated_rate(key, values) is not None or _UNIT_KEY.fullmatch(key) or _NAMES_KEY.fullmatch(key)
            for key, values in _statements(bare)
        )
    )


def tells_start(line: str) -> bool:
    """Tell whether a line says nothing but when the recording began; the sampling rate is in the next one."""
    return _STARTED.fullmatch(line.strip()) is not None


def lists_channels(lines: Sequence[str]) -> bool:
    """Tell whether AcqKnowledge lists its channels in the lines above a table; below it, how many samples each has."""
    return any(_CHANNELS.fullmatch(line.strip()) for line in lines)


def without_mark(line: str) -> str:
    """Take the comment mark from before a line."""
    return line.strip().lstrip("".join(COMMENT)).strip() if line.lstrip().startswith(COMMENT) else line


def _statements(line: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the keys of a line and the values of each: one, or several where it is written in JSON."""
    if (read := _from_json(line)) is not None:
        yield from _in_json(read)
    elif (found := _STATEMENT.fullmatch(line)) is not None and found[1].strip():
        values = re.split(r"\t|;|,(?!\d)", found[2]) if found[2] else []
        yield found[1].strip().rstrip(" :="), [value.strip(" \"'") for value in values]


def _from_json(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        read = json.loads(line)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _in_json(read: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for key, value in read.items():
        if isinstance(value, dict):
            yield from _in_json(value)
        else:
            yield str(key), [str(single) for single in (value if isinstance(value, list) else [value])]


def _rate_said(line: str) -> float | None:
    """Find a sampling rate in a line that is no statement of a key and a value."""
    if (found := _PER_SAMPLE.fullmatch(line)) is not None and (unit_s := seconds_per(found[2])) is not None:
        return _plausible(1 / (_value(found[1]) * unit_s)) if _value(found[1]) else None
    for pattern in (_HERTZ.fullmatch, _RATE_BEHIND.fullmatch, _RATE_SAID.search):
        if (found := pattern(line)) is not None:
            return _plausible(_value(found[1]) * (1000 if found[2] else 1))
    return None


def _stated_rate(key: str, values: Sequence[str]) -> float | None:
    text = ",".join(values)
    if (found := _HERTZ.fullmatch(text)) is not None and not _OTHER_HERTZ.search(key):
        return _plausible(_value(found[1]) * (1000 if found[2] else 1))
    plain = re.fullmatch(_NUMBER, text.strip())
    if plain is not None and _RATE_KEY.fullmatch(key):
        return _plausible(_value(plain[1]))
    named, interval = _INTERVAL_KEY.fullmatch(key), _INTERVAL.fullmatch(text)
    if named is not None and interval is not None and _value(interval[1]):
        unit_s = seconds_per(interval[2] or named[1] or "s")
        return _plausible(1 / (_value(interval[1]) * unit_s)) if unit_s else None
    return None


def _value(text: str) -> float:
    return float(text.replace(",", "" if re.fullmatch(r"[1-9]\d{0,2},000", text) else "."))


def _plausible(rate_hz: float) -> float | None:
    return rate_hz if _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1] else None


def _is_unit(text: str) -> bool:
    return text.lower() != "v" and millivolts_per(text) is not None


def _listed_channels(lines: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    for place, line in enumerate(lines):
        if (found := _CHANNELS.fullmatch(line.strip())) is not None and int(found[1]) <= (len(lines) - place) / 2:
            listed = [each.strip() for each in lines[place + 1 : place + 1 + 2 * int(found[1])]]
            return tuple(listed[::2]), tuple(listed[1::2])
    return None


def _devices(line: str) -> list[dict[str, Any]]:
    """Find the devices that OpenSignals describes in a line of JSON."""
    read = _from_json(line) or {}
    return [value for value in read.values() if isinstance(value, dict) and "sampling rate" in value]


def _of_devices(devices: Sequence[dict[str, Any]]) -> Header:
    """Describe the columns of OpenSignals: raw counts, each called after its sensor."""
    names: list[str] = []
    units: list[str] = []
    notes = []
    for device in devices:
        labels = [str(label) for label in device.get("label", [])]
        sensors = [str(sensor) for sensor in device.get("sensor", [])]
        bits = [str(count) for count in device.get("resolution", [])][-len(labels) :]
        for column in map(str, device.get("column", [])):
            place = labels.index(column) if column in labels else -1
            sensor = sensors[place] if 0 <= place < len(sensors) else ""
            names.append(column if sensor in ("", "RAW", "CUSTOM") else sensor)
            units.append("counts" if place >= 0 else "")
            if sensor.upper() in ("ECG", "ECGBIT") and "bitalino" in str(device.get("device", "")).lower():
                steps = 2 ** int(bits[place]) if place < len(bits) and bits[place].isdigit() else 1024
                notes.append(
                    f"column {sensor} holds counts: by the data sheet of BITalino's ECG sensor (3.3 V, amplified 1100 "
                    f"times), --gain {steps * 1.1 / 3.3:.0f} makes them millivolts"
                )
    rates = [number(str(device["sampling rate"]), ".") for device in devices]
    return Header(tuple(rate for rate in rates if rate and _plausible(rate)), tuple(names), tuple(units), tuple(notes))
