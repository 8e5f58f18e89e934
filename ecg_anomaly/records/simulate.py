"""Simulated ECG records with known anomalies, as WFDB files: for the demo and the tests.

Every patient has a heart of their own: the shape of its beats in two leads, its rate and variability, its
anomalous beats, breathing, noise. The signals follow ECGSYN's equations [1]_. Figures that a detector reaches
on them say that it runs, not how well it does on people.

References
----------
.. [1] McSharry PE, Clifford GD, Tarassenko L, Smith LA. A dynamical model for generating synthetic
   electrocardiogram signals. IEEE Trans Biomed Eng 50(3):289-294, 2003.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import wfdb

# The database of records that the project simulates; every result that rests on it says so.
SIMULATED_DATABASE = "simdb"
SAMPLING_RATE_HZ = 360
LEADS = ("MLII", "V1")
ANNOTATOR = "atr"

_STEPS_PER_MV = 200  # of the 12-bit converter, as in the MIT-BIH Arrhythmia Database
_LARGEST_STEP = 2047
_RHYTHM_SAMPLE = 18  # where the rhythm is noted, before the first beat
_LEAD_IN_S = 5.0  # simulated and cut off, so that a record starts in mid-rhythm
_NORMAL_START_S = 10.0  # beats up to here are normal: they show a detector what the patient's own beats look like
_REACH_BEFORE_S, _REACH_AFTER_S = 0.35, 0.70  # a beat's waves lie within this distance of its R peak
_QRS_REACH_S = 0.12

# Shapes at an R wave of 1 mV and an RR interval of 1 s. Of each wave: its place after the R peak in seconds, its
# width (standard deviation) in seconds, its height in MLII and in V1. The paper has five waves; R' and T' make a
# QRS complex that is notched or slurred, and a T wave that falls faster than it rises.
_NOMINAL = {
    "N": (  # P, Q, R, R', S, T, T'
        (-0.165, -0.028, 0.000, 0.018, 0.034, 0.270, 0.315),
        (0.022, 0.009, 0.0125, 0.010, 0.011, 0.055, 0.032),
        (0.12, -0.08, 1.00, 0.05, -0.18, 0.20, 0.11),
        (0.05, 0.22, -0.75, -0.10, -0.25, 0.08, 0.05),
    ),
    "L": (  # left bundle branch block: wide and notched, T against it
        (-0.180, -0.045, 0.000, 0.050, 0.090, 0.300, 0.345),
        (0.022, 0.016, 0.023, 0.021, 0.018, 0.058, 0.034),
        (0.12, 0.10, 1.00, 0.55, -0.08, -0.18, -0.09),
        (0.05, 0.06, -0.90, -0.60, -0.12, 0.24, 0.12),
    ),
    "R": (  # right bundle branch block: wide S in MLII, second R wave in V1
        (-0.175, -0.028, 0.000, 0.052, 0.082, 0.280, 0.325),
        (0.022, 0.010, 0.013, 0.019, 0.022, 0.055, 0.032),
        (0.12, -0.06, 1.00, -0.22, -0.16, 0.20, 0.10),
        (0.05, 0.25, -0.45, 0.65, 0.25, -0.18, -0.09),
    ),
    "V up": (  # focus high in the right ventricle; no ventricular focus has a P wave
        (-0.165, -0.050, 0.000, 0.044, 0.100, 0.310, 0.365),
        (0.022, 0.018, 0.032, 0.026, 0.028, 0.065, 0.040),
        (0.00, -0.10, 1.30, 0.35, -0.35, -0.40, -0.18),
        (0.00, 0.15, -1.10, -0.45, 0.12, 0.34, 0.16),
    ),
    "V down": (  # focus low in the left ventricle
        (-0.165, -0.060, 0.000, 0.046, 0.108, 0.315, 0.370),
        (0.022, 0.016, 0.033, 0.027, 0.028, 0.065, 0.040),
        (0.00, 0.25, -1.20, -0.30, 0.28, 0.36, 0.16),
        (0.00, 0.12, 1.00, 0.38, -0.10, -0.32, -0.14),
    ),
}

# Where a shape, of (waves, 4), has what: the tables above are written the other way round.
_P, _QRS, _T = slice(0, 1), slice(1, 5), slice(5, 7)
_R = 2
_AT_S, _WIDTH_S, _TIMES_S, _HEIGHTS_MV = 0, 1, slice(0, 2), slice(2, 4)

# Shares of A, V and F beats, lowest and highest, in per cent; patients take them in turn, so that any few
# patients in a row hold anomalies of each kind.
_BURDENS = (
    {"A": (0.0, 0.6), "V": (0.0, 0.8), "F": (0.0, 0.0)},
    {"A": (8.0, 13.0), "V": (0.5, 2.0), "F": (0.0, 0.0)},
    {"A": (0.0, 1.0), "V": (7.0, 11.0), "F": (3.5, 5.5)},
    {"A": (3.5, 6.0), "V": (4.0, 7.0), "F": (2.0, 3.5)},
)
_BUNDLE_BRANCH_BLOCK = {1: "L", 7: "R"}  # by the patient's number modulo 12


@dataclass(frozen=True)
class SimulatedRecord:
    """One simulated record."""

    signals_mv: np.ndarray  # shape (samples, leads), in millivolts, in steps of the converter (0.005 mV)
    sampling_rate_hz: int
    leads: tuple[str, ...]  # names, in the order of signals_mv
    samples: np.ndarray  # shape (beats,): the main deflection of each QRS complex in the first lead, increasing
    symbols: list[str]  # the WFDB symbol of each beat: N, L or R by patient; A, V and F for anomalous beats


@dataclass(frozen=True)
class _Patient:
    """What stays the same in a patient for the length of a record; shapes are ``(waves, 4)``."""

    normal_symbol: str
    normal: np.ndarray
    atrial: np.ndarray
    foci: tuple[np.ndarray, ...]
    coupling: dict[str, float]  # RR interval before an A or V beat, as a share of the normal one
    shares: dict[str, float]  # of A, V and F beats
    bigeminy: float  # how often a V beat is followed, one beat later, by another
    rr_s: float
    rr_variation: float
    breathing_hz: float
    breathing_mv: float
    wander_mv: float
    muscle_mv: float
    mains_mv: float
    jolts_per_minute: float


def is_simulated(name: str) -> bool:
    """Tell whether a record, named ``database/name``, is simulated."""
    return name.partition("/")[0] == SIMULATED_DATABASE


def record_name(patient: int) -> str:
    """Name of a patient's record, without its database: patients count from 1."""
    return f"s{patient:03d}"


