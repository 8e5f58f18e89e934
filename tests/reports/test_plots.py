import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from ecg_anomaly import words
from ecg_anomaly.detector.measures import component_values
from ecg_anomaly.evaluation.metrics import sensitivity_at
from ecg_anomaly.handover.scores import read_scores
from ecg_anomaly.manifest import read_manifest
from ecg_anomaly.reports import figure_data, panels, plots, styles
from ecg_anomaly.reports.examples import MISTAKES, RULES, Example
from ecg_anomaly.reports.results import Results, false_positive_rate_at, read_results
from tests.handover_files import MadeUpRun, history, noise_table, write_run


def read(run) -> Results:
    return read_results(run.config, read_manifest(run.outputs, made_by="evaluate_model.py"))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> MadeUpRun:
    return write_run(tmp_path_factory.mktemp("run"), leads=2, missing_leads=1)


@pytest.fixture(scope="module")
def results(run: MadeUpRun) -> Results:
    return read(run)


@pytest.fixture(scope="module")
def scores(run: MadeUpRun) -> pd.DataFrame:
    """All columns of ``scores.csv``."""
    return read_scores(run.outputs)


@pytest.fixture(scope="module")
def figures(results: Results) -> dict[str, Figure]:
    return drawn(results)


def drawn(results: Results) -> dict[str, Figure]:
    return {name: panel.figure for name, panel in panels.all_panels(results).items()}


def texts(figure: Figure) -> str:
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_curves_have_every_detector_chance_and_the_point_of_the_threshold(results: Results, figures: dict[str, Figure]):
    figure = figures["roc_precision_recall"]

    left, right = figure.axes
    assert len(left.lines) == len(right.lines) == 3 + 1 + 1
    assert f"AUC {results.metrics['auc']:.3f}" in left.lines[0].get_label()
    assert f"AP {results.metrics['average_precision']:.3f}" in right.lines[0].get_label()
    assert f"prevalence {results.metrics['prevalence']:.1%}" in texts(figure)
    [x], [y] = left.lines[-1].get_data()
    assert (x, y) == pytest.approx((results.metrics["false_positive_rate"], results.metrics["sensitivity"]["all"]))
    assert len({line.get_linestyle() for line in left.lines[:3]}) == 3  # not told apart by colour alone


def test_curves_without_anomalous_beats_say_so():
    figure = plots.plot_curves(pd.DataFrame({"anomalous": [False] * 5, "flagged": False}), {"score": np.arange(5.0)})

    assert texts(figure).count("no curve") == 2


def test_confusion_matrix_shows_counts_and_shares_of_rows():
    confusion = pd.DataFrame([[90, 10], [0, 0]], index=["normal", "anomalous"], columns=["not flagged", "flagged"])

    words = texts(plots.plot_confusion(confusion))

    assert "90\n90.0%" in words
    assert "10\n10.0%" in words
    assert words.count("0\n-") == 2  # a row without beats has no shares


def test_score_distribution_has_a_row_per_class_with_its_count_and_the_threshold(
    results: Results, figures: dict[str, Figure]
):
    figure = figures["score_distribution"]
    assert f"Dashed: the threshold, {words.score_text(results.threshold.threshold)}; beats" in texts(figure)

    counts = results.scores["aami_class"].value_counts()
    assert len(figure.axes) == len(counts)
    for axes, name in zip(figure.axes, [name for name in "NSVFQ" if name in counts], strict=True):
        assert styles.class_name(name) in axes.get_ylabel()
        assert f"{counts[name]:,} beat" in axes.get_ylabel()
        position = results.score_axis.position(results.threshold.threshold)
        assert axes.lines[0].get_xdata()[0] == pytest.approx(position)


@pytest.mark.parametrize("scores", [[2.0, 2.0], [0.0, 0.0], [1e-9, 1e9], [-3.0, 4.0]])
def test_any_scores_can_be_drawn(scores: list[float]):
    table = pd.DataFrame({"aami_class": ["N", "V"], "anomaly_score": scores, "flagged": [False, True]})
    axis = figure_data.score_axis(np.array(scores), threshold=0.0)

    figure = plots.plot_scores(table, axis, threshold=0.0)

    assert "100.0% flagged" in texts(figure)
    assert all(sum(bar.get_height() for bar in axes.patches) == pytest.approx(1) for axes in figure.axes)


@pytest.mark.parametrize("epochs", [1, 8])
def test_history_shows_losses_above_the_learning_rate(epochs: int):
    losses, rates = plots.plot_history(history(epochs)).axes

    assert [line.get_label() for line in losses.lines] == ["training loss", "loss of patients left out"]
    assert all(len(line.get_xdata()) == epochs for line in (*losses.lines, *rates.lines))


