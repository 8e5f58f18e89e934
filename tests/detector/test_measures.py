"""What is asked of every beat: what the answers see, and that they add up."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.config import load_config
from ecg_anomaly.detector import measures
from ecg_anomaly.detector.scorer import score_records
from ecg_anomaly.handover.beats import load_windows, read_table, whole_records
from ecg_anomaly.handover.model import WEIGHTS, read_model
from tests.conftest import Workspace

START_S = 10.0


@pytest.fixture(scope="module")
def scored(finished: Workspace):
    """The test beats of the finished run with what they are scored by."""
    beats = whole_records(read_table(finished.processed), "test")
    windows = load_windows(finished.processed, beats)
    model = read_model(load_config(overrides=finished.settings()[1::2]))

    def score(beats, windows):
        return beats.assign(**score_records(model, beats, windows).columns())

    return beats, windows, score


def test_parts_add_up_to_the_score(finished: Workspace):
    scores = pd.read_csv(finished.outputs / "scores.csv")
    values = measures.component_values(scores)
    counting = load_config(overrides=finished.settings()[1::2]).scoring.components

    np.testing.assert_allclose(sum(values[name] for name in counting), scores["anomaly_score"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("changed", [40, 90])
def test_no_component_looks_further_ahead_than_the_next_beat(scored, changed):
    beats, windows, score = scored
    before = score(beats, windows)
    first = beats["record"].iloc[0]
    later = ((beats["record"] == first) & (np.arange(len(beats)) > changed)).to_numpy()
    assert beats["time_s"].iloc[changed] > START_S

    other_beats, other_windows = beats.copy(), windows.copy()
    other_windows[later] = other_windows[later][::-1] * 1.5 + 0.3
    other_beats.loc[later, ["rr_before_s", "rr_after_s"]] *= 1.7
    after = score(other_beats, other_windows)

    surprises = map(measures.surprise_column, measures.MEASURES)
    columns = [*surprises, *measures.LOG_ODDS, "anomaly_score"]
    np.testing.assert_allclose(after.loc[:changed, columns], before.loc[:changed, columns], rtol=1e-5, atol=1e-5)
    assert (after.loc[later, "anomaly_score"] != before.loc[later, "anomaly_score"]).mean() > 0.9


def test_ectopy_is_how_much_likelier_s_or_v_is_than_n():
    shares = {"N": 0.5, "S": 0.2, "V": 0.3}
    odds = {f"log_odds_{name}": [np.log(shares[name] / shares["N"])] for name in "SV"}
    table = pd.DataFrame(odds | {measures.surprise_column(name): [1.5] for name in measures.MEASURES})
    values = measures.component_values(table)
    assert list(values) == ["ectopy", *measures.MEASURES]
    assert values["ectopy"] == pytest.approx([np.log(1)])
    assert values["rhythm"] == [1.5]


@pytest.fixture(scope="module")
def relabelled(finished: Workspace, tmp_path_factory):
    """The pipeline once more, with other symbols of anomalous beats, which in the test records all become normal."""
    folder = tmp_path_factory.mktemp("relabelled")
    run = Workspace(folder, folder / "records")
    _relabel_anomalies(finished.records / "simdb", run.records / "simdb", normal=("s007", "s008"))
    assert (run.preprocess(), run.train(), run.evaluate()) == (0, 0, 0)
    return run


def test_labels_of_anomalies_reach_neither_model_nor_threshold_nor_scores(finished: Workspace, relabelled: Workspace):
    tables = [read_table(run.processed) for run in (finished, relabelled)]
    for split in ("train", "validation", "test"):
        before, after = (table.loc[table["split"] == split, "symbol"].to_numpy() for table in tables)
        assert (before != after).sum() > 10

    before, after = (pd.read_csv(run.outputs / "scores.csv") for run in (finished, relabelled))
    assert not after["anomalous"].any()
    for column in ("reconstruction_error", "anomaly_score", "threshold"):
        np.testing.assert_array_equal(before[column], after[column])
    thresholds = [json.loads((run.outputs / "threshold.json").read_text()) for run in (finished, relabelled)]
    assert thresholds[0] == thresholds[1]
    for before, after in zip(*(_weights(run) for run in (finished, relabelled)), strict=True):
        np.testing.assert_array_equal(before, after)


def _relabel_anomalies(source, target, normal):
    """Copy records; anomalous symbols are turned around, in some records all become normal."""
    import wfdb

    shutil.copytree(source, target)
    turned = {"A": "V", "V": "F", "F": "A"}
    for header in target.glob("*.hea"):
        annotation = wfdb.rdann(str(header.with_suffix("")), "atr")
        other = dict.fromkeys(turned, "N") if header.stem in normal else turned
        symbols = [other.get(symbol, symbol) for symbol in annotation.symbol]
        wfdb.wrann(
            header.stem,
            "atr",
            annotation.sample,
            symbols,
            aux_note=annotation.aux_note,
            fs=annotation.fs,
            write_dir=str(target),
        )


def _weights(run: Workspace):
    with np.load(run.models / WEIGHTS) as weights:
        return [weights[name] for name in weights.files]