def simulate_record(patient: int, minutes: float, seed: int) -> SimulatedRecord:
    """Simulate the record of a patient, who are numbered from 1; the same for equal arguments."""
    samples = round(minutes * 60 * SAMPLING_RATE_HZ)
    if patient < 1 or samples < 1:
        raise ValueError(f"patients count from 1 and records have a length; got patient {patient}, {minutes} minutes")
    rng = np.random.default_rng([seed, patient])
    person = _draw_patient(rng, patient)
    lead_in = round(_LEAD_IN_S * SAMPLING_RATE_HZ)
    times_s = np.arange(-lead_in, samples) / SAMPLING_RATE_HZ

    peaks_s, symbols, rr_s = _schedule(rng, person, times_s)
    shapes = _beat_shapes(rng, person, peaks_s, symbols, rr_s)
    forcing, fiducials = _beat_forcing(shapes, peaks_s, times_s)
    breathing_mv = person.breathing_mv * np.sin(2 * np.pi * person.breathing_hz * times_s)
    signals_mv = _solve(forcing, np.outer(breathing_mv, [1.0, 0.6])) + _noise(rng, person, times_s)

    steps = np.clip(np.round(signals_mv[lead_in:] * _STEPS_PER_MV), -_LARGEST_STEP, _LARGEST_STEP)
    fiducials -= lead_in
    inside = (fiducials > _RHYTHM_SAMPLE) & (fiducials < samples)
    kept = [symbol for symbol, keep in zip(symbols, inside, strict=True) if keep]
    return SimulatedRecord(steps / _STEPS_PER_MV, SAMPLING_RATE_HZ, LEADS, fiducials[inside], kept)