def titles_of(figure: Figure) -> str:
    return "\n".join(axes.get_title(loc="left") for axes in figure.axes)


def test_examples_name_record_time_symbol_and_score_and_leave_out_missing_leads(
    results: Results, figures: dict[str, Figure]
):
    figure, examples = figures["reconstructions"], results.examples_of(RULES)

    for beat in examples:
        clock, score = words.clock(beat.time_s), words.score_text(beat.score)
        assert f"{beat.record}  {clock}  {beat.symbol}  score {score}\n{beat.verdict}" in titles_of(figure)
    assert len(figure.axes) == sum(len(beat.leads) for beat in examples)
    assert {len(beat.leads) for beat in examples} == {1, 2}
    assert all(axes.collections for axes in figure.axes)  # the error is shaded


def test_mistakes_stand_beneath_the_signal_around_them(results: Results, figures: dict[str, Figure]):
    figure, mistakes = figures["mistakes"], results.examples_of(MISTAKES)

    assert len(figure.axes) == sum(1 + len(beat.leads) for beat in mistakes)
    for beat in mistakes:
        what = f"called {beat.called}" if beat.called else "not flagged"
        assert f"{beat.rules}, class {beat.example.aami_class}, {what}\n{beat.words}\n{beat.intervals}" in titles_of(
            figure
        )
    symbols = texts(figure)
    for beat in mistakes:
        assert all(f"\n{symbol}\n" in symbols for symbol in beat.around["symbol"])


def test_without_mistakes_the_figure_says_so():
    assert "no false alarm and no missed beat" in texts(plots.plot_mistakes([]))


def test_an_example_knows_its_intervals_and_the_beats_around_it(results: Results, scores: pd.DataFrame):
    for beat in results.examples:
        row = scores.iloc[beat.example.row]
        assert (beat.rr_before_s, beat.rr_after_s, beat.called) == (
            row["rr_before_s"],
            row["rr_after_s"],
            row["called"],
        )
        [own] = beat.around.index[beat.around["fiducial_s"] == 0]
        assert beat.around.loc[own, "time_s"] == beat.time_s
        assert set(beat.around["record"]) == {beat.record}
        assert beat.around["fiducial_s"].abs().max() <= figure_data.AROUND_S + 0.02
        near = np.searchsorted(beat.around_s, beat.window_s[0] - 1e-6)
        np.testing.assert_allclose(beat.around_s[near : near + len(beat.window_s)], beat.window_s, atol=1e-6)


def test_a_flagged_example_names_the_largest_of_the_surprises_that_count(results: Results, scores: pd.DataFrame):
    for beat in results.examples:
        row = scores.iloc[beat.example.row]
        assert (beat.threshold, beat.flagged) == (row["threshold"], row["flagged"])
        assert sum(beat.parts.values()) == pytest.approx(beat.score)
        values = component_values(scores.iloc[[beat.example.row]])
        assert beat.parts == {name: values[name].item() for name in ("ectopy", "patient", "rhythm")}
        largest = max(("reconstruction", "patient", "rhythm"), key=lambda name: row[f"{name}_surprise"])
        flagged = f"flagged, called {beat.called}; {styles.QUESTIONS[largest]}"
        assert beat.verdict == (flagged if beat.flagged else "not flagged")


def test_ectopy_is_a_part_of_the_score_like_the_questions_and_what_is_below_zero_is_none(results: Results):
    beat = dataclasses.replace(results.examples[0], called="V", parts={"ectopy": 6.0, "rhythm": 2.0, "patient": -1.0})

    [axes] = plots.plot_parts([beat]).axes

    widths = {bars.get_label(): bars[0].get_width() for bars in axes.containers}
    expected = {"ectopy": 0.75, "rhythm": 0.25, "patient": 0.0}
    assert widths == {styles.QUESTIONS[name]: width for name, width in expected.items()}


@pytest.mark.parametrize(("columns", "width_in"), [(3, 12), (2, 8), (1, 8)])
def test_reconstructions_are_as_wide_as_their_columns(results: Results, columns: int, width_in: float):
    kinds = plots._COLUMNS[-columns:]
    examples = [
        dataclasses.replace(results.examples[0], example=Example(number, "N", (rule,)))
        for number, rule in enumerate(kinds)
    ]

    figure = plots.plot_examples(examples)

    assert figure.get_figwidth() == width_in
    assert max(axes.get_position().x1 for axes in figure.axes) > 0.95


