"""Can a beat be judged? How well the ECG of each lead stands out of its noise, and the QRS complex out of the ECG."""

from __future__ import annotations

import bottleneck
import numpy as np
from scipy import ndimage

# A lead or a beat below this quality cannot be judged.
LEAST_QUALITY = 0.5

# What leaves a running mean over this time is the QRS complex and noise. Chosen on DS1 among 0.08 s to 0.2 s, and among
# slopes, turning points and kurtosis, by the false alarms under noise that it takes away while it leaves about 99.5 %
# of the annotated beats of each class readable.
_SMOOTHED_S = 0.09
# Half of a window lies this far off its running mean, as a share of its peak-to-peak amplitude, where the quality is
# one half: about 6 dB of muscle noise or electrode motion, as `noise` makes and measures them.
_HALF_QUALITY_DEVIATION = 0.044
# How steep a signal is: by how much it changes within this time. Where two thirds of a window are less steep than this
# share of its QRS complex, the prominence is one half or more. Chosen on DS1 with electrode motion of 12 dB added: of
# what the QRS detector finds there without an annotation, and `lead_quality` takes for readable, seven in ten become
# unreadable; of the annotated beats of each class (in clean records) less than 0.1 %.
_STEEP_S = 0.025
_LESS_STEEP = 2 / 3
_HALF_PROMINENCE_RATIO = 0.3
_COMPLEX_REACH_S = 0.06  # to either side of the fiducial point lies the steepest part of a complex
_LEAST_CHANGE_MV = 1e-6  # a flat window has no complex
# Peak to peak, after the band-pass filter (beats of DS1 and of the paced records reach 8 mV). Beyond is no ECG at the
# skin: a wrong gain, an electrode that came off.
PLAUSIBLE_MV = (0.05, 10.0)


def lead_quality(windows_mv: np.ndarray, sampling_rate_hz: int) -> np.ndarray:
    """Judge how well the beat in each window stands out of the noise, lead by lead.

    Parameters
    ----------
    windows_mv
        Shape ``(beats, samples, leads)``, band-pass filtered; all NaN where a lead has no signal.

    Returns
    -------
    ndarray
        Shape ``(beats, leads)``: from 0 (noise) to 1 (clean); 0 where a lead has no signal, or one that is too low or
        too high for an ECG.

    Notes
    -----
    A QRS complex is short: most of a window lies close to its own running mean, be the beat normal or ectopic. Where
    the median distance from it is a good part of the window's peak-to-peak amplitude, noise is what the window holds.
    The median leaves the complex itself out, and the amplitude puts the noise in proportion to it, as the relative
    powers of Li, Mark and Clifford do with spectra (Physiol Meas 29:15-32, 2008).
    """
    present = np.isfinite(windows_mv).all(axis=1)
    windows = np.where(present[:, np.newaxis], windows_mv, 0.0)
    peak_to_peak_mv = np.ptp(windows, axis=1)
    width = max(3, round(_SMOOTHED_S * sampling_rate_hz))
    smooth = ndimage.uniform_filter1d(windows, width, axis=1, mode="reflect")
    deviation = bottleneck.median(np.abs(windows - smooth), axis=1) / np.maximum(peak_to_peak_mv, PLAUSIBLE_MV[0])
    plausible = (peak_to_peak_mv >= PLAUSIBLE_MV[0]) & (peak_to_peak_mv <= PLAUSIBLE_MV[1])
    return np.where(present & plausible, 1 / (1 + (deviation / _HALF_QUALITY_DEVIATION) ** 2), 0.0)


def beat_quality(windows_mv: np.ndarray, sampling_rate_hz: int, fiducial: int) -> np.ndarray:
    """Judge whether each window shows a beat that can be read.

    Parameters
    ----------
    windows_mv
        As for `lead_quality`.
    fiducial
        The sample of the window at which a QRS complex was found.

    Returns
    -------
    ndarray
        Shape ``(beats,)``: the `lead_quality` of the best lead; less where no lead has a QRS complex that is much
        steeper than the rest of the window. Such a beat is a jolt of an electrode, which the QRS detector takes for a
        beat, or a beat that a jolt hides.
    """
    noise = lead_quality(windows_mv, sampling_rate_hz)
    prominence = _prominence(windows_mv, sampling_rate_hz, fiducial)
    return np.asarray(np.minimum(noise.max(axis=1), prominence.max(axis=1)))


def _prominence(windows_mv: np.ndarray, sampling_rate_hz: int, fiducial: int) -> np.ndarray:
    """How far the QRS complex is the steepest part of each window, lead by lead: from 0 to 1; 0 without a signal."""
    span, reach = (max(1, round(time_s * sampling_rate_hz)) for time_s in (_STEEP_S, _COMPLEX_REACH_S))
    change_mv = np.abs(windows_mv[:, span:] - windows_mv[:, :-span])
    rank = int(_LESS_STEEP * (change_mv.shape[1] - 1))
    usual_mv = np.partition(change_mv, rank, axis=1)[:, rank]
    first = fiducial - reach - span // 2
    steepest_mv = change_mv[:, max(0, first) : first + 2 * reach + 1].max(axis=1)
    ratio = usual_mv / np.maximum(steepest_mv, _LEAST_CHANGE_MV)
    return np.asarray(np.nan_to_num(1 / (1 + (ratio / _HALF_PROMINENCE_RATIO) ** 2)))
