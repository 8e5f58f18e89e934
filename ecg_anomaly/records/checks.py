"""Checks that the readers of all formats share."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from ecg_anomaly.errors import UserError

_SAMPLING_RATES_HZ = (100, 1000)  # what the analysis works with
_SAME_RATE = 0.01  # two sampling rates that differ by no larger share are one, told twice
COPY = "copy or export the recording again"  # what helps with a damaged file
_MOST_MISSING = 9  # times what was recorded, if that is more than the longest gap
LONGEST_GAP_S = 86_400.0  # a longer one is a damaged time, or better cut into two recordings


def check_file(path: Path) -> None:
    """Raise a `UserError` unless a file is there, may be read, and is not empty."""
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; give the recordings in it, for example {path / '*.hea'}")
        if not path.is_file():
            raise UserError(f"{path}: is not there; check the path")
        with path.open("rb") as file:
            empty = not file.read(1)
    except PermissionError:
        raise denied(path) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be opened: {error.strerror}; check the disk that it is on") from None
    if empty:
        raise UserError(f"{path}: is empty; copy the recording again")


def denied(path: Path | str) -> UserError:
    """Make the error for a file that this user may not read."""
    return UserError(f"{path}: cannot be read: permission denied; check who may read it")


def damaged(path: Path, error: object, kind: str = "", advice: str = COPY) -> UserError:
    """Make the error for a file that the system or a library cannot read; ``kind`` is what it should be."""
    as_kind = f" as {kind}" if kind else ""
    return UserError(f"{path}: cannot be read{as_kind}: {' '.join(str(error).split())}; {advice}")


def check_sampling_rate(sampling_rate_hz: Fraction | float, path: Path | str) -> None:
    """Raise a `UserError` unless the analysis works with a sampling rate; ``path`` is the file or stream."""
    lowest_hz, highest_hz = _SAMPLING_RATES_HZ
    if not lowest_hz <= sampling_rate_hz <= highest_hz:
        raise UserError(
            f"{path}: is sampled at {float(sampling_rate_hz):g} Hz, and the analysis works with {lowest_hz} to "
            f"{highest_hz} Hz; resample it"
        )


def same_rate(one_hz: Fraction | float, other_hz: Fraction | float) -> bool:
    """Tell whether two sampling rates may be one, told with different care."""
    return abs(float(one_hz) / float(other_hz) - 1) <= _SAME_RATE


def check_asked_rate(asked_hz: float | None, told_hz: Fraction | float, path: Path, by: str, mend: str) -> None:
    """Raise a `UserError` if a file says another sampling rate than the user; ``by`` is what in it says that."""
    if asked_hz is not None and not same_rate(asked_hz, told_hz):
        raise UserError(
            f"{path}: is sampled at {float(told_hz):g} Hz by {by}, which --sampling-rate {asked_hz:g} contradicts; "
            f"leave the option out, or mend {mend}"
        )


def check_missing(missing_s: float, recorded_s: float, longest_s: float, path: Path, where: str) -> None:
    """Raise a `UserError` if far more signal is missing than was recorded, which a small file can promise without end.

    ``longest_s`` is the longest gap, and ``where`` says what comes after it.
    """
    if missing_s > max(LONGEST_GAP_S, _MOST_MISSING * recorded_s):
        raise UserError(
            f"{path}: has {recorded_s:,.0f} s of signal and {missing_s / 3600:,.0f} h of gaps, the longest of "
            f"{longest_s / 3600:.3g} h before {where}; if its times are right, cut it there into recordings, and else "
            "mend them"
        )


def check_gap(gap_s: float, path: Path, where: str) -> None:
    """Raise a `UserError` if a gap is longer than `LONGEST_GAP_S`; ``where`` says what comes after it."""
    if gap_s > LONGEST_GAP_S:
        raise UserError(f"{path}: has a gap of {gap_s / 3600:.0f} h before {where}; cut the recording there")
