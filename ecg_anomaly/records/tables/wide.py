"""Wide tables: one lead in each row is read; one cut beat in each row is no recording, and is told so."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.array_source import ArraySource
from ecg_anomaly.records.channels import Channel
from ecg_anomaly.records.checks import same_rate
from ecg_anomaly.records.tables.cells import LARGEST_NUMBER, is_missing, number
from ecg_anomaly.records.tables.layout import CsvLayout

_BEAT_COLUMNS = 40  # more columns without telling names than a recording has leads
_LEAD_COLUMNS = 250  # fewer samples are no recording
_LEAD_ROWS = 16  # of one lead each: fifteen, and their times
_MOST = 0.9  # of the names that say no more than a number
_RATES_HZ = (50, 5000)  # that make times of a row that counts up
_NUMBERED = re.compile(  # names that programs give to columns without one
    r"|((v|x|c|f|t|s|p|col(umn)?|att(r(ibute)?)?|feat(ure)?|sample|val(ue)?|point|dim|time_?step)[ _.-]?)?\d+(\.\d+)?",
    re.IGNORECASE,
)


def open_wide(layout: CsvLayout, asked_hz: float | None) -> ArraySource | None:
    """Open a table with one lead in each row; ``None`` if it has one sample in each row, as most have.

    Raises
    ------
    UserError
        When each row seems to be a beat, when nothing tells the sampling rate, or when it is contradicted.
    """
    numbered = sum(_NUMBERED.fullmatch(name) is not None for name in layout.names)
    if layout.width < _BEAT_COLUMNS or numbered < _MOST * layout.width:
        return None
    rows = [[cell.strip("[]() ") for cell in row] for row in map(layout.split, _lines(layout)) if row]
    if layout.width < _LEAD_COLUMNS or len(rows) > _LEAD_ROWS:
        raise UserError(
            f"{layout.path}: {layout.width} columns without names: are these cut beats, one per row? Give a continuous "
            "recording, with one row per sample; if it has so many leads, name them in its first line"
        )
    named = all(number(row[0], layout.decimal) is None and not is_missing(row[0]) for row in rows)
    indexed = not layout.names[0] and layout.names[1] != ""  # by pandas, which numbers rows as well as columns
    signals, wrong = _signals([row[named or indexed :] for row in rows], layout.decimal)
    names = [row[0] if named else "" for row in rows]
    counting = np.diff(signals[:, 0])
    times_hz = None
    if len(rows) > 1 and np.all(counting > 0) and np.all(counting < 2 * np.median(counting)):
        times_hz = _rate_of_step(float(np.median(counting)))
        signals, names = signals[:, 1:], names[1:]
    rate_hz = _agreed(
        {"--sampling-rate": asked_hz, "its header": layout.header.sampling_rate_hz, "its times": times_hz}, layout
    )
    notes = [f"each of its {len(names)} rows is taken for a lead" if len(names) > 1 else "its row is taken for a lead"]
    if wrong:
        notes.append(f"cells that hold no number, and count as missing samples: {wrong}")
    units = layout.header.units * len(names) if len(layout.header.units) == 1 else ("",) * len(names)
    channels = [Channel(name, unit, rate_hz, len(signals)) for name, unit in zip(names, units, strict=True)]
    return ArraySource(tuple(channels), (*layout.header.notes, *notes), tuple(signals.T))


def _lines(layout: CsvLayout) -> Iterator[str]:
    """Yield the lines from the first row on, no more than tell how many rows there are."""
    lines = (line for block in layout.text.texts() for line in layout.edited(block).splitlines())
    yield from itertools.islice(lines, len(layout.above), len(layout.above) + 10 * _LEAD_ROWS)


def _signals(rows: Sequence[Sequence[str]], decimal: str) -> tuple[np.ndarray, int]:
    """Turn rows into columns, NaN where one is shorter or holds no number; and count the latter."""
    signals = np.full((max(map(len, rows)), len(rows)), np.nan)
    for column, row in enumerate(rows):
        read = [number(cell, decimal) for cell in row]
        signals[: len(read), column] = [np.nan if value is None else value for value in read]
    wrong = sum(number(cell, decimal) is None and not is_missing(cell) for row in rows for cell in row)
    return np.where(np.abs(signals) < LARGEST_NUMBER, signals, np.nan), wrong


def _rate_of_step(step: float) -> float | None:
    """Tell the sampling rate by the step of times in s, ms or us; ``None`` if it only counts."""
    if step == 1:
        return None
    rates_hz = [1 / (step * scale) for scale in (1.0, 1e-3, 1e-6)]
    return next((round(rate_hz, 6) for rate_hz in rates_hz if _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]), None)


def _agreed(told_hz: dict[str, float | None], layout: CsvLayout) -> Fraction:
    """Give the sampling rate that all say who know it."""
    known = {who: rate_hz for who, rate_hz in told_hz.items() if rate_hz is not None}
    if not known:
        raise UserError(f"{layout.path}: nothing tells its sampling rate; give it with --sampling-rate")
    if not same_rate(max(known.values()), min(known.values())):
        said = " and ".join(f"{rate_hz:g} Hz by {who}" for who, rate_hz in known.items())
        raise UserError(f"{layout.path}: is sampled at {said}; leave the option out, or mend the file")
    return Fraction(next(iter(known.values()))).limit_denominator(1000)
