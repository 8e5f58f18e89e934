from pathlib import Path

import pytest

from ecg_anomaly.batch.outcome import Outcome, Tally
from ecg_anomaly.batch.request import Named


def summary(flagged_per_hour=2.0):
    figures = {"duration_s": 60.0, "beats": 9, "flagged": 1, "flagged_per_hour": flagged_per_hour}
    return {**figures, "unreadable_share": 0.0, "heart_rate_bpm": {"median": 60.0}, "events": [], "notes": ["odd"]}


@pytest.fixture
def recordings():
    return [Named(Path(f"{number}.csv"), str(number)) for number in range(30)]


def test_what_became_of_a_batch(tmp_path, recordings):
    tally = Tally(recordings[:3], tmp_path)
    assert tally.stopped() == "stopped: no recording is done"
    outcomes = [Outcome(recordings[1], summary()), Outcome(recordings[0], error="0.csv: is empty")]
    assert [outcome.messages for outcome in outcomes] == [["1.csv: odd"], ["0.csv: is empty"]]
    for outcome in outcomes:
        tally.add(outcome)
    assert tally.stopped() == (
        f"stopped: 1 of 3 recordings is done, 1 could not be analysed; results are in {tmp_path}; go on with --resume"
    )
    assert tally.words().splitlines()[-2:] == [
        f"Wrote the results of 1 recording to {tmp_path}",
        "1 of 3 recordings could not be analysed, see above",
    ]


def test_of_many_recordings_those_with_most_flagged_beats_are_shown(tmp_path, recordings):
    tally = Tally(recordings, tmp_path)
    for number, recording in enumerate(recordings):
        tally.add(Outcome(recording, summary(float(number)), page=number > 3))
    lines = tally.words().splitlines()
    assert [line.split()[0] for line in lines[1:21]] == [str(number) for number in range(29, 9, -1)]
    assert lines[21].endswith(f"all are in {tmp_path / 'recordings.summary.csv'}")
    assert lines[22] == "4 recordings without flagged beats or events got no page (--pages all)"


def test_what_was_there_already_is_told(tmp_path, recordings):
    tally = Tally(recordings[:4], tmp_path)
    kept = Outcome(recordings[0], summary(), kept=True)
    assert kept.messages == []
    tally.add(kept)
    for recording, again in zip(recordings[1:4], ("input", "model", "input"), strict=True):
        tally.add(Outcome(recording, summary(), again=again))
    assert tally.words().splitlines()[-3:] == [
        "1 result of the same recording, model and settings kept",
        "3 results made again: the recording has changed (2), another model (1)",
        f"Wrote the results of 3 recordings to {tmp_path}",
    ]
