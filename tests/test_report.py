import dataclasses
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from plotly.offline import get_plotlyjs

import visualize_results
from ecg_anomaly import plots, report, report_figures, styles
from ecg_anomaly.artifacts import read_manifest
from ecg_anomaly.figure_data import CURVE_POINTS, STRIP_POINTS, Results
from tests.handover_files import MadeUpRun, write_run

ROOT = Path(__file__).resolve().parent.parent


def read(run: MadeUpRun) -> Results:
    return visualize_results.read_results(run.config, read_manifest(run.outputs, made_by="evaluate_model.py"))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> MadeUpRun:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def results(run: MadeUpRun) -> Results:
    return read(run)


@pytest.fixture(scope="module")
def few(results: Results) -> Results:
    """With two examples: quick to render."""
    return dataclasses.replace(results, examples=results.examples[:2])


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return report.render(results)


class _Addresses(HTMLParser):
    """Collects what a browser would fetch."""

    def __init__(self, page: str):
        super().__init__()
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        names = ("src", "srcset", "data", "poster") + (("href",) if tag == "link" else ())
        self.fetched += [value for name, value in attributes if name in names]


def text_of(page: str) -> str:
    body = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def figures_of(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="figure-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_page_works_offline_and_has_plotly_once(page: str):
    assert page.count(get_plotlyjs()[:2000]) == 1
    assert page.count("Plotly.newPlot(") == 1 + get_plotlyjs().count("Plotly.newPlot(")
    assert [address for address in _Addresses(page).fetched if not address.startswith("data:")] == []
    assert "@import" not in page.replace(get_plotlyjs(), "")
    assert len(page) < 10_000_000


def test_page_opens_with_the_main_figures_beside_the_baselines(page: str, results: Results):
    text, metrics = text_of(page), results.metrics
    assert text.index("Main figures") < text.index("Data") < text.index("Plots")
    tiles = {tile["name"]: tile for tile in report.main_figures(metrics, results.baselines_compared())}
    assert tiles["AUC"]["value"] == f"{metrics['auc']:.3f}"
    assert tiles["AUC"]["others"][0] == ("PCA reconstruction error", f"{metrics['baselines']['pca']['auc']:.3f}")
    assert tiles["sensitivity to V ventricular"]["value"] == f"{metrics['sensitivity']['V']:.1%}"
    assert tiles["false-positive rate"]["value"] == f"{metrics['false_positive_rate']:.1%}"
    for tile in tiles.values():
        assert f"{tile['name']} {tile['value']}" in text
        assert all(f"{name} {value}" in text for name, value in tile["others"])
        assert len(tile["others"]) == 2
        assert not any(value == report.UNDEFINED for _, value in tile["others"])


def test_page_has_the_data_the_settings_and_the_warning(page: str, results: Results):
    text = text_of(page)
    assert "Not a medical device" in text
    beats = report.beats_table(results.beats)
    assert beats.loc["test", "beats"] == f"{len(results.scores):,}"
    assert beats.loc["test", "records"] == "3"
    assert beats.loc["train", "anomalous"] == "0.0%"
    for key, value in report.settings_table(results.manifest):
        assert key in text
        assert value.replace('"', "&#34;").replace("<", "&lt;") in text
    assert "beat.window_before_s 0.3" in text
    assert results.manifest["versions"]["plotly"] in text


def test_every_plot_has_a_place_and_a_sentence(page: str, results: Results):
    panels = report_figures.all_panels(results) + report_figures.example_panels(results.examples)
    figures = figures_of(page)
    assert set(figures) == {panel.key for panel in panels} == set(re.findall(r'data-figure="([^"]+)"', page))
    assert all(panel.reading for panel in panels)


def test_highest_scores_are_listed_with_their_components(results: Results):
    scores = results.scores.assign(rhythm_surprise=1.5)
    table = report.highest_scores(scores)

    assert len(table) == report.HIGHEST_SCORES
    highest = scores.loc[scores["anomaly_score"].idxmax()]
    first = table.iloc[0]
    assert first["record"] == highest["record"]
    assert first["time"] == styles.clock(highest["time_s"])
    assert first["reconstruction surprise"] == styles.score_text(highest["reconstruction_surprise"])
    assert first["rhythm surprise"] == "1.5"
    assert first["RR before (s)"] == f"{highest['rr_before_s']:.2f}"


def test_names_from_files_are_escaped(few: Results):
    evil = "mitdb/</script><img src=http://example.org/x onerror=alert(1)>"
    scores = few.scores.assign(record=evil, symbol='"<b>')
    named = dataclasses.replace(
        few,
        scores=scores,
        per_record=few.per_record.assign(record=evil),
        examples=[dataclasses.replace(beat, record=evil, symbol="<b>") for beat in few.examples],
        strip=dataclasses.replace(
            few.strip,
            record=evil,
            beats=few.strip.beats.assign(symbol="<i>"),
            excerpt_beats=few.strip.excerpt_beats.assign(symbol="<i>"),
        ),
        metrics={**few.metrics, "split": {"train": [evil], "validation": [], "test": [evil]}},
    )

    page = report.render(named)

    assert "<img" not in page.replace(get_plotlyjs(), "")
    assert _Addresses(page).fetched == ["data:,"]
    figures = figures_of(page)
    assert "&lt;img" in json.dumps(figures["records"])
    assert "<i>" not in json.dumps(figures["excerpt"])


def test_simulated_records_are_called_so_at_every_figure(few: Results, page: str):
    simulated = report.render(dataclasses.replace(few, metrics={**few.metrics, "simulated": True}))

    assert "These are simulated records" in text_of(simulated)
    assert simulated.count(f'<small class="simulated">{styles.SIMULATED}</small>') == len(figures_of(simulated))
    assert styles.SIMULATED not in text_of(page)


def test_protocols_and_thresholds_that_flatter_are_named(few: Results, page: str):
    config = few.manifest["config"]
    shared = {**few.manifest, "config": {**config, "split": {**config["split"], "protocol": "random_beats"}}}
    labelled = {**few.threshold, "uses_labels": True}

    flattering = text_of(report.render(dataclasses.replace(few, manifest=shared, threshold=labelled)))

    assert "measure memory" in flattering
    assert "The threshold uses labels" in flattering
    assert "measure memory" not in text_of(page)
    assert "The threshold uses labels" not in text_of(page)


@pytest.mark.parametrize("mix", [{"N": 1.0}, {"V": 1.0}])
def test_undefined_figures_are_dashes_and_the_page_still_comes(tmp_path, mix: dict[str, float]):
    results = read(write_run(tmp_path, records={"nsrdb/16265": mix}, beats_per_record=30, leads=1, epochs=1))
    results = dataclasses.replace(results, examples=results.examples[:1])

    text = text_of(report.render(results))

    assert f"AUC {report.UNDEFINED}" in text
    assert "No curve" in text
    assert not re.search(r"\b(nan|None|inf)\b", text)
    for figure in plots.all_figures(results).values():
        figure.draw_without_rendering()


def test_points_of_figures_are_bounded(results: Results):
    count = 30_000
    many = results.scores.sample(count, replace=True, random_state=1).reset_index(drop=True)
    many["anomaly_score"] += pd.Series(range(count)) * 1e-6
    baselines = results.baselines.sample(count, replace=True, random_state=2).reset_index(drop=True)

    panels = report_figures.all_panels(dataclasses.replace(results, scores=many, baselines=baselines))

    for panel in panels:
        for trace in panel.figure.data:
            assert trace.x is None or len(trace.x) <= max(CURVE_POINTS, STRIP_POINTS, 25 * 120)


def test_script_writes_plots_and_report_without_tensorflow(tmp_path):
    run = write_run(tmp_path, records={"mitdb/100": {"N": 0.9, "V": 0.1}}, beats_per_record=60, leads=1)
    code = "import sys, visualize_results as v; status = v.main(sys.argv[1:]); print('tensorflow' in sys.modules)"
    environment = {"PATH": "", "HOME": str(run.folder)}  # no display
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; sys.exit(status)", *run.arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
    assert str(run.outputs / "report.html") in done.stdout
    pictures = {path.name for path in (run.outputs / "plots").glob("*.png")}
    assert len(pictures) == 7
    assert f"Wrote {len(pictures)} plots" in done.stdout
    manifest = read_manifest(run.outputs / "plots", made_by="visualize_results.py")
    assert "evaluate_model.py" in manifest["inputs"]
    read_manifest(run.outputs, made_by="evaluate_model.py")  # is as it was


def test_a_run_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    run = write_run(tmp_path, beats_per_record=20)
    (run.outputs / "report.html").write_text("older")
    monkeypatch.setattr(plots, "all_figures", lambda results: {"one": Figure()})

    def fail(results):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "render", fail)

    assert visualize_results.main(run.arguments) == 2
    assert (run.outputs / "report.html").read_text() == "older"
    assert not list(run.outputs.rglob("*.png"))
    assert not list(run.outputs.glob(".report*"))


def test_changed_or_missing_inputs_end_with_the_script_to_run(tmp_path, capsys):
    run = write_run(tmp_path, beats_per_record=20)

    assert visualize_results.main([*run.arguments, "--set", "threshold.percentile=99.0"]) == 2
    assert "threshold.percentile was 95.0 and is now 99.0" in capsys.readouterr().err
    with (run.outputs / "scores.csv").open("a") as file:
        file.write("edited by hand\n")
    assert visualize_results.main(run.arguments) == 2
    assert "was changed after evaluate_model.py wrote it" in capsys.readouterr().err
    (run.outputs / "manifest.json").unlink()
    assert visualize_results.main(run.arguments) == 2
    assert "run python evaluate_model.py" in capsys.readouterr().err
