"""Which heartbeats of a recording are not normal: from its file to a report, one subject per module.

>>> import ecg_anomaly
>>> detector = ecg_anomaly.load_detector()  # doctest: +SKIP
>>> found = detector.analyse("night.edf")  # doctest: +SKIP
>>> found.beats, found.events, found.groups, found.summary  # doctest: +SKIP

What is named in ``__all__`` stays as it is from version to version; it is read when it is used first. ``api`` has it.

A beat goes through the folders in this order, and no import runs back up:

``records`` reads any recording (and downloads, simulates and splits the annotated ones), ``beats`` brings its signal
to one sampling rate and band, finds the beats and cuts a window around each, ``detector`` asks three questions of
every window and turns the answers into a score and a flag, for whole records as for beats that arrive one by one.
``handover`` names and writes the files that the scripts hand on. ``findings`` says what became of a recording,
``evaluation`` compares flags with annotations, ``reports`` draws both; ``live`` and ``web`` serve recordings while
they arrive and on a page, ``api`` in programs.

Below all of them lie ``config`` (every setting), ``manifest`` (folders that appear whole or not at all),
``commandline``, ``processes``, ``words``, ``quiet`` and ``errors``; ``workers`` and ``batch`` analyse many recordings.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ecg_anomaly.errors import UserError

if TYPE_CHECKING:
    from ecg_anomaly.api.detector import Detector, load_detector
    from ecg_anomaly.api.found import Found
    from ecg_anomaly.api.pipeline import evaluate, preprocess, train
    from ecg_anomaly.api.stream import Beat, Stream
    from ecg_anomaly.records.simulate import simulate_record

__version__ = "0.2.0"

__all__ = [
    "Beat",
    "Detector",
    "Found",
    "Stream",
    "UserError",
    "evaluate",
    "load_detector",
    "preprocess",
    "simulate_record",
    "train",
]

# Where each name is, so that importing the package takes no time.
_PLACES = {
    **dict.fromkeys(("Detector", "load_detector"), "ecg_anomaly.api.detector"),
    "Found": "ecg_anomaly.api.found",
    **dict.fromkeys(("Beat", "Stream"), "ecg_anomaly.api.stream"),
    **dict.fromkeys(("evaluate", "preprocess", "train"), "ecg_anomaly.api.pipeline"),
    "simulate_record": "ecg_anomaly.records.simulate",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