def write_database(folder: Path, patients: int, minutes: float, seed: int) -> list[str]:
    """Write simulated records ``s001``, ``s002``, ... as a WFDB database; return their names, written now or before.

    Its folder is made if missing. A record that is there already (its header is) stays as it is, even if it was made
    with other arguments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [record_name(patient) for patient in range(1, patients + 1)]
    with tempfile.TemporaryDirectory(prefix=".incomplete-", dir=folder, ignore_cleanup_errors=True) as staged:
        staging = Path(staged)
        for patient, name in enumerate(names, start=1):
            if not (folder / f"{name}.hea").exists():
                _write_record(staging, name, simulate_record(patient, minutes, seed), seed)
                for extension in ("dat", ANNOTATOR, "hea"):  # the header last: it makes the record count as present
                    (staging / f"{name}.{extension}").replace(folder / f"{name}.{extension}")
        listing = folder / "RECORDS"
        listed = listing.read_text(encoding="utf-8").split() if listing.is_file() else []
        if new := [name for name in names if name not in listed]:
            (Path(staging) / "RECORDS").write_text("".join(f"{name}\n" for name in [*listed, *new]), encoding="utf-8")
            (Path(staging) / "RECORDS").replace(listing)
    return names


def _write_record(folder: Path, name: str, record: SimulatedRecord, seed: int) -> None:
    leads = len(record.leads)
    wfdb.wrsamp(
        name,
        fs=record.sampling_rate_hz,
        units=["mV"] * leads,
        sig_name=list(record.leads),
        d_signal=np.round(record.signals_mv * _STEPS_PER_MV).astype(np.int64),
        fmt=["212"] * leads,
        adc_gain=[_STEPS_PER_MV] * leads,
        baseline=[0] * leads,
        comments=[
            "SIMULATED DATA: made by a computer program, not recorded from a person",
            f"ecg_anomaly.simulate, after ECGSYN (McSharry et al. 2003), seed {seed}",
        ],
        write_dir=str(folder),
    )
    wfdb.wrann(
        name,
        ANNOTATOR,
        np.concatenate([[_RHYTHM_SAMPLE], record.samples]),
        ["+", *record.symbols],
        aux_note=["(N", *[""] * len(record.symbols)],
        fs=record.sampling_rate_hz,
        write_dir=str(folder),
    )


def _draw_patient(rng: np.random.Generator, number: int) -> _Patient:
    symbol = _BUNDLE_BRANCH_BLOCK.get(number % 12, "N")
    amplitude_mv = rng.uniform(0.7, 1.8)
    normal = _draw_shape(rng, symbol, amplitude_mv)
    slow = 1.0 if symbol == "N" else 1.2  # conduction that is slow already makes ventricular beats wider still
    kinds = rng.permutation(["V up", "V down"])[: rng.integers(1, 3)]
    rate_bpm = rng.uniform(52, 96)
    return _Patient(
        normal_symbol=symbol,
        normal=normal,
        atrial=_atrial_shape(rng, normal),
        foci=tuple(_draw_shape(rng, kind, amplitude_mv * rng.uniform(0.7, 1.3), slow) for kind in kinds),
        coupling={"A": rng.uniform(0.7, 0.8), "V": rng.uniform(0.6, 0.78)},
        shares={kind: rng.uniform(*span) / 100 for kind, span in _BURDENS[number % len(_BURDENS)].items()},
        bigeminy=rng.choice([0.0, 0.3]),
        rr_s=60 / rate_bpm,
        rr_variation=_log_uniform(rng, 0.025, 0.16),
        breathing_hz=rng.uniform(0.18, 0.33),
        breathing_mv=rng.uniform(0.03, 0.2),
        wander_mv=rng.uniform(0.01, 0.08),
        muscle_mv=_log_uniform(rng, 0.01, 0.05),
        mains_mv=rng.uniform(0.0, 0.01),
        jolts_per_minute=rng.uniform(0.0, 4.0),
    )


def _log_uniform(rng: np.random.Generator, lowest: float, highest: float) -> float:
    return float(np.exp(rng.uniform(np.log(lowest), np.log(highest))))


def _draw_shape(rng: np.random.Generator, kind: str, amplitude_mv: float, slow: float = 1.0) -> np.ndarray:
    shape = np.array(_NOMINAL[kind]).T
    shape[:, _AT_S] *= rng.uniform(0.92, 1.08, len(shape))
    shape[:, _WIDTH_S] *= rng.uniform(0.88, 1.12, len(shape))
    shape[_QRS, _TIMES_S] *= slow
    heights = shape[:, _HEIGHTS_MV]
    main = heights[_R, 0]
    heights *= rng.uniform(0.6, 1.4, heights.shape)
    heights[_R, 0] = main  # the amplitude says how high the main deflection is
    heights[_T] *= rng.uniform(0.6, 1.4)
    heights *= amplitude_mv
    return shape


def _atrial_shape(rng: np.random.Generator, normal: np.ndarray) -> np.ndarray:
    # From elsewhere in the atrium: the P wave is hidden, upside down or flat, and comes at another distance.
    shape = normal.copy()
    shape[_P, _AT_S] += rng.uniform(-0.03, 0.04)
    shape[_P, _HEIGHTS_MV] *= rng.choice([0.0, -0.9, 0.5])
    return shape


def _schedule(
    rng: np.random.Generator, patient: _Patient, times_s: np.ndarray
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """When the beats come and what they are; and the RR interval that the sinus node keeps at each."""
    # Mayer waves at 0.1 Hz and, twice as strong, breathing.
    curve = _random_curve(rng, times_s, lambda hz: _band(hz, 0.1) + 2 * _band(hz, patient.breathing_hz))
    curve = np.clip(curve, -2, 2)  # no sinus beat comes out of nowhere
    tachogram_s = patient.rr_s * (1 + patient.rr_variation * curve)
    kinds = ["", *patient.shares]
    normal_share = 1 - sum(patient.shares.values())
    # An anomalous beat brings a normal one along, so that the odds of a draw are the ratio of the shares.
    odds = {kind: share / normal_share for kind, share in patient.shares.items()}
    odds["V"] *= 1 - patient.bigeminy

    peaks_s, symbols, rr_s = [times_s[0] + 0.1], ["N"], [patient.rr_s]
    while peaks_s[-1] < times_s[-1]:
        rr = float(np.interp(peaks_s[-1], times_s, tachogram_s))
        kind = ""
        if peaks_s[-1] > _NORMAL_START_S:
            repeat = symbols[-2] == "V" and rng.random() < patient.bigeminy
            kind = "V" if repeat else kinds[rng.choice(len(kinds), p=[1 - sum(odds.values()), *odds.values()])]
        intervals = _intervals(rng, patient, kind, rr)
        peaks_s.extend(peaks_s[-1] + np.cumsum(intervals))
        symbols.extend([kind, "N"] if kind else ["N"])
        rr_s.extend([rr] * len(intervals))
    symbols = [patient.normal_symbol if symbol == "N" else symbol for symbol in symbols]
    return np.array(peaks_s), symbols, np.array(rr_s)


def _intervals(rng: np.random.Generator, patient: _Patient, kind: str, rr_s: float) -> list[float]:
    """RR interval before the beat; of an anomalous beat also that before the normal one after it."""
    jitter = rng.normal(0, 0.012, 2)
    if kind == "A":  # resets the sinus node, which takes a little longer to its next beat
        early = np.clip(patient.coupling["A"] + 2 * jitter[0], 0.6, 0.8)
        return [rr_s * early, rr_s * rng.uniform(1.0, 1.15)]
    if kind == "V":  # blocks the next sinus beat; the one after comes when it would have come anyway
        early = np.clip(patient.coupling["V"] + 2 * jitter[0], 0.55, 0.8)
    elif kind == "F":  # a ventricular and a sinus beat that meet
        early = rng.uniform(0.93, 1.0)
    else:
        return [rr_s * (1 + jitter[0])]
    return [rr_s * early, rr_s * (2 + jitter[1] - early)]


def _beat_shapes(
    rng: np.random.Generator, patient: _Patient, peaks_s: np.ndarray, symbols: list[str], rr_s: np.ndarray
) -> np.ndarray:
    """Shapes of all beats, stacked: ``(beats, waves, 4)``."""
    shapes = np.array([_choose_shape(rng, patient, symbol) for symbol in symbols])
    # The QT interval follows the root of the RR interval, as in ECGSYN.
    shapes[:, _T, _TIMES_S] *= np.sqrt(rr_s)[:, np.newaxis, np.newaxis]

    # Breathing turns the heart's axis, electrodes dry and slip, no two beats are quite the same.
    breathing = np.sin(2 * np.pi * patient.breathing_hz * peaks_s)[:, np.newaxis]
    drift = np.stack([_random_curve(rng, peaks_s, lambda hz: hz < 0.01) for _ in LEADS], axis=1)
    gain = 1 + breathing * rng.uniform(-0.08, 0.08, len(LEADS)) + drift * rng.uniform(0.0, 0.1)
    heights = shapes[:, :, _HEIGHTS_MV]
    heights *= gain[:, np.newaxis] + rng.normal(0, 0.03, heights.shape)
    return shapes


def _choose_shape(rng: np.random.Generator, patient: _Patient, symbol: str) -> np.ndarray:
    if symbol not in ("V", "F"):
        return patient.atrial if symbol == "A" else patient.normal
    ventricular = patient.foci[rng.integers(len(patient.foci))]
    if symbol == "V":
        return ventricular
    # Half of an upright and half of an upside-down QRS complex would be none: those meet late.
    opposed = patient.normal[_R, _HEIGHTS_MV][0] * ventricular[_R, _HEIGHTS_MV][0] < 0
    share = rng.uniform(0.15, 0.3) if opposed else rng.uniform(0.2, 0.6)
    return np.asarray((1 - share) * patient.normal + share * ventricular)


def _beat_forcing(shapes: np.ndarray, peaks_s: np.ndarray, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find what drives ECGSYN's z equation, in millivolts per second, and each beat's main deflection.

    The equation is ``dz/dt = -sum_i a_i dtheta_i exp(-dtheta_i^2 / (2 b_i^2)) - (z - z0)``. Its phase advances
    at ``omega = 2 pi / RR`` from one R peak to the next, so that ``dtheta_i = omega (t - t_i)``. With
    ``b_i = omega width_i`` and ``a_i = omega height_i / b_i^2`` omega drops out: each term is the slope of a
    Gaussian wave, given in millivolts and seconds, and a QRS complex keeps its width at any heart rate.
    Shapes are ``(samples, leads)`` and, for the index into ``times_s`` of the deflection in the first lead,
    ``(beats,)``.
    """
    before, after = round(_REACH_BEFORE_S * SAMPLING_RATE_HZ), round(_REACH_AFTER_S * SAMPLING_RATE_HZ)
    centres = np.round((peaks_s - times_s[0]) * SAMPLING_RATE_HZ).astype(np.int64)
    grid_s = times_s[0] + (centres[:, np.newaxis] + np.arange(-before, after)) / SAMPLING_RATE_HZ
    from_peak_s = grid_s - peaks_s[:, np.newaxis]

    slopes = np.zeros((len(LEADS), *grid_s.shape))
    qrs_mv = np.zeros(grid_s.shape)
    for wave in range(shapes.shape[1]):
        distance_s = from_peak_s - shapes[:, wave, _AT_S, np.newaxis]
        variance = shapes[:, wave, _WIDTH_S, np.newaxis] ** 2
        heights = shapes[:, wave, _HEIGHTS_MV].T[:, :, np.newaxis]
        bump = np.exp(-(distance_s**2) / (2 * variance))
        slopes += -distance_s / variance * bump * heights
        if _QRS.start <= wave < _QRS.stop:
            qrs_mv += bump * heights[0]

    # Room on either side for the waves of beats near the ends; the last beats may lie behind them.
    forcing = np.zeros((max(len(times_s), centres[-1]) + before + after, len(LEADS)))
    for centre, slope in zip(centres, slopes.transpose(1, 2, 0), strict=True):
        forcing[centre : centre + before + after] += slope
    near = np.where(np.abs(from_peak_s) <= _QRS_REACH_S, np.abs(qrs_mv), 0)
    return forcing[before : before + len(times_s)], centres - before + near.argmax(axis=1)


