import dataclasses
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from plotly.offline import get_plotlyjs

import visualize_results
from ecg_anomaly import words
from ecg_anomaly.evaluation import summary
from ecg_anomaly.manifest import read_manifest
from ecg_anomaly.reports import interactive, panels, plots, report, styles, tables
from ecg_anomaly.reports.examples import MISTAKES
from ecg_anomaly.reports.figure_data import STRIP_POINTS
from ecg_anomaly.reports.results import Results, read_results
from tests.conftest import ROOT
from tests.handover_files import MadeUpRun, noise_table, write_run

# Their figures on the page can be zoomed, or stand there beat by beat.
_DRAWN_OTHERWISE = {"sensitivity_false_alarms", "record_strip", "reconstructions", "mistakes"}


def read(run: MadeUpRun) -> Results:
    return read_results(run.config, read_manifest(run.outputs, made_by="evaluate_model.py"))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> MadeUpRun:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def results(run: MadeUpRun) -> Results:
    return read(run)


@pytest.fixture(scope="module")
def few(results: Results) -> Results:
    """With two examples, one of them flagged, and a mistake: quick to render."""
    flagged = [beat for beat in results.examples if beat.flagged]
    return dataclasses.replace(results, examples=[results.examples[0], flagged[0], results.examples[-1]])


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return rendered(results)


def rendered(results: Results) -> str:
    return report.render(results, panels.all_panels(results))


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
    tiles = {tile["name"]: tile for tile in tables.main_figures(metrics, results.baselines_compared())}
    assert tiles["AUC"]["value"] == f"{metrics['auc']:.3f}"
    assert tiles["AUC"]["others"][0] == ("PCA reconstruction error", f"{metrics['baselines']['pca']['auc']:.3f}")
    assert list(tiles)[:2] == ["false alarms per hour", "precision"]
    assert tiles["false alarms per hour"]["value"] == words.score_text(metrics["false_alarms_per_hour"])
    assert tiles["precision"]["value"] == f"{metrics['precision']:.1%}"
    assert tiles["sensitivity to V ventricular"]["value"] == f"{metrics['sensitivity']['V']:.1%}"
    for tile in tiles.values():
        assert f"{tile['name']} {tile['value']}" in text
        assert all(f"{name} {value}" in text for name, value in tile["others"])
        assert len(tile["others"]) == 2
        assert not any(value == words.UNDEFINED for _, value in tile["others"])


def test_page_has_the_data_the_settings_and_the_warning(page: str, results: Results):
    text = text_of(page)
    assert "Not a medical device" in text
    beats = tables.beats_table(results.beats)
    assert beats.loc["test", "beats"] == f"{len(results.scores):,}"
    assert beats.loc["test", "records"] == "3"
    assert beats.loc["validation", "anomalous"] == "0.0%"
    for key, value in tables.settings_table(results.manifest):
        assert key in text
        assert value.replace('"', "&#34;").replace("<", "&lt;") in text
    assert "beat.window_before_s 0.4" in text
    assert results.manifest["versions"]["plotly"] in text
    assert re.search(r"false alarms per hour: [\d.]+, above which \d+ normal beats of 1 patient raise 60", text)
    assert "the rate has the 5th, 50th and 95th percentiles" in text


def drawings_of(page: str) -> dict[str, ElementTree.Element]:
    """The static figures of the page, by the name of their place."""
    found = re.findall(r'<figure id="([^"]+)"(?:(?!</figure>).)*?(<svg .*?</svg>)', page, re.DOTALL)
    return {name: ElementTree.fromstring(svg) for name, svg in found}


def test_every_plot_has_a_place_and_a_sentence(page: str, results: Results):
    static = [panel for name, panel in panels.all_panels(results).items() if name not in _DRAWN_OTHERWISE]
    static += [panels.parts_panel(results.examples), *panels.example_panels(results.examples)]
    zoomed = [interactive.alarm_panel(results), *interactive.strip_panels(results)]
    figures = figures_of(page)
    assert set(figures) == {panel.name for panel in zoomed} == set(re.findall(r'data-figure="([^"]+)"', page))
    assert set(drawings_of(page)) == {panel.name for panel in static}
    assert all(panel.reading for panel in static + zoomed)
    text = text_of(page)
    assert all(f"{panel.title} " in text for panel in static + zoomed)


def test_drawings_share_no_names_and_have_alternative_texts(page: str):
    names = re.findall(r'<[^>]* id="([^"]+)"', page.replace(get_plotlyjs(), ""))
    assert len(names) == len(set(names))
    for name, drawing in drawings_of(page).items():
        assert drawing.get("role") == "img"
        assert drawing.get("aria-label")
        names = {element.get("id") for element in drawing.iter()} - {None}
        used = re.findall(r'(?:href="#|url\(#)([^")]+)', ElementTree.tostring(drawing, "unicode"))
        assert set(used) <= names
        assert all(used_name.startswith(f"{name}-") for used_name in names)


