"""The figures of ``plots/*.png`` with their words, for their files and for ``report.html``."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from ecg_anomaly import words
from ecg_anomaly.reports import figure_data, plots, styles
from ecg_anomaly.reports.examples import MISTAKES, RULES
from ecg_anomaly.reports.figure_data import ExampleBeat
from ecg_anomaly.reports.plots import STYLE
from ecg_anomaly.reports.results import Results

DOTS_PER_INCH = 150
MOST_RECORDS = 80  # that fit below each other and can be read

_HEAD_IN, _NOTE_IN = 0.42, 0.28  # what the title and the note below it take
# What changes in an SVG file that goes into a page: what would reach beyond it, and what no eye sees, half of it.
_TO_PAGE: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"<defs>\s*<style(.|\n)*?</defs>", ""),  # would hold for the whole page
    (r'<g id="[^"]*"', "<g"),
    (r' (width|height)="[\d.]+pt"| font-family: [^;"]*;?| transform="rotate\(-0 [^"]*"', ""),
    (r"\s+", " "),
    (r"> <", "><"),
    (r'<path d="[^"]*" style="fill: none"/>|xlink:(?=href)', ""),
    *[(r"<g>(<[^<>]*/>|<text[^<]*</text>)</g>", r"\1")] * 2,
    # No eye sees hundredths of a point.
    (r' (d|x|y|width|height|transform)="[^"]*"', lambda place: re.sub(r"(\.\d)\d+", r"\1", place[0])),
    (r"( L [\d.-]+ [\d.-]+)+", lambda path: " L" + path[0].replace(" L", "")),
)


@dataclass(frozen=True)
class Panel:
    """A figure with its words."""

    name: str  # of its file, without the ending, and within the page
    title: str
    figure: Figure
    reading: str = ""  # how to read it, below it on the page
    note: str = ""  # stands with the title above it in its file
    wide: bool = False  # whether it takes the whole width of a wide page

    def with_head(self, simulated: bool) -> Panel:
        """Write title and note above the figure, and whether its records are simulated."""
        height_in = self.figure.get_figheight()
        top = 1 + self._head_in / height_in
        with mpl.rc_context(STYLE):
            self.figure.text(0.01, top - 0.12 / height_in, self.title, fontsize=14, fontweight="bold", va="top")
            self.figure.text(0.01, top - (0.02 + _HEAD_IN) / height_in, self.note, va="top")
            if simulated:
                box = {"boxstyle": "round,pad=0.3", "facecolor": "#fff2cc", "edgecolor": styles.ORANGE}
                self.figure.text(0.99, top - 0.14 / height_in, styles.SIMULATED, ha="right", va="top", bbox=box)
        return self

    def save(self, path: Path) -> None:
        """Write the figure, with what stands above it, as PNG."""
        width_in, height_in = self.figure.get_size_inches()
        whole = Bbox.from_bounds(0, 0, width_in, height_in + self._head_in)
        self.figure.savefig(path, dpi=DOTS_PER_INCH, bbox_inches=whole)

    def to_svg(self) -> Markup:
        """Write the figure as an SVG element whose colours follow the page that holds it; the page has the words."""
        drawn = io.StringIO()
        for text in self.figure.texts:
            text.set_visible(False)
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": self.name, "path.simplify_threshold": 0.4}):
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            self.figure.savefig(drawn, format="svg", facecolor="none", metadata=nothing)
        for text in self.figure.texts:
            text.set_visible(True)
        svg = drawn.getvalue().partition("<svg ")[2]
        for pattern, replacement in _TO_PAGE:
            svg = re.sub(pattern, replacement, svg)
        svg = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{self.name}-", svg)  # names differ from figure to figure
        for colour, variable in styles.PAGE_COLOURS.items():
            svg = svg.replace(colour, variable)
        return Markup('<svg role="img" aria-label="') + self.title + Markup(f'" {svg}')

    @property
    def width_px(self) -> float:
        """Width at which its text is as large as that of the page."""
        return 96 * self.figure.get_figwidth()

    @property
    def _head_in(self) -> float:
        return _HEAD_IN + (_NOTE_IN if self.note else 0)


def all_panels(results: Results) -> dict[str, Panel]:
    """Draw every figure that has a file, by its name."""
    return {panel.name: panel.with_head(results.simulated) for panel in _panels(results)}


def _panels(results: Results) -> Iterator[Panel]:
    judged, axis, strip = results.judged, results.score_axis, results.strip
    threshold = words.score_text(results.threshold.threshold)
    records, records_note = figure_data.ranked_records(results.per_record), _records_note(results.per_record)
    yield Panel(
        "roc_precision_recall",
        "How well the score ranks beats",
        plots.plot_curves(judged, results.detectors()),
        "Left, the ROC curve: the nearer a curve comes to the upper left corner, the more anomalous beats are found "
        "for few false alarms. Right, precision and recall: of the beats that are flagged, precision is the share that "
        "is anomalous; the dotted line is what flagging at random would reach. The diamonds are the chosen threshold."
        if 0 < judged["anomalous"].sum() < len(judged)
        else "No curve: it needs normal and anomalous test beats.",
        wide=True,
    )
    yield Panel(
        "sensitivity_false_alarms",
        "What is found for how many false alarms",
        plots.plot_alarms(figure_data.alarm_curves(judged)),
        note="Along each line the threshold is raised or lowered",
    )
    yield Panel(
        "confusion_matrix",
        "Confusion matrix at the threshold",
        plots.plot_confusion(results.confusion),
        "Each row is what the annotation says and adds up to 100 %; the right column is what the detector flagged.",
    )
    yield Panel(
        "training_history",
        "Training",
        plots.plot_history(results.history),
        "Both losses should fall together.",
    )
    yield Panel(
        "score_distribution",
        "Anomaly scores of each class",
        plots.plot_scores(results.scores, axis, results.threshold.threshold),
        f"Dashed is the threshold, {threshold}. Beats to its right are flagged. The axis is linear up to there and "
        "logarithmic above.",
        f"Dashed: the threshold, {threshold}; beats to its right are flagged",
        wide=True,
    )
    yield Panel("reconstructions", "Beats and their reconstructions", plots.plot_examples(results.examples_of(RULES)))
    yield Panel("mistakes", "The worst mistakes", plots.plot_mistakes(results.examples_of(MISTAKES)))
    note = f"Chosen because {strip.reason}"
    yield Panel(
        "record_strip", f"Record {styles.plain(strip.record)} over time", plots.plot_strip(strip, axis), note=note
    )
    yield Panel(
        "auc_per_record",
        "AUC of each record",
        plots.plot_records(records.iloc[:MOST_RECORDS]),
        "How well the score ranks the beats within each record, the number of its anomalous beats in brackets: "
        f"{records_note}.",
        records_note,
        wide=True,
    )
    if results.noise is not None:
        count = words.count_text(results.noise["record"].nunique(), "record")
        yield Panel(
            "noise",
            "What noise does",
            plots.plot_noise(results.noise),
            f"Noise was added to {count}, whose beats the QRS detector then had to find; all records pooled. Dotted is "
            "the value without added noise. What cannot be read is not flagged.",
            f"Noise added to {count}, whose beats the QRS detector then had to find",
            wide=True,
        )


def parts_panel(examples: Sequence[ExampleBeat]) -> Panel:
    """Draw which components flagged the examples."""
    return Panel(
        "parts",
        "What flagged the beat",
        plots.plot_parts(examples),
        "What each component adds to the score of the example beats that were flagged; the widest part is what flagged "
        "the beat."
        if any(beat.flagged for beat in examples)
        else "No example beat was flagged.",
        wide=True,
    )


def example_panels(examples: Sequence[ExampleBeat]) -> Iterator[Panel]:
    """Draw each example by itself; the title says which rule chose it, the sentence which beat it is."""
    for beat in examples:
        threshold = words.score_text(beat.threshold)
        yield Panel(
            f"example-{beat.rules.replace(' ', '-').replace(',', '')}-{beat.example.row}",
            f"{styles.class_name(beat.example.aami_class)}: {beat.rules}",
            plots.plot_example(beat),
            f"{beat.words}, threshold {threshold}. {beat.verdict[0].upper()}{beat.verdict[1:]}. {beat.intervals}.",
        )


def _records_note(per_record: pd.DataFrame) -> str:
    """Say which records the figure of AUCs shows, and which it cannot."""
    ranked = len(figure_data.ranked_records(per_record))
    most = f"the {MOST_RECORDS} lowest of {ranked} records"
    notes = [most if ranked > MOST_RECORDS else words.count_text(ranked, "record")]
    if ranked < len(per_record):
        without = words.count_text(len(per_record) - ranked, "record")
        notes.append(f"{without} without normal or without anomalous beats: no AUC")
    return "; ".join(notes)
