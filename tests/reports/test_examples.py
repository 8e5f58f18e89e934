import pandas as pd

from ecg_anomaly.reports.examples import BORDERLINE, FARTHEST_ABOVE, FARTHEST_BELOW, HIGHEST, TYPICAL, choose_examples


def choose(classes, scores, threshold):
    examples = choose_examples(scored(classes, scores, threshold))
    return {(example.aami_class, rule): example.row for example in examples for rule in example.rules}


def scored(classes, scores, threshold):
    beats = pd.DataFrame({"aami_class": list(classes), "anomaly_score": scores, "threshold": threshold})
    return beats.assign(flagged=beats["anomaly_score"] > beats["threshold"])


def test_each_rule_chooses_the_beat_it_names():
    #                                0    1    2    3    4    5    6    7    8    9
    chosen = choose("NNNNNVVVVV", [1.0, 2.0, 3.0, 4.5, 9.0, 0.5, 4.6, 7.0, 8.0, 20.0], threshold=5)

    assert chosen == {
        ("N", TYPICAL): 2,
        ("N", BORDERLINE): 3,
        ("N", HIGHEST): 4,
        ("N", FARTHEST_ABOVE): 4,
        ("V", TYPICAL): 7,
        ("V", BORDERLINE): 6,
        ("V", HIGHEST): 9,
        ("V", FARTHEST_BELOW): 5,
    }


def test_each_beat_is_held_against_its_own_threshold():
    #                                0    1    2    3     4    5    6     7
    chosen = choose("NNNNVVVV", [1.0, 9.0, 7.0, 11.5, 3.0, 6.0, 12.0, 20.0], [5, 8, 3, 12, 4, 9, 5, 5])

    assert chosen["N", BORDERLINE] == 3
    assert chosen["N", HIGHEST] == 3
    assert chosen["N", FARTHEST_ABOVE] == 2  # 4 above its threshold; beat 1 scores higher, but only 1 above
    assert chosen["V", BORDERLINE] == 4
    assert chosen["V", FARTHEST_BELOW] == 5  # 3 below its threshold; beat 4 scores lower, but only 1 below


def test_without_mistakes_nothing_is_missed_or_a_false_alarm():
    chosen = choose("NNVV", [1, 2, 8, 9], threshold=5)

    assert not {rule for _, rule in chosen} & {FARTHEST_BELOW, FARTHEST_ABOVE}


def test_one_beat_serves_all_rules_of_its_class_and_is_shown_once():
    examples = choose_examples(scored("NNF", [1.0, 2.0, 3.0], threshold=5))

    fusion = [example for example in examples if example.aami_class == "F"]
    assert [example.rules for example in fusion] == [(TYPICAL, BORDERLINE, HIGHEST, FARTHEST_BELOW)]


def test_of_equal_scores_the_first_beat_is_taken():
    assert set(choose("VVV", [7, 7, 7], threshold=5).values()) == {0}


def test_classes_without_beats_have_no_examples_and_no_beats_none_at_all():
    assert {name for name, _ in choose("NNS", [1, 2, 3], threshold=5)} == {"N", "S"}
    assert choose("", [], threshold=5) == {}