def test_drawings_take_the_colours_of_the_page(page: str):
    for drawing in drawings_of(page).values():
        text = ElementTree.tostring(drawing, "unicode")
        assert "var(--ink)" in text
        assert not any(colour in text for colour in styles.PAGE_COLOURS)
        assert "<style" not in text  # it would hold for the whole page


def test_highest_scores_are_listed_with_their_components(results: Results):
    scores = results.highest.assign(rhythm_surprise=1.5, patient_surprise=1000)
    table = tables.highest_scores(scores, ["reconstruction", "rhythm"])

    assert len(table) == tables.HIGHEST_SCORES
    highest = scores.loc[results.scores["anomaly_score"].idxmax()]
    first = table.iloc[0]
    assert first["record"] == highest["record"]
    assert first["time"] == words.clock(highest["time_s"])
    assert first["unusual shape"] == words.score_text(highest["reconstruction_surprise"])
    assert first["unusual rhythm"] == "1.5"
    assert first["threshold"] == words.score_text(highest["threshold"])
    assert first["most unusual"] == styles.QUESTIONS["patient"]  # whether it counts or not
    assert first["called"] == highest["called"] != ""
    assert "unusual for the patient" not in table
    assert first["RR before (s)"] == f"{highest['rr_before_s']:.2f}"