def test_twelve_leads_show_those_with_most_error(tmp_path):
    results = read(write_run(tmp_path, records=["incartdb/I01"], beats_per_record=40, leads=12, missing_leads=2))

    for beat in results.examples:
        assert len(beat.leads) == figure_data.MOST_LEADS
        assert max(beat.leads) <= 10
    assert results.strip.leads == (1, 2, 3)


def test_strip_shows_every_beat_by_outcome_and_the_excerpt_of_each_lead(results: Results, figures: dict[str, Figure]):
    scores, *leads = figures["record_strip"].axes
    beats = results.scores[results.scores["record"] == results.strip.record]
    drawn = {line.get_label().split(" (")[0]: len(line.get_xdata()) for line in scores.lines}
    assert sum(drawn[name] for name in styles.OUTCOMES) == len(beats)
    assert drawn[styles.FOUND] == (beats["flagged"] & beats["anomalous"]).sum()
    assert drawn[styles.OVERLOOKED] == (~beats["flagged"] & beats["anomalous"]).sum()
    assert set(beats["threshold"]) == {results.strip.threshold}
    assert "threshold" in drawn
    assert len(leads) == len(results.strip.leads)
    flagged = int(results.strip.excerpt_beats["flagged"].sum())
    assert len(leads[0].patches) == flagged


def test_records_are_sorted_and_those_without_auc_are_counted(results: Results):
    table = pd.DataFrame(
        {"record": ["a/1", "a/2", "a/3", "a/$4$"], "anomalous": [30, 2, 0, 9], "auc": [0.9, 0.6, np.nan, 0.3]}
    )

    figure = drawn(dataclasses.replace(results, per_record=table))["auc_per_record"]

    [axes] = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert [label.split()[0] for label in labels] == [r"a/\$4\$", "a/2", "a/1"]
    assert axes.yaxis_inverted()  # the lowest on top
    assert "3 records; 1 record without normal or without anomalous beats: no AUC" in texts(figure)
    assert "shaky" in texts(figure)


def test_many_records_are_cut_to_the_lowest_and_none_is_said(results: Results):
    table = pd.DataFrame({"record": [f"a/{n}" for n in range(200)], "anomalous": 9, "auc": np.linspace(0.5, 1, 200)})

    many = drawn(dataclasses.replace(results, per_record=table))["auc_per_record"]
    assert f"the {panels.MOST_RECORDS} lowest of 200 records" in texts(many)
    assert len(many.axes[0].get_yticks()) == panels.MOST_RECORDS
    assert "no record has" in texts(plots.plot_records(figure_data.ranked_records(table.assign(auc=np.nan))))


def test_every_figure_of_simulated_records_says_so(results: Results, figures: dict[str, Figure]):
    metrics = {**results.metrics, "simulated": True}
    simulated = dataclasses.replace(results, metrics=metrics, examples=results.examples[:2])

    for name, figure in drawn(simulated).items():
        assert any(text.get_text() == styles.SIMULATED for text in figure.texts), name
    for name, figure in figures.items():
        assert not any(text.get_text() == styles.SIMULATED for text in figure.texts), name


def test_thinned_curve_keeps_its_ends_and_its_course():
    rng = np.random.default_rng(1)
    anomalous = rng.random(60_000) < 0.3
    scores = rng.normal(size=60_000) + anomalous

    judged = pd.DataFrame({"anomalous": anomalous, "flagged": scores > 2})

    figure = plots.plot_curves(judged, {"score": scores})

    x, y = figure.axes[0].lines[0].get_data()
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    area = np.trapezoid(y, x)
    assert area == pytest.approx(roc_auc_score(anomalous, scores), abs=1e-4)
    assert f"score, AUC {area:.3f}" in texts(figure)
    assert all(len(line.get_xdata()) <= 4 * 2000 for axes in figure.axes for line in axes.lines)  # of 60,000 beats


def test_beats_with_unknown_scores_do_not_count_in_a_curve():
    anomalous = np.array([False, True, True, False])

    judged = pd.DataFrame({"anomalous": anomalous, "flagged": anomalous})

    figure = plots.plot_curves(judged, {"some": np.array([0.1, 0.9, np.nan, np.nan]), "none": np.full(4, np.nan)})

    assert "some, AUC 1.000" in texts(figure)
    assert "none, AUC" not in texts(figure)


