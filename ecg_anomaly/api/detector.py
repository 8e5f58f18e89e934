"""A trained detector in Python: it analyses recordings, and signals that arrive."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from ecg_anomaly.api.files import Paths, analyse_files
from ecg_anomaly.api.found import Found, Kept
from ecg_anomaly.api.settings import ConfigFile, Settings, load_settings
from ecg_anomaly.api.signals import Reading, Signal, describes_itself, is_path, open_signal
from ecg_anomaly.api.stream import Portions, Stream
from ecg_anomaly.api.wording import in_python, told_in_python
from ecg_anomaly.batch.opening import choose_judged
from ecg_anomaly.beats.lead_looks import LeadLook
from ecg_anomaly.beats.leads import oddities, unit_doubt
from ecg_anomaly.config import Config
from ecg_anomaly.errors import UserError
from ecg_anomaly.findings.review import review
from ecg_anomaly.findings.store import analyse_to_store
from ecg_anomaly.handover.model import (
    check_detector,
    describe_model,
    packaged_detector,
    read_detector,
    whole_detector,
)
from ecg_anomaly.handover.scores import THRESHOLD, Metrics, read_metrics
from ecg_anomaly.records.lead_names import lead_called
from ecg_anomaly.records.recording import RecordingFile
from ecg_anomaly.records.wfdb_reader import header_of
from ecg_anomaly.words import StartTime, score_text


class Detector:
    """A trained detector; `load_detector` reads it.

    It says of each beat of a recording how anomalous it is, compared with normal beats of other people and with those
    of the same patient before it, and flags it where that score is above a threshold.

    Examples
    --------
    >>> found = detector.analyse(signal_mv, sampling_rate_hz=360, leads=["MLII", "V1"])
    >>> found.leads
    ['MLII', 'V1']
    """

    def __init__(self, config: Config):
        self._trained, self._words = read_detector(config), describe_model(config)

    def __reduce__(self) -> tuple[type[Detector], tuple[Config]]:
        return Detector, (self._trained.config,)  # another process reads the files itself

    @property
    def threshold(self) -> float:
        """Where the anomaly score is cut: a beat above is flagged. `Found.review` looks at another one."""
        return self._trained.threshold.threshold

    @property
    def lead_count(self) -> int:
        """How many leads are judged at once; a recording may have fewer, and of more the best are chosen."""
        return self._trained.config.records.lead_count

    @property
    def leads(self) -> list[str]:
        """Leads that are chosen first, in this order, where they can be read."""
        return list(self._trained.config.records.leads)

    @property
    def settings(self) -> dict[str, Any]:
        """All settings, by section: those that it was trained with, and those of the rhythms it finds."""
        return self._trained.config.model_dump()

    @property
    def metrics(self) -> Metrics:
        """How well it did on test patients: the content of ``metrics.json``.

        Those of the packaged detector are of its settings, trained on DS1 and tested on DS2: no patient of MIT-BIH is
        left to test it on. Its card (``ecg_anomaly/pretrained/card.md``) has figures of patients left out in turn.
        """
        return read_metrics(self._trained.config.paths.outputs)

    def describe(self) -> str:
        """Say in a line which detector this is, when it was trained, and how its threshold was set."""
        cut = self._trained.threshold
        return (
            f"{self._words}; up to {self.lead_count} leads; threshold {score_text(cut.threshold)} ({cut.method}), set "
            f"from {cut.normal_beats:,} normal beats of {cut.patients} patients"
        )

    def analyse(
        self,
        signal: Signal,
        sampling_rate_hz: float | None = None,
        leads: Sequence[str] | str | None = None,
        *,
        gain: float | None = None,
        name: str | None = None,
        start_time: StartTime | None = None,
    ) -> Found:
        """Find the beats of a recording, and say which of them are not normal.

        Parameters
        ----------
        signal : array_like, DataFrame, path, wfdb.Record or mne.io.Raw
            An array of shape ``(samples, leads)``, or ``(samples,)`` of one lead, in millivolts, NaN where a sample is
            missing; a table with a lead in each column; the path of any recording that ``detect_anomalies.py`` reads; a
            record from ``wfdb.rdrecord``; a recording of MNE.
        sampling_rate_hz : float, optional
            Samples per second, 100 to 1000: of an array, a table, or a file that does not say them.
        leads : sequence of str, optional
            Of an array the names of its columns. Of all else the leads to judge; without them they are chosen by name
            and by what the signal looks like.
        gain : float, optional
            Units per millivolt, of a signal in other units: 1000 for microvolts, ``adc_gain`` for raw values.
        name : str, optional
            What the recording is called; without it as its file or record.
        start_time : datetime or time, optional
            When the first sample of an array was taken.

        Returns
        -------
        Found
            Beats, events and groups as tables, a summary, figures and files.

        Raises
        ------
        UserError
            When the signal cannot be read, or not be judged, with what to do: it has rows for leads, is in another
            unit, is shorter than a second, holds no ECG lead.

        Examples
        --------
        >>> found = detector.analyse(signal_mv[:, 0], sampling_rate_hz=360, name="first lead")
        >>> found.beats[["time_s", "anomaly_score", "flagged"]].columns.to_list()
        ['time_s', 'anomaly_score', 'flagged']
        """
        with told_in_python():
            reading = Reading.of(sampling_rate_hz, leads, gain, start_time)
            whole = open_signal(signal, reading, name, self.lead_count)
            recording, judged, looks = choose_judged(whole, self._trained.config)
            names = [recording.leads[lead] for lead in judged]
            _check_unit(signal, recording, names, looks)
            kept = Kept(
                lambda folder: analyse_to_store(folder, self._trained, recording, judged, shapes=False),
                _record_name(signal),
            )
            found = Found(kept, review(kept.stored))
        doubts = found.notes[len(recording.notes) :]  # which only the end shows
        for doubt in [*map(in_python, oddities(names, looks)), *doubts]:
            warnings.warn(f"{found.name}: {doubt}", stacklevel=2)
        return found

    def analyse_files(
        self,
        recordings: Paths,
        output: str | PathLike[str],
        *,
        sampling_rate_hz: float | None = None,
        leads: Sequence[str] | str | None = None,
        gain: float | None = None,
        workers: int = 1,
        cluster: Any = None,
        pages: str | None = None,
        table: str = "csv",
        resume: bool = False,
        force: bool = False,
        report: Callable[[str], object] | None = None,
    ) -> pd.DataFrame:
        """Analyse many recordings, and write the files of each, as ``detect_anomalies.py`` does.

        Parameters
        ----------
        recordings : str, path, or some of them
            Recordings, folders and patterns (``"data/**/*.edf"``), also in object storage (``"s3://..."``).
        output : str or path
            The folder of the results, there too.
        sampling_rate_hz, leads, gain
            As for `analyse`, of all of them.
        workers : int
            How many are analysed at a time. More than one take a process each: a script then needs
            ``if __name__ == "__main__":`` around the call.
        cluster : distributed.Client or str, optional
            A Dask cluster that analyses them, by a client of it or the address of its scheduler. Its workers must see
            the recordings and the results, or both are URLs (``"s3://bucket/recordings"``).
        pages : str, optional
            Which get a page: ``"none"``, ``"flagged"`` or ``"all"``; without it all of 20, of more those flagged.
        table : str
            ``"csv"``, or ``"parquet"`` for folders that pandas, DuckDB and Spark read.
        resume : bool
            Keep results of the same recording, detector and settings.
        force : bool
            Replace results that are there.
        report : callable, optional
            Is given each line that the script would say: ``print``.

        Returns
        -------
        DataFrame
            One row per recording, by its name: figures, and ``error``, which is empty where it was analysed.

        Raises
        ------
        UserError
            When no recording is found, or results cannot be written or are there already.

        Warns
        -----
        UserWarning
            Where a recording could not be analysed.

        Examples
        --------
        >>> detector.analyse_files("recordings", "found", workers=4)  # doctest: +SKIP
        """
        with told_in_python():
            reading = Reading.of(sampling_rate_hz, leads, gain)
        how: dict[str, Any] = {"pages": pages, "table": table, "resume": resume, "force": force, "report": report}
        return analyse_files(self._trained.config, recordings, output, reading, workers=workers, cluster=cluster, **how)

    def stream(
        self,
        portions: Iterable[Any] | Portions | None = None,
        sampling_rate_hz: float | None = None,
        leads: Sequence[str] | str | None = None,
        *,
        gain: float | None = None,
    ) -> Stream:
        """Judge beats while the signal arrives.

        Parameters
        ----------
        portions : iterable of array_like or queue, optional
            What gives the signal, portion by portion: a generator that waits for a device, a list, an array as a
            whole, a queue that ends with ``None``; each as `Stream.push` takes it. Without it, `Stream.push` takes
            them.
        sampling_rate_hz : float
            Samples per second, 100 to 1000.
        leads : sequence of str, optional
            Names of the columns, at most `lead_count`.
        gain : float, optional
            Units per millivolt.

        Returns
        -------
        Stream
            A loop over it gives a `Beat` as soon as it is judged, some 1.5 s of signal later.

        Raises
        ------
        UserError
            When the sampling rate is missing or beyond its limits, or there are too many leads.

        Examples
        --------
        >>> portions = (signal_mv[start : start + 360] for start in range(0, 7200, 360))  # as from a device
        >>> beats = [beat for beat in detector.stream(portions, sampling_rate_hz=360)]
        >>> stream = detector.stream(sampling_rate_hz=360)  # or give it portions yourself
        >>> others = stream.push(signal_mv[:7200]) + stream.finish()
        >>> [beat.sample for beat in others] == [beat.sample for beat in beats]
        True
        """
        with told_in_python():
            return Stream(self._trained, portions, Reading.of(sampling_rate_hz, leads, gain))

    def __repr__(self) -> str:
        return f"<Detector {self.describe()}>"


def load_detector(
    models: str | PathLike[str] | None = None,
    outputs: str | PathLike[str] | None = None,
    *,
    config: ConfigFile = None,
    settings: Settings = None,
) -> Detector:
    """Read a trained detector.

    Parameters
    ----------
    models : str or path, optional
        The folder that ``train_model.py`` wrote, or one that holds a whole detector (``threshold.json``, too). Without
        it the detector that comes with the package; with ``config``, that of its ``paths``.
    outputs : str or path, optional
        The folder that ``evaluate_model.py`` wrote, which has the threshold.
    config : str or path, optional
        A config file whose settings replace the default ones.
    settings : mapping, optional
        Single settings, as ``{"rhythm_events.slow_bpm": 45}``. What a detector was trained with stays as it was; a
        warning says so where something else is asked for.

    Raises
    ------
    UserError
        When no detector is there, its files do not belong together, or a setting is wrong.

    Examples
    --------
    >>> detector = ecg_anomaly.load_detector("models", outputs="outputs")  # doctest: +SKIP
    """
    with told_in_python():
        asked = load_settings(config, settings)

        def report(line: str) -> None:
            if config is not None or settings:  # else nothing else was asked for
                warnings.warn(in_python(line), stacklevel=5)

        return Detector(_settings_of(models, outputs, asked, report, comes_with=config is None))


def _settings_of(
    models: str | PathLike[str] | None,
    outputs: str | PathLike[str] | None,
    asked: Config,
    report: Callable[[str], None],
    comes_with: bool,
) -> Config:
    """Find a detector, and give its settings; ``comes_with``: where none is named it is that of the package."""
    if models is None:
        if outputs is not None:
            raise UserError(f"outputs= names {outputs} without a model; name the folder of train_model.py first")
        return packaged_detector(asked) if comes_with else check_detector(asked, report)
    models = Path(models)
    if not models.is_dir():
        raise UserError(f"{models}: is no folder; name the one that train_model.py wrote")
    if outputs is not None:
        paths = asked.paths.model_copy(update={"models": str(models), "outputs": str(outputs)})
        return check_detector(asked.model_copy(update={"paths": paths}), report)
    if not (models / THRESHOLD).is_file():
        raise UserError(
            f"{models}: has no {THRESHOLD}; name the folder that evaluate_model.py wrote, too, as "
            f'load_detector("{models.as_posix()}", outputs="outputs")'
        )
    return whole_detector(models, asked, report)


def _check_unit(signal: Signal, recording: RecordingFile, names: Sequence[str], looks: Sequence[LeadLook]) -> None:
    """Check that some lead is as high as an ECG is: of what comes in another unit, nothing could be judged."""
    doubts = [unit_doubt(lead_called(name), look) for name, look in zip(names, looks, strict=True)]
    if not is_path(signal) and all(doubts):
        doubt = doubts[0]
        if describes_itself(signal):
            unit = recording.source.channels[recording.chosen(names).channels[0]].unit
            doubt = f"{doubt.partition(';')[0]}; by its own description it is in {unit}, which should be mended"
        raise UserError(f"{recording.name}: {doubt}")


def _record_name(signal: Signal) -> str | None:
    """Name the WFDB record that a path is of; ``None`` where it is none."""
    if not is_path(signal):
        return None
    header = header_of(Path(signal).expanduser())
    return None if header is None else header.stem
