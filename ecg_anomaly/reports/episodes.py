"""Episodes of a recording: what is worth a strip of paper, and which of many are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecg_anomaly.beats.events import UNREADABLE, Event
from ecg_anomaly.findings.rhythms import COUPLET, RUN, TRIPLET, Rhythm
from ecg_anomaly.reports import styles

STRIPS = 40  # of a page, at most
STRIP_S = 10.0  # what a strip of the usual standard ECG shows
_CLOSE_S = 4.0  # flagged beats no farther apart are one episode: a strip would show both
_IN_A_ROW = (RUN, TRIPLET, COUPLET)
_URGENCY = [*styles.EVENT_WORDS, ""]  # of the kinds of episodes


@dataclass(frozen=True)
class Episode:
    """What one strip shows: flagged beats that follow each other closely, or an event."""

    start_s: float  # from the first to the last of its beats, or of the event
    end_s: float
    centre_s: float  # must be on the strip, however long the episode is: its highest score, or the start of the event
    kind: str  # the event's; empty for flagged beats
    flagged: int  # number of flagged beats
    score: float  # the highest; of events how long they last, of premature beats in a row how many and how fast
    words: str = ""  # what the event is

    @classmethod
    def of(cls, event: Event) -> Episode:
        """Make an episode of an event or a rhythm."""
        score = event.end_s - event.start_s
        if isinstance(event, Rhythm) and event.kind in _IN_A_ROW:
            score = event.beats + (event.rate_bpm or 0) / 1000
        centre_s = event.start_s + STRIP_S / 4
        return cls(event.start_s, event.end_s, centre_s, event.kind, 0, score, styles.event_words(event))


def find_episodes(beats: pd.DataFrame, events: Sequence[Event]) -> list[Episode]:
    """Merge flagged beats that follow each other closely, and add events but unreadable ones; ordered by start."""
    flagged = beats[["time_s", "anomaly_score"]][beats["flagged"].to_numpy(dtype=bool)]
    numbers = (flagged["time_s"].astype(float).diff() > _CLOSE_S).cumsum()
    episodes = []
    for _, group in flagged.groupby(numbers):
        times_s, scores = group["time_s"].to_numpy(dtype=float), group["anomaly_score"].to_numpy(dtype=float)
        highest = int(scores.argmax())
        episodes.append(Episode(times_s[0], times_s[-1], times_s[highest], "", len(group), float(scores[highest])))
    episodes += [Episode.of(event) for event in events if event.kind != UNREADABLE]
    return sorted(episodes, key=lambda episode: episode.start_s)


def choose_episodes(episodes: Sequence[Episode], count: int = STRIPS, length_s: float = STRIP_S) -> list[Episode]:
    """Choose the episodes to show, in order of time: the first of each kind, then the second of each, and so on.

    First are those with the highest score. What a strip of some length shows already needs none of its own.
    """
    ranks, ranked = Counter[str](), []
    for episode in sorted(episodes, key=lambda episode: -episode.score):
        ranked.append((ranks[episode.kind], _URGENCY.index(episode.kind), episode))
        ranks[episode.kind] += 1
    chosen: list[Episode] = []
    for *_, episode in sorted(ranked, key=lambda place: place[:2]):
        if len(chosen) == count:
            break
        if strips_that_show(chosen, [episode], length_s)[0] < 0:
            chosen.append(episode)
    return sorted(chosen, key=lambda episode: (strip_start_s(episode), episode.start_s))


def strips_that_show(chosen: Sequence[Episode], episodes: Sequence[Episode], length_s: float = STRIP_S) -> np.ndarray:
    """Say which strip of some length shows each episode, all of it or as much as a strip of its own would.

    Returns
    -------
    ndarray
        Shape ``(episodes,)``, int: the first such strip among those of the ``chosen`` episodes; -1 where none does.
    """
    starts_s = np.array([strip_start_s(episode, length_s) for episode in chosen])
    first_s, last_s = (np.array([getattr(episode, end) for episode in episodes]) for end in ("start_s", "end_s"))
    within = (starts_s <= first_s[:, np.newaxis]) & (last_s[:, np.newaxis] <= starts_s + length_s)
    own = {episode: number for number, episode in enumerate(chosen)}
    its_own = [own.get(episode, -1) for episode in episodes]
    return np.where(within.any(axis=1), within.argmax(axis=1), its_own) if chosen else np.array(its_own)


def strip_start_s(episode: Episode, length_s: float = STRIP_S) -> float:
    """Let a strip start on a whole second, so that the lines of the paper are those of the clock."""
    short = episode.end_s - episode.start_s < length_s - 2
    centre_s = (episode.start_s + episode.end_s) / 2 if short else episode.centre_s
    return max(0.0, float(np.round(centre_s - length_s / 2)))