def test_a_long_record_is_thinned_without_losing_its_peaks(scores: pd.DataFrame):
    count = 50_000
    rng = np.random.default_rng(1)
    scores = scores.iloc[np.zeros(count, dtype=int)].reset_index(drop=True)
    scores = scores.assign(
        time_s=np.arange(count) * 0.8, fiducial_s=np.arange(count) * 0.8, anomaly_score=rng.exponential(size=count)
    )
    scores = scores.assign(flagged=scores["anomaly_score"] > 2, threshold=2.0)
    rows = figure_data.excerpt_rows(scores, scores["record"].iloc[0])
    beat = results_beat()

    strip = figure_data.record_strip(scores, scores["record"].iloc[0], "", rows, np.ones((len(rows), 96, 2)), beat)

    assert strip.thinned
    assert len(strip.beats) <= 2 * figure_data.STRIP_POINTS
    assert strip.beats["anomaly_score"].max() == scores["anomaly_score"].max()


def results_beat():
    from ecg_anomaly.config import load_config

    return load_config().beat


def test_signal_is_pasted_in_millivolts_with_gaps_between_windows():
    beat = results_beat()
    beats = pd.DataFrame(
        {"record": "a/1", "time_s": [1.0, 3.0], "fiducial_s": [1.0, 3.0], "anomaly_score": [1.0, 9.0], "symbol": "N"}
    )
    beats["threshold"] = 2.0
    beats = beats.assign(anomalous=False, flagged=False, offset_mv_1=-0.5, range_mv_1=2.0, offset_mv_2=1, range_mv_2=1)
    windows = np.stack([np.full((96, 2), 0.25), np.full((96, 2), 0.75)])
    windows[:, :, 1] = 0  # a missing lead

    strip = figure_data.record_strip(beats, "a/1", "", np.array([0, 1]), windows, beat)

    assert strip.leads == (1,)
    assert strip.threshold == 2.0
    assert strip.excerpt_s[0] == pytest.approx(1.0 - beat.window_before_s)
    signal_mv = strip.excerpt_mv[:, 0]
    np.testing.assert_allclose(signal_mv[:96], 0.0)
    np.testing.assert_allclose(signal_mv[-96:], 1.0)
    assert np.isnan(signal_mv[96:-96]).all()
    assert len(signal_mv) == 240 + 96


def test_strip_takes_the_lower_median_record_or_the_highest_score():
    per_record = pd.DataFrame({"record": list("abcd"), "auc": [0.9, 0.7, 0.8, 0.6]})
    scores = pd.DataFrame({"record": ["a", "b"], "anomaly_score": [1.0, 2.0]})

    assert figure_data.strip_record(per_record, scores)[0] == "b"
    record, reason = figure_data.strip_record(per_record.assign(auc=np.nan), scores)
    assert (record, "highest score" in reason) == ("b", True)


def test_excerpt_surrounds_the_highest_score_and_stays_within_the_record():
    scores = pd.DataFrame({"record": "a", "time_s": np.arange(100.0), "anomaly_score": 0.0})

    middle = figure_data.excerpt_rows(scores.assign(anomaly_score=np.eye(100)[50]), "a")
    start = figure_data.excerpt_rows(scores.assign(anomaly_score=np.eye(100)[2]), "a")

    assert (middle[0], middle[-1]) == (40, 60)
    assert (start[0], start[-1]) == (0, 20)


def test_other_detectors_are_compared_at_the_same_rate_and_the_same_sensitivity():
    anomalous = np.array([False] * 10 + [True] * 4)
    scores = np.concatenate([np.arange(10.0), [3.5, 7.5, 8.5, 20.0]])

    classes = np.where(anomalous, "V", "N")

    assert sensitivity_at(0.2, classes, scores)["all"] == 3 / 4
    assert false_positive_rate_at(0.75, anomalous, scores) == 0.2
    assert false_positive_rate_at(0.0, anomalous, scores) == 0
    assert sensitivity_at(1.0, classes, scores)["all"] == 1


def test_baselines_are_compared_at_the_rate_and_the_sensitivity_of_the_score(results: Results):
    rate, sensitivity = results.metrics["false_positive_rate"], results.metrics["sensitivity"]["all"]
    anomalous = results.scores["anomalous"].to_numpy()
    for name, compared in results.baselines_compared().items():
        scores = results.baselines[name].to_numpy()
        flagged = scores >= max(cut for cut in scores if (scores[anomalous] >= cut).mean() >= sensitivity)
        hours = results.scores["rr_before_s"].sum() / 3600
        assert compared["false_alarms_per_hour"] == pytest.approx(flagged[~anomalous].sum() / hours)
        assert compared["precision"] == pytest.approx(anomalous[flagged].mean(), rel=0.01)
        kept = scores >= min(cut for cut in scores if (scores[~anomalous] >= cut).mean() <= rate)
        assert compared["sensitivity"]["all"] == pytest.approx(kept[anomalous].mean())
        assert compared["auc"] == results.metrics["baselines"][name]["auc"]


