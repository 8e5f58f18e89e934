"""What a network is told of the rhythm: a beat's RR intervals against those of the last minutes.

Tachograms are arrays of shape ``(beats, intervals)`` of log RR intervals (RR in seconds): those before the earlier
beats, oldest first, then the one before and the one after the beat in question.
"""

from __future__ import annotations

import numpy as np

_LATEST = 16  # intervals that are given one by one
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97)
_USUAL = 3  # of the quantiles: premature beats shorten up to half of the intervals, see `rhythm`
_RARE = 0.003  # of a share: less than one in 200 intervals cannot be told from none
_LARGEST = 15.0  # deviation, in units of the rhythm's own variation


def rhythm_features(tachograms: np.ndarray) -> np.ndarray:
    """Describe the rhythm around beats by `FEATURES` numbers each, near 1 in size; shape ``(beats, FEATURES)``.

    The latest intervals, quantiles and variation of the earlier ones; how rare the two intervals beside the beat are
    among them, one by one and as a pair; how far they deviate, in units of that variation.
    """
    tachograms = tachograms.astype(np.float32)
    earlier, before, after = tachograms[:, :-2], tachograms[:, -2:-1], tachograms[:, -1:]
    quantiles = np.quantile(earlier, _QUANTILES, axis=1).T.astype(np.float32)
    usual, middle = quantiles[:, [_USUAL]], quantiles[:, [2]]
    varies = _median(np.abs(earlier - middle))
    changes = _median(np.abs(np.diff(earlier[:, -60:], axis=1)))
    recent = _median(earlier[:, -20:])
    varies_recently = np.abs(earlier[:, -20:] - recent).mean(axis=1, keepdims=True)
    latest = np.concatenate([earlier[:, -_LATEST:], before, after, quantiles], axis=1)
    deviations = [
        (usual - before) / (0.06 + varies),
        (after - before) / (0.06 + varies),
        (usual - before) / (0.03 + changes),
        (after - usual) / (0.06 + varies),
        (recent - before) / (0.04 + varies_recently),
        (after - recent) / (0.04 + varies_recently),
    ]
    return np.concatenate(
        [
            3 * (latest - usual),
            *(usual, 5 * varies, 5 * changes, 5 * varies_recently),
            *_rarities(earlier, before, after),
            np.clip(np.concatenate(deviations, axis=1), -_LARGEST, _LARGEST) / 3,
        ],
        axis=1,
        dtype=np.float32,
    )


FEATURES = _LATEST + 2 + len(_QUANTILES) + 4 + 8 + 6


def _rarities(earlier: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[np.ndarray]:
    """Minus log of the share of earlier intervals that are as short, as long, about as long; and of pairs like this."""
    from_before, from_after = earlier - before, earlier - after
    shorter = [_sigmoid(-differences / 0.02).mean(axis=1, keepdims=True) for differences in (from_before, from_after)]
    near = [np.exp(-np.abs(d) / 0.05).mean(axis=1, keepdims=True) for d in (from_before, from_after)]
    distance = np.square(from_before[:, :-1]) + np.square(from_after[:, 1:])
    pairs = [np.exp(-distance / (2 * width**2)).mean(axis=1, keepdims=True) for width in (0.05, 0.12)]
    shares = [shorter[0], 1 - shorter[0], shorter[1], 1 - shorter[1], *near, *pairs]
    return [-np.log(share + _RARE) for share in shares]


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(np.minimum(values * -1, 80))))


def _median(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.median(values, axis=1, keepdims=True), dtype=np.float32)
