import json

import numpy as np
import pandas as pd
import pytest

from ecg_anomaly.beats.labelled import Detection
from ecg_anomaly.config import load_config
from ecg_anomaly.evaluation.figures import figures_of, with_missed_beats

BEATS = 400
COMPONENTS = ["reconstruction", "patient", "rhythm"]


def config(*components, leave_out=()):
    return load_config(
        overrides=[
            f"scoring.components=[{', '.join(components or COMPONENTS)}]",
            f"evaluation.leave_out=[{', '.join(leave_out)}]",
            "evaluation.resamples=5",
        ]
    )


def scored(database="mitdb", components=COMPONENTS):
    """Test beats of two records as in scores.csv, and the scores of a baseline."""
    rng = np.random.default_rng(1)
    classes = rng.choice(["N", "S", "V", "F", "Q"], size=BEATS, p=[0.7, 0.1, 0.1, 0.05, 0.05])
    record = np.repeat([f"{database}/100", f"{database}/200"], BEATS // 2)
    table = pd.DataFrame({"record": record, "rr_before_s": 0.9, "aami_class": classes})
    table["anomalous"] = classes != "N"
    for name in COMPONENTS:
        table[f"{name}_surprise"] = rng.exponential(size=BEATS) + table["anomalous"]
    odds = {f"log_odds_{name}": rng.normal(size=BEATS) + 3 * (classes == name) for name in "SV"}
    scores = sum(table[f"{name}_surprise"] for name in components)
    flagged = scores > 3.5
    table = table.assign(
        **odds, anomaly_score=scores, threshold=3.5, flagged=flagged, called=np.where(flagged, "V", "")
    )
    return table, {"pca": rng.random(BEATS)}


# Two records, each with four normal beats, then two S and two V, half a second apart.
HAND_MADE = pd.DataFrame(
    {
        "record": ["mitdb/100"] * 8 + ["mitdb/200"] * 8,
        "aami_class": list("NNNNSSVV") * 2,
        "rr_before_s": 0.5,
        # The shape sets all anomalous beats of record 100 apart, the rhythm those of 200; the patient none.
        "reconstruction_surprise": [0.0, 1, 2, 3, 4, 5, 6, 7] + [0.0] * 8,
        "rhythm_surprise": [0.0] * 8 + [0, 1, 2, 3, 4, 5, 6, 7],
        "patient_surprise": [0, 0, 0, 40.0] * 4,
        # The network sets all anomalous beats apart, by S or by V.
        "log_odds_S": ([-9.0] * 4 + [2.0, 2.0, -9.0, -9.0]) * 2,
        "log_odds_V": ([-9.0] * 4 + [-9.0, -9.0, 3.0, 3.0]) * 2,
    }
)


def hand_made(components):
    """Those beats, flagged above 2.5."""
    scores = sum(HAND_MADE[f"{name}_surprise"] for name in components)
    judged = HAND_MADE.assign(anomalous=HAND_MADE["aami_class"] != "N", anomaly_score=scores)
    called = np.where(scores > 2.5, "V", "")
    return judged.assign(threshold=2.5, flagged=scores > 2.5, called=called), {"pca": -scores.to_numpy()}


def test_figures_of_the_score_and_at_the_threshold():
    components = ["reconstruction", "rhythm"]
    figures = figures_of(*hand_made(components), config(*components))
    assert figures["auc"] == figures["average_precision"] == 1
    assert figures["sensitivity_at_fpr"]["0.01"] == {"S": 1, "V": 1, "F": None, "all": 1}
    assert figures["per_record_auc_mean"] == {"mean": None, "records": 0}  # too few anomalous beats
    assert figures["false_positive_rate"] == 2 / 8
    assert figures["sensitivity"] == {"S": 1, "V": 1, "F": None, "all": 1}
    assert figures["positive_predictivity"] == {"S": 4 / 6, "V": 4 / 6, "F": 0, "all": 8 / 10}
    assert figures["precision"] == 8 / 10
    assert figures["f1"] == pytest.approx(2 * 8 / (8 + 10))
    assert figures["prevalence"] == 1 / 2
    assert figures["threshold"] == 2.5
    assert figures["beats"] == {"N": 8, "S": 4, "V": 4, "F": 0, "Q": 0}
    assert figures["false_alarms_per_hour"] == pytest.approx(2 / (16 * 0.5 / 3600))
    assert figures["average_over_records"]["false_positive_rate"] == 1 / 4
    assert figures["baselines"]["pca"]["auc"] == 0  # it ranks the other way round
    assert figures["confidence_intervals"]["auc"] == [1, 1]
    # All flagged beats are called V: the four V, and four S and two N wrongly.
    assert figures["named"]["V"] == {"sensitivity": 1, "positive_predictivity": 4 / 10}
    assert figures["quiet_records"]["records"] == 2
    assert figures["quiet_records"]["false_alarms_per_hour"] == figures["false_alarms_per_hour"]


def test_every_component_is_judged_alone_and_by_what_the_sum_loses_without_it():
    two = figures_of(*hand_made(["reconstruction", "rhythm"]), config("reconstruction", "rhythm"))["components"]
    # Alone, each ranks the pairs of one record, and of its anomalous beats with the other's normal ones, which are 0.
    alone = 1 - (16 * 0.5 + 16 * (0.5 + 3) / 4) / 64
    assert two["reconstruction"]["auc"] == two["rhythm"]["auc"] == pytest.approx(alone)
    assert two["reconstruction"]["without"]["auc"] == pytest.approx(two["rhythm"]["auc"])
    assert two["rhythm"]["without"]["auc"] == pytest.approx(two["reconstruction"]["auc"])
    assert two["patient"]["auc"] == 1 / 2
    assert two["patient"]["without"] is None  # it does not count
    assert two["ectopy"]["auc"] == 1

    every = figures_of(*hand_made(COMPONENTS), config())
    assert every["auc"] < 1
    assert every["components"]["patient"]["without"]["auc"] == 1

    one = figures_of(*hand_made(["reconstruction"]), config("reconstruction"))["components"]
    assert one["reconstruction"]["without"] is None  # nothing would be left


def test_figures_without_a_record_are_those_of_the_others():
    judged, baselines = hand_made(["reconstruction"])
    figures = figures_of(judged, baselines, config("reconstruction", leave_out=["mitdb/200", "mitdb/999"]))
    assert figures["without_record"].keys() == {"mitdb/200"}
    others = figures["without_record"]["mitdb/200"]
    assert (others["auc"], others["false_positive_rate"], others["sensitivity"]["all"]) == (1, 1 / 4, 1)
    assert (figures["false_positive_rate"], figures["sensitivity"]["all"]) == (1 / 8, 1 / 2)


@pytest.mark.parametrize(("database", "simulated"), [("simdb", True), ("mitdb", False)])
def test_figures_say_whether_records_are_simulated(database, simulated):
    assert figures_of(*scored(database), config())["simulated"] is simulated


@pytest.mark.parametrize("classes", ["NSVFQ", "N", "Q", "NV"])
def test_figures_are_json_without_nan_even_when_undefined(classes):
    table, baselines = scored()
    chosen = table["aami_class"].isin(list(classes)).to_numpy()
    figures = figures_of(table[chosen], {"pca": baselines["pca"][chosen]}, config())
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def detected(symbols="VNN"):
    """What a detector found that missed so many beats of the first record."""
    missed = pd.DataFrame({"record": "mitdb/100", "sample": range(len(symbols)), "aami_class": list(symbols)})
    return Detection(pd.DataFrame(), missed.assign(anomalous=missed["aami_class"] != "N"))


def with_errors():
    return (values.assign(reconstruction_error=1.0) if n == 0 else values for n, values in enumerate(scored()))


def test_missed_beats_lie_below_all_others_and_are_not_flagged():
    table, baselines = with_errors()
    judged, simple = with_missed_beats(table, baselines, detected())

    assert len(judged) == len(simple["pca"]) == BEATS + 3
    pd.testing.assert_frame_equal(judged[:BEATS][table.columns], table)
    for name in ("anomaly_score", "log_odds_S", "log_odds_V", *(f"{name}_surprise" for name in COMPONENTS)):
        assert judged[name][BEATS:].max() < judged[name][:BEATS].min()
    assert simple["pca"][BEATS:].max() < simple["pca"][:BEATS].min()
    assert judged["aami_class"][BEATS:].tolist() == ["V", "N", "N"]
    assert judged["anomalous"].dtype == judged["flagged"].dtype == bool
    assert not judged["flagged"][BEATS:].any()
    assert (judged["called"][BEATS:] == "").all()


@pytest.mark.parametrize("detection", [None, detected("")], ids=["annotated", "none missed"])
def test_where_no_beat_was_missed_nothing_is_added(detection):
    table, baselines = with_errors()
    judged, simple = with_missed_beats(table, baselines, detection)
    pd.testing.assert_frame_equal(judged, table)
    assert simple == baselines