def _solve(forcing: np.ndarray, baseline_mv: np.ndarray) -> np.ndarray:
    """Solve the z equation: linear, and its phase is known, so that a first-order filter replaces a stepper."""
    decay = np.exp(-1 / SAMPLING_RATE_HZ)
    half = (1 - decay) / 2  # the trapezoidal rule: waves stay where they are
    return np.asarray(scipy.signal.lfilter([half, half], [1, -decay], forcing + baseline_mv, axis=0))


def _noise(rng: np.random.Generator, patient: _Patient, times_s: np.ndarray) -> np.ndarray:
    """Baseline wander, muscle noise, mains hum, and jolts: short movements of the electrodes."""
    noise = np.empty((len(times_s), len(LEADS)))
    muscle = scipy.signal.butter(1, (15, 120), "bandpass", fs=SAMPLING_RATE_HZ, output="sos")
    movement = scipy.signal.butter(1, (1, 6), "bandpass", fs=SAMPLING_RATE_HZ, output="sos")
    jolts = _jolts(rng, patient, times_s)
    mains = np.sin(2 * np.pi * 60 * times_s + rng.uniform(0, 2 * np.pi))
    for lead in range(len(LEADS)):
        tension = np.exp(0.5 * _random_curve(rng, times_s, lambda hz: hz < 0.1))
        noise[:, lead] = patient.muscle_mv * tension * _filtered_noise(rng, muscle, len(times_s))
        noise[:, lead] += patient.wander_mv * _random_curve(rng, times_s, lambda hz: hz < 0.3)
        noise[:, lead] += rng.uniform(0.3, 1.0) * jolts * _filtered_noise(rng, movement, len(times_s))
        noise[:, lead] += patient.mains_mv * mains
    return noise