def alarm_beats() -> pd.DataFrame:
    """An hour of beats; the last was missed by the QRS detector."""
    beats = pd.DataFrame(
        {
            "rr_before_s": 3600 / 8,
            "aami_class": list("NNVVNNVNV"),
            "anomaly_score": [1.0, 6.0, 7.0, 4.0, 3.0, 12.0, 10.5, 3.0, 0.0],
            "threshold": [5.0] * 8 + [np.nan],
        }
    )
    beats.loc[8, "rr_before_s"] = np.nan
    return beats.assign(flagged=beats["anomaly_score"] > 5.0)


def test_sensitivity_is_traced_against_false_alarms_per_hour():
    curves = figure_data.alarm_curves(alarm_beats())

    # Normal beats score 12, 6, 3, 3 and 1, class V 10.5, 7, 4, and one is found at no threshold; one hour in all.
    assert list(curves.per_hour) == [0, 1, 2, 2, 4, 5]
    np.testing.assert_allclose(curves.sensitivity["V"], [0, 2 / 4, 3 / 4, 3 / 4, 3 / 4, 3 / 4])
    assert list(curves.sensitivity) == ["V"]
    assert (curves.per_hour_at_threshold, curves.at_threshold["V"]) == (2, pytest.approx(2 / 4))
    assert list(curves.position(curves.per_hour)[:2]) == [0.5, 1]


def test_false_alarms_of_the_curve_are_those_of_the_metrics(results: Results, figures: dict[str, Figure]):
    [axes] = figures["sensitivity_false_alarms"].axes

    points = {line.get_label()[0]: line for line in axes.lines if len(line.get_xdata()) == 1}
    assert set(points) == {"S", "V", "F"}
    for name, line in points.items():
        [x], [y] = line.get_data()
        assert (x, y) == pytest.approx((results.metrics["false_alarms_per_hour"], results.metrics["sensitivity"][name]))
        curves = figure_data.alarm_curves(results.scores)
        before = np.searchsorted(curves.per_hour, x, side="left")
        assert curves.sensitivity[name][before - 1] <= y <= curves.sensitivity[name][before]
    assert axes.get_xscale() == "log"
    assert "at the threshold" in texts(figures["sensitivity_false_alarms"])


@pytest.mark.parametrize("classes", ["NNNNNNNNN", "VVVVVVVVV", "NNQQNNQNN"])
def test_without_normal_or_anomalous_beats_there_are_no_alarm_curves(classes: str):
    assert figure_data.alarm_curves(alarm_beats().assign(aami_class=list(classes))) is None
    assert figure_data.alarm_curves(alarm_beats().assign(rr_before_s=0.0)) is None
    assert "no curve" in texts(plots.plot_alarms(None))


def test_no_false_alarm_at_all_can_be_drawn():
    scores = alarm_beats().assign(flagged=False)

    figure = plots.plot_alarms(figure_data.alarm_curves(scores))

    assert "0 false alarms per hour" in texts(figure)
    assert "none" in texts(figure)


def test_what_noise_does_is_drawn_per_kind_with_the_clean_value(results: Results, figures: dict[str, Figure]):
    assert "noise" not in figures  # none was added
    figure = drawn(dataclasses.replace(results, noise=noise_table()))["noise"]

    written = texts(figure)
    for name in ("2 records", "muscle noise", "electrode motion", "without added noise", "signal-to-noise ratio (dB)"):
        assert name in written
    alarms, sensitivity, unreadable = (
        {line.get_label(): np.asarray(line.get_ydata()) for line in axes.lines} for axes in figure.axes
    )
    for axes in figure.axes:
        _, *lines = axes.lines
        assert all(line.get_xdata().tolist() == [0, 12] for line in lines)
        assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 3
    assert alarms["without added noise"][0] == pytest.approx(80)  # 40 in half an hour, in each of two records
    assert alarms["muscle noise"] == pytest.approx([40, 72])
    assert sensitivity["baseline wander"] == pytest.approx([0.95, 0.95])
    assert unreadable["electrode motion"] == pytest.approx([0.5, 0.1])
    assert (sensitivity["without added noise"][0], unreadable["without added noise"][0]) == (pytest.approx(0.95), 0)
