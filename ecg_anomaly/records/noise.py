"""Noise of calibrated strength on clean signals: baseline wander, muscle and electrode motion.

The three kinds of the MIT-BIH Noise Stress Test Database (Moody, Muldrow, Mark, Computers in Cardiology 11:381-384,
1984), made from random numbers. Leads share electrodes: half of the power of a lead is common to all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import signal

_COMMON_SHARE = 0.5  # of the power of each lead
_QRS_REACH_S = 0.05  # to either side of an annotation, as WFDB's sigamp measures


def make_noise(kind: str, samples: int, leads: int, sampling_rate_hz: float, seed: int | Sequence[int]) -> np.ndarray:
    """Make noise of one of the ``KINDS``: shape ``(samples, leads)``, without a unit, the mean square of each lead one.

    The sampling rate must be above 45 Hz. The seed is as NumPy's ``default_rng`` takes it: equal seeds give equal
    noise.
    """
    streams = np.random.default_rng(seed).spawn(leads + 1)
    common, *own = (_unit_power(_MAKERS[kind](stream, samples, sampling_rate_hz)) for stream in streams)
    mixed = [np.sqrt(_COMMON_SHARE) * common + np.sqrt(1 - _COMMON_SHARE) * alone for alone in own]
    return np.column_stack([_unit_power(lead) for lead in mixed])


def add_noise(
    signals_mv: np.ndarray, noise: np.ndarray, snr_db: float, beats: np.ndarray, sampling_rate_hz: float
) -> np.ndarray:
    """Add noise to clean signals at a signal-to-noise ratio, lead by lead.

    Parameters
    ----------
    signals_mv, noise
        Shape ``(samples, leads)`` both.
    snr_db
        ``10 log10(S / N)``, with N the mean square of the noise and S the power of a sine as high as the QRS
        complexes: their peak-to-peak amplitude squared, over eight. The amplitude is the median over the beats within
        50 ms of their annotations. This is the definition of ``nst`` in the WFDB software (nst(1) and sigamp(1),
        WFDB Applications Guide), but for N, which ``nst`` measures in windows of one second without their mean:
        of the slow kinds it adds more.
    beats
        Shape ``(beats,)``: the samples of the annotations.
    sampling_rate_hz
        Samples per second.
    """
    reach = round(_QRS_REACH_S * sampling_rate_hz)
    inside = beats[(beats >= reach) & (beats < len(signals_mv) - reach)]
    complexes = signals_mv[inside[:, np.newaxis] + np.arange(-reach, reach + 1)]
    height_mv = np.nanmedian(np.ptp(complexes, axis=1), axis=0)
    noise_power = height_mv**2 / 8 / 10 ** (snr_db / 10)
    return np.asarray(signals_mv + noise * np.sqrt(noise_power / np.mean(noise**2, axis=0)))


def _baseline_wander(rng: np.random.Generator, samples: int, sampling_rate_hz: float) -> np.ndarray:
    """Make a random walk that is kept near zero: its amplitude falls with the frequency, from 0.05 to 0.5 Hz."""
    frequency_hz = np.fft.rfftfreq(samples, 1 / sampling_rate_hz)
    spectrum = np.fft.rfft(rng.normal(size=samples)) / np.maximum(frequency_hz, 0.05)
    return np.asarray(np.fft.irfft(spectrum * ((frequency_hz > 0) & (frequency_hz < 0.5)), samples))


def _muscle(rng: np.random.Generator, samples: int, sampling_rate_hz: float) -> np.ndarray:
    """Make white noise from 20 Hz to 120 Hz (or what the rate allows) that swells and fades within seconds."""
    activity = _filtered(rng, samples, sampling_rate_hz, (20.0, min(120.0, 0.45 * sampling_rate_hz)))
    effort = _filtered(rng, samples, sampling_rate_hz, (0.02, 0.3))
    return activity * np.exp(0.7 * effort)  # log-normal: bursts of several times the usual strength


def _electrode_motion(rng: np.random.Generator, samples: int, sampling_rate_hz: float) -> np.ndarray:
    """Make jolts every few seconds: a step that decays within a second or two, with bumps of 1 to 10 Hz upon it.

    Its band is that of the QRS complex and the T wave, which is why no filter removes it.
    """
    times_s = np.arange(samples) / sampling_rate_hz
    bumps = _filtered(rng, samples, sampling_rate_hz, (1.0, 10.0))
    moved = 0.3 * bumps
    for onset_s in np.cumsum(rng.exponential(3.0, size=int(times_s[-1]) + 1)):
        jolted = slice(int(onset_s * sampling_rate_hz), int((onset_s + 10) * sampling_rate_hz))
        since_s = np.maximum(times_s[jolted] - onset_s, 0)
        rise = -np.expm1(-since_s / rng.uniform(0.01, 0.1))
        fall = np.exp(-since_s / rng.uniform(0.3, 2.0))
        moved[jolted] += rise * fall * (rng.normal(0, 2.0) + bumps[jolted])
    return moved


def _filtered(
    rng: np.random.Generator, samples: int, sampling_rate_hz: float, band_hz: tuple[float, float]
) -> np.ndarray:
    sections = signal.butter(2, band_hz, "bandpass", fs=sampling_rate_hz, output="sos")
    return _unit_power(signal.sosfilt(sections, rng.normal(size=samples)))


def _unit_power(values: np.ndarray) -> np.ndarray:
    return np.asarray(values / np.sqrt(np.mean(values**2)))


_MAKERS = {"baseline_wander": _baseline_wander, "muscle": _muscle, "electrode_motion": _electrode_motion}
KINDS = tuple(_MAKERS)
