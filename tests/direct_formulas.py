"""What the package computes fast, written down a second time as plain formulas: slow, short, and independent."""

import itertools

import numpy as np


def low_pass(cut_hz, rate_hz, half_length):
    """Windowed sinc (Hamming), scaled to let a constant pass unchanged."""
    n = np.arange(-half_length, half_length + 1)
    taps = np.sinc(2 * cut_hz / rate_hz * n) * (0.54 + 0.46 * np.cos(np.pi * n / half_length))
    return taps / taps.sum()


def band_pass(lead, rate_hz, low_cut_hz, high_cut_hz, half_length_s):
    half_length = round(half_length_s * rate_hz)
    taps = low_pass(high_cut_hz, rate_hz, half_length) - low_pass(low_cut_hz, rate_hz, half_length)
    padded = np.concatenate([np.full(half_length, lead[0]), lead, np.full(half_length, lead[-1])])
    return np.array([padded[i : i + len(taps)] @ taps for i in range(len(lead))])


def every_third_sample(lead):
    """Low-pass at a third of the band (Kaiser, ten samples of the new rate to either side), then thin out."""
    n = np.arange(-30, 31)
    taps = np.sinc(n / 3) * np.kaiser(61, 5.0)
    taps /= taps.sum()
    padded = np.concatenate([np.full(30, lead[0]), lead, np.full(30, lead[-1])])
    return np.array([padded[i : i + 61] @ taps for i in range(0, len(lead), 3)])


def fiducial(leads, near, reach):
    """Where the squared slope, summed over leads and smoothed over 0.1 s at 120 Hz, is largest near a sample."""
    weights = np.sin(np.pi * np.arange(1, 13) / 13) ** 2

    def steepness(sample):
        around = np.arange(sample - 5, sample + 7)
        slopes = [(lead[around + 1] - lead[around - 1]) / 2 for lead in leads]
        return weights @ np.square(slopes).sum(axis=0)

    return max(range(near - reach, near + reach + 1), key=lambda sample: (steepness(sample), -abs(sample - near)))


def scale(windows_mv, times_s, start_s):
    """Min-Max by the medians of the earlier beats; beats of the start by the medians of the start. One lead."""
    lowest = np.array([min(window) for window in windows_mv])
    ranges = np.array([max(window) - min(window) for window in windows_mv])
    scaled = []
    for beat, window in enumerate(windows_mv):
        known = times_s < max(start_s, times_s[0] + 1e-9) if times_s[beat] < start_s else np.arange(len(times_s)) < beat
        scaled.append((window - np.median(lowest[known])) / np.median(ranges[known]))
    return np.array(scaled)


def sample_entropy_coefficient(rr_s: np.ndarray) -> float:
    """COSEn of a few RR intervals, pair by pair, with twice the tolerance until five pairs repeat."""
    for tolerance_s in 0.03 * 2.0 ** np.arange(7):
        pairs = itertools.combinations(range(len(rr_s) - 1), 2)
        alike = [(a, b) for a, b in pairs if abs(rr_s[a] - rr_s[b]) < tolerance_s]
        repeated = sum(abs(rr_s[a + 1] - rr_s[b + 1]) < tolerance_s for a, b in alike)
        if repeated >= 5:
            break
    return -np.log(repeated / len(alike)) + np.log(2 * tolerance_s) - np.log(rr_s.mean())
