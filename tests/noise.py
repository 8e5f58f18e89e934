"""Noise of calibrated strength on clean signals: baseline wander, muscle and electrode motion.

The three kinds of the MIT-BIH Noise Stress Test Database (Moody, Muldrow, Mark, Computers in Cardiology 11:381-384,
1984), made from random numbers. Each function gives an array of shape ``(samples, leads)`` whose every lead has a
mean square of one. Leads share electrodes: half of the power of a lead is common to all of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

KINDS = ("baseline_wander", "muscle", "electrode_motion")

_COMMON_SHARE = 0.5  # of the power of each lead
_QRS_REACH_S = 0.05  # to either side of an annotation, as WFDB's sigamp measures


def make_noise(kind: str, samples: int, leads: int, sampling_rate_hz: float, seed: int) -> np.ndarray:
    """Noise of one of the ``KINDS``."""
    makers = {"baseline_wander": baseline_wander, "muscle": muscle, "electrode_motion": electrode_motion}
    return makers[kind](samples, leads, sampling_rate_hz, seed)


def baseline_wander(samples: int, leads: int, sampling_rate_hz: float, seed: int) -> np.ndarray:
    """A random walk that is kept near zero: its amplitude falls with the frequency, from 0.05 to 0.5 Hz."""

    def one(rng: np.random.Generator) -> np.ndarray:
        frequency_hz = np.fft.rfftfreq(samples, 1 / sampling_rate_hz)
        spectrum = np.fft.rfft(rng.normal(size=samples)) / np.maximum(frequency_hz, 0.05)
        return np.fft.irfft(spectrum * ((frequency_hz > 0) & (frequency_hz < 0.5)), samples)

    return _across_leads(one, leads, seed)


def muscle(samples: int, leads: int, sampling_rate_hz: float, seed: int) -> np.ndarray:
    """White noise from 20 Hz to 120 Hz (or what the rate allows) that swells and fades within seconds."""

    def one(rng: np.random.Generator) -> np.ndarray:
        activity = _filtered(rng, samples, sampling_rate_hz, (20.0, min(120.0, 0.45 * sampling_rate_hz)))
        effort = _filtered(rng, samples, sampling_rate_hz, (0.02, 0.3))
        return activity * np.exp(0.7 * effort)  # log-normal: bursts of several times the usual strength

    return _across_leads(one, leads, seed)


def electrode_motion(samples: int, leads: int, sampling_rate_hz: float, seed: int) -> np.ndarray:
    """Jolts every few seconds: a step that decays within a second or two, with bumps of 1 to 10 Hz upon it.

    Its band is that of the QRS complex and the T wave, which is why no filter removes it.
    """

    def one(rng: np.random.Generator) -> np.ndarray:
        times_s = np.arange(samples) / sampling_rate_hz
        bumps = _filtered(rng, samples, sampling_rate_hz, (1.0, 10.0))
        moved = 0.3 * bumps
        for onset_s in np.cumsum(rng.exponential(3.0, size=int(times_s[-1]) + 1)):
            since_s = times_s[int(onset_s * sampling_rate_hz) :][: int(10 * sampling_rate_hz)] - onset_s
            if not len(since_s):
                break
            rise = -np.expm1(-np.maximum(since_s, 0) / rng.uniform(0.01, 0.1))
            fall = np.exp(-since_s / rng.uniform(0.3, 2.0))
            jolt = rise * fall * rng.normal(0, 2.0)
            jolt += rise * fall * bumps[int(onset_s * sampling_rate_hz) :][: len(since_s)]
            moved[int(onset_s * sampling_rate_hz) :][: len(since_s)] += jolt
        return moved

    return _across_leads(one, leads, seed)


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
    return signals_mv + noise * np.sqrt(noise_power / np.mean(noise**2, axis=0))


def _filtered(
    rng: np.random.Generator, samples: int, sampling_rate_hz: float, band_hz: tuple[float, float]
) -> np.ndarray:
    sections = signal.butter(2, band_hz, "bandpass", fs=sampling_rate_hz, output="sos")
    return _unit_power(signal.sosfilt(sections, rng.normal(size=samples)))


def _across_leads(one: Callable[[np.random.Generator], np.ndarray], leads: int, seed: int) -> np.ndarray:
    common, *own = (_unit_power(one(rng)) for rng in np.random.default_rng(seed).spawn(leads + 1))
    mixed = [np.sqrt(_COMMON_SHARE) * common + np.sqrt(1 - _COMMON_SHARE) * alone for alone in own]
    return np.column_stack([_unit_power(lead) for lead in mixed])


def _unit_power(values: np.ndarray) -> np.ndarray:
    return np.asarray(values / np.sqrt(np.mean(values**2)))