def _jolts(rng: np.random.Generator, patient: _Patient, times_s: np.ndarray) -> np.ndarray:
    """How much the electrodes are moved, shape ``(samples,)``, in millivolts."""
    length_s = times_s[-1] - times_s[0]
    jolts_mv = np.zeros(len(times_s))
    for _ in range(rng.poisson(patient.jolts_per_minute * length_s / 60)):
        centre_s, width_s = rng.uniform(times_s[0], times_s[-1]), rng.uniform(0.2, 0.6)
        near = slice(*np.searchsorted(times_s, [centre_s - 5 * width_s, centre_s + 5 * width_s]))
        jolts_mv[near] += rng.uniform(0.1, 0.6) * np.exp(-((times_s[near] - centre_s) ** 2) / (2 * width_s**2))
    return jolts_mv


def _filtered_noise(rng: np.random.Generator, sections: np.ndarray, length: int) -> np.ndarray:
    """Noise of variance 1 in a frequency band."""
    filtered = scipy.signal.sosfilt(sections, rng.standard_normal(length))
    return np.asarray(filtered / filtered.std())


def _band(frequency_hz: np.ndarray, centre_hz: float) -> np.ndarray:
    """Power of RR intervals in a band."""
    return np.exp(-((frequency_hz - centre_hz) ** 2) / (2 * 0.01**2))


def _random_curve(
    rng: np.random.Generator, times_s: np.ndarray, power: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Random curve of variance 1 with a given power spectrum, at given times: as ECGSYN makes its tachogram."""
    rate_hz = 8
    # Longer than the record: a Fourier series repeats itself, and slow spectra need a few frequencies.
    points = int((times_s[-1] - times_s[0] + 300) * rate_hz)
    amplitude = np.sqrt(np.asarray(power(np.fft.rfftfreq(points, 1 / rate_hz)), dtype=float))
    amplitude[0] = 0
    curve = np.fft.irfft(amplitude * np.exp(2j * np.pi * rng.random(len(amplitude))), points)
    return np.asarray(np.interp(times_s, times_s[0] + np.arange(points) / rate_hz, curve / curve.std()))
