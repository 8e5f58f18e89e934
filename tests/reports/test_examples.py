import numpy as np
import pandas as pd

from ecg_anomaly.reports.examples import BORDERLINE, FALSE_ALARM, HIGHEST, MISSED, TYPICAL, choose_examples


def choose(classes, scores, threshold, records="db/a"):
    """Rows of the chosen beats, by class and rule."""
    chosen = {}
    for example in choose_examples(scored(classes, scores, threshold, records)):
        for rule in example.rules:
            chosen.setdefault((example.aami_class, rule), []).append(example.row)
    return chosen


def scored(classes, scores, threshold, records="db/a"):
    beats = pd.DataFrame({"aami_class": list(classes), "anomaly_score": scores, "threshold": threshold})
    return beats.assign(flagged=beats["anomaly_score"] > beats["threshold"], record=records)


def test_each_rule_chooses_the_beats_it_names():
    #                                0    1    2    3    4    5    6    7    8    9
    chosen = choose("NNNNNVVVVV", [1.0, 2.0, 3.0, 4.5, 9.0, 0.5, 4.6, 7.0, 8.0, 20.0], threshold=5)

    assert chosen == {
        ("N", TYPICAL): [2],
        ("N", BORDERLINE): [3],
        ("N", HIGHEST): [4],
        ("V", TYPICAL): [7],
        ("V", BORDERLINE): [6],
        ("V", HIGHEST): [9],
        ("N", FALSE_ALARM): [4],
        ("V", MISSED): [5, 6],
    }


def test_the_worst_mistakes_come_first_at_most_three_of_a_record_and_ten_in_all():
    rng = np.random.default_rng(1)
    classes, records = np.repeat(["N", "S"], 40), np.tile([f"db/{n}" for n in "aaaabcde"], 10)
    scores = rng.permutation(80).astype(float)
    table = scored(classes, scores, np.where(classes == "N", 10.0, 70.0), records)
    examples = choose_examples(table)
    for rule, aami_class, sign in ((FALSE_ALARM, "N", -1), (MISSED, "S", 1)):
        rows = [example.row for example in examples if example.rules == (rule,)]
        assert len(rows) == 10
        assert (table["aami_class"].iloc[rows] == aami_class).all()
        assert (np.diff(sign * scores[rows]) > 0).all()
        assert table["record"].iloc[rows].value_counts().max() == 3
        passed = table.index[(table["aami_class"] == aami_class) & (sign * scores < sign * scores[rows[-1]])]
        assert set(table["record"][passed.difference(rows)]) <= {"db/a"}  # only that record has more


def test_without_mistakes_nothing_is_missed_or_a_false_alarm():
    chosen = choose("NNVV", [1, 2, 8, 9], threshold=5)

    assert not {rule for _, rule in chosen} & {FALSE_ALARM, MISSED}


def test_one_beat_serves_all_rules_of_its_class_and_is_shown_once():
    examples = choose_examples(scored("NNF", [1.0, 2.0, 3.0], threshold=5))

    fusion = [example for example in examples if example.aami_class == "F"]
    assert [example.rules for example in fusion] == [(TYPICAL, BORDERLINE, HIGHEST), (MISSED,)]


def test_of_equal_scores_the_first_beat_is_taken():
    assert list(choose("VVV", [7, 7, 7], threshold=5).values()) == [[0]] * 3


def test_classes_without_beats_have_no_examples_and_no_beats_none_at_all():
    assert {name for name, _ in choose("NNS", [1, 2, 3], threshold=5)} == {"N", "S"}
    assert choose("", [], threshold=5) == {}