def test_names_from_files_are_escaped(few: Results):
    evil = "mitdb/</script><img src=http://example.org/x onerror=alert(1)>"
    named = dataclasses.replace(
        few,
        scores=few.scores.assign(record=evil),
        highest=few.highest.assign(record=evil, symbol='"<b>'),
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

    page = rendered(named)

    assert "<img" not in page.replace(get_plotlyjs(), "")
    assert _Addresses(page).fetched == ["data:,"]
    assert "&lt;img" in ElementTree.tostring(drawings_of(page)["auc_per_record"], "unicode")
    assert "<i>" not in json.dumps(figures_of(page)["excerpt"])


def test_simulated_records_are_called_so_at_every_figure(few: Results, page: str):
    simulated = rendered(dataclasses.replace(few, metrics={**few.metrics, "simulated": True}))

    assert "These are simulated records" in text_of(simulated)
    assert simulated.count(f'<small class="simulated">{styles.SIMULATED}</small>') == len(figures_of(simulated)) + len(
        drawings_of(simulated)
    )
    assert styles.SIMULATED not in text_of(page)


def test_protocol_that_flatters_is_named(few: Results, page: str):
    config = few.manifest["config"]
    shared = {**few.manifest, "config": {**config, "split": {**config["split"], "protocol": "random_beats"}}}

    assert "measure memory" in text_of(rendered(dataclasses.replace(few, manifest=shared)))
    assert "measure memory" not in text_of(page)


def test_intervals_stand_beside_the_main_figures(results: Results, page: str):
    tiles = {tile["name"]: tile for tile in tables.main_figures(results.metrics, {})}
    low, high = results.metrics["confidence_intervals"]["auc"]
    assert tiles["AUC"]["interval"] == f"{low:.3f} to {high:.3f}"
    assert f"95 % interval {low:.3f} to {high:.3f}" in text_of(page)
    assert tiles["sensitivity to S supraventricular"]["interval"] == ""
    low, high = results.metrics["confidence_intervals"]["precision"]
    assert tiles["precision"]["interval"] == f"{low:.1%} to {high:.1%}"


def test_gross_and_average_stand_side_by_side(results: Results, page: str):
    metrics, table = results.metrics, tables.average_table(results.metrics)
    averages = metrics["average_over_records"]
    assert list(table.loc[("sensitivity", "V ventricular")]) == [
        f"{metrics['sensitivity']['V']:.1%}",
        f"{averages['sensitivity']['V']:.1%}",
    ]
    assert table.loc[("positive predictivity", "all anomalous"), "gross"] == f"{metrics['precision']:.1%}"
    assert table.loc[("false-positive rate", "N normal"), "average"] == f"{averages['false_positive_rate']:.1%}"
    assert "leaves flagged beats of other anomalous classes out" in text_of(page)


def test_tables_of_the_summary_stand_on_the_page_in_its_order(results: Results, page: str):
    text, metrics = text_of(page), results.metrics
    titles = ["How well the score ranks beats", "Called V and S", "At the threshold", "components and the baselines"]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    for table in (summary.ranking_table(metrics), summary.named_table(metrics), summary.threshold_table(metrics)):
        for name, row in table.iterrows():
            assert " ".join([str(name), *row[row != ""]]) in text


def test_mistakes_stand_on_the_page_with_what_they_are_called_and_their_intervals(results: Results, page: str):
    text = text_of(page)
    assert "The worst mistakes" in text
    for rule in MISTAKES:
        shown = results.examples_of([rule])
        assert 0 < len(shown) <= 10
        assert f"{rule.capitalize()} ({len(shown)})" in text
        for beat in shown:
            assert f"RR {beat.rr_before_s:.2f} s before, {beat.rr_after_s:.2f} s after" in text
            assert f"Flagged, called {beat.called};" in text or rule == "missed"


def test_contributions_of_flagged_examples_add_up_to_the_score(results: Results):
    flagged = [beat for beat in results.examples if beat.flagged]

    [axes] = plots.plot_parts(results.examples).axes

    assert [bars.get_label() for bars in axes.containers] == [
        styles.QUESTIONS[name] for name in ("ectopy", "patient", "rhythm")
    ]
    shares = [sum(bar.get_width() for bar in parts) for parts in zip(*axes.containers, strict=True)]
    assert shares == pytest.approx([1.0] * len(flagged))
    widest = max(axes.containers, key=lambda bars: bars[0].get_width()).get_label()
    assert flagged[0].verdict == f"flagged, called {flagged[0].called}; {widest}"
    none = panels.parts_panel([beat for beat in results.examples if not beat.flagged])
    assert none.reading == "No example beat was flagged."


@pytest.mark.parametrize("mix", [{"N": 1.0}, {"V": 1.0}])
def test_undefined_figures_are_dashes_and_the_page_still_comes(tmp_path, mix: dict[str, float]):
    results = read(write_run(tmp_path, records={"nsrdb/16265": mix}, beats_per_record=30, leads=1, epochs=1))
    results = dataclasses.replace(results, examples=results.examples[:1])

    text = text_of(rendered(results))

    assert f"AUC {words.UNDEFINED}" in text
    assert "No curve" in text
    assert not re.search(r"\b(nan|None|inf)\b", text)
    for panel in panels.all_panels(results).values():
        panel.figure.draw_without_rendering()


def test_points_of_figures_are_bounded(results: Results):
    count = 30_000
    many = results.scores.sample(count, replace=True, random_state=1).reset_index(drop=True)
    many["anomaly_score"] += pd.Series(range(count)) * 1e-6
    baselines = results.baselines.sample(count, replace=True, random_state=2).reset_index(drop=True)

    many_results = dataclasses.replace(results, scores=many, baselines=baselines)

    for panel in [interactive.alarm_panel(many_results), *interactive.strip_panels(many_results)]:
        for trace in panel.figure.data:
            assert trace.x is None or len(trace.x) <= max(STRIP_POINTS, 25 * 120)
    for panel in panels.all_panels(many_results).values():
        assert panel.name in _DRAWN_OTHERWISE or len(panel.to_svg()) < 400_000, panel.name


def test_of_many_records_the_worst_are_listed(results: Results):
    many = pd.concat([results.per_record] * 100, ignore_index=True).assign(auc=np.linspace(1, 0.4, 300))
    assert tables.per_record_table(many)["AUC"].tolist() == [f"{auc:.3f}" for auc in np.linspace(1, 0.4, 300)[200:]]
    names = [f"db/{number}" for number in range(300)]
    config = {"config": {"split": {"test": names}}, "shaped_by": ["split"]}
    [(key, value)] = tables.settings_table(config)
    assert (key, value.endswith("db/99 and 200 more")) == ("split.test", True)


def test_script_writes_plots_and_report_without_tensorflow(tmp_path):
    run = write_run(tmp_path, records={"mitdb/100": {"N": 0.9, "V": 0.1}}, beats_per_record=60, leads=1)
    code = "import sys, visualize_results as v; status = v.main(sys.argv[1:]); print('tensorflow' in sys.modules)"
    # No display; the list of fonts is known, as it is on a user's second run.
    environment = {"PATH": "", "HOME": str(run.folder), "MPLCONFIGDIR": mpl.get_cachedir()}
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
    pictures = {path.name for path in (run.outputs / "plots").glob("*.png")}
    assert len(pictures) == 9
    *_, line, path, _ = done.stdout.splitlines()
    assert re.fullmatch(
        r"[\d.]+ false alarms per hour, precision [\d.]+%; AUC [\d.]+, AP [\d.]+; "
        r"at the threshold sensitivity V [\d.]+%, S -",
        line,
    )
    assert path == f"Open the report: {run.outputs / 'report.html'}"
    assert f"Wrote {len(pictures)} plots" in done.stdout
    manifest = read_manifest(run.outputs / "plots", made_by="visualize_results.py")
    assert "evaluate_model.py" in manifest["inputs"]
    read_manifest(run.outputs, made_by="evaluate_model.py")  # is as it was


def test_detection_has_no_section_where_beats_are_annotated(page: str):
    assert '<section id="detection">' not in page


def test_noise_has_a_section_where_it_was_added(few: Results, page: str):
    assert "What noise does" not in page
    noisy = rendered(dataclasses.replace(few, noise=noise_table()))
    text = text_of(noisy)
    assert "Noise was added to 2 records" in text
    assert "none 80 - 95.0% 95.0% 99.5% 99.5% 0.0%" in text  # without noise; no beat of class S
    assert "muscle noise, 12 dB 72" in text
    drawing = " ".join(drawings_of(noisy)["noise"].itertext())
    assert all(name in drawing for name in styles.NOISE_NAMES.values())


def test_a_run_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    run = write_run(tmp_path, beats_per_record=20)
    (run.outputs / "report.html").write_text("older")
    monkeypatch.setattr(panels, "all_panels", lambda results: {"one": panels.Panel("one", "One", Figure())})

    def fail(results, drawn):
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
