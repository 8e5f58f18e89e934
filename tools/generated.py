"""Draw simulated beats beside recorded ones, for someone who reads ECGs: ``make generated``.

One page per kind of beat and one of rhythms, in ``paths.outputs/generated``. What is simulated is made from normal
beats of the training split; the labels of anomalous beats choose the recorded ones that stand beside it, and do nothing
else. Run ``preprocess_data.py`` first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from ecg_anomaly import commandline
from ecg_anomaly.beats.per_beat import PerBeat
from ecg_anomaly.beats.windows import Frame
from ecg_anomaly.config import Config
from ecg_anomaly.detector.compared import compare_records
from ecg_anomaly.detector.ectopy import examples, rhythms
from ecg_anomaly.detector.ectopy.draws import Draws
from ecg_anomaly.detector.ectopy.plan import Plan
from ecg_anomaly.detector.ectopy.rhythms import AFTER, BEFORE, LOG_RR_LIMITS
from ecg_anomaly.detector.patient import PairedBeats
from ecg_anomaly.handover.beats import load_windows, read_table, whole_records
from ecg_anomaly.manifest import read_checked_manifest
from ecg_anomaly.records.splits import TRAIN
from ecg_anomaly.reports import styles
from ecg_anomaly.reports.plots import STYLE

_BEATS_PER_PATIENT = 600  # that are simulated: enough for the rarest kind
_ECTOPIC_SHARE = 0.5
_ROWS, _COLUMNS = 3, 4  # of beats, simulated as well as recorded
_PANEL_IN = (2.3, 2.6)
_EARLY = 0.85  # of the usual interval
_INTERVALS = 20  # of a beat's tachogram
_RHYTHM_INTERVALS = 90  # of a rhythm's
_LEADS_APART = 0.1  # of a scaled beat's height
_DOTS_PER_INCH = 90
_READING = """One lead below the other, the patient's own beat grey; a lost lead is left out. Time in seconds.
Above: the last RR intervals, those before and after the beat coloured."""
_STYLE = {**STYLE, "font.size": 8, "axes.titlesize": 8, "axes.grid": False}


@dataclass(frozen=True)
class Drawn(PerBeat):
    """Beats as they are drawn; arrays of shape ``(beats,)`` unless said otherwise."""

    patients: np.ndarray  # names of records
    kinds: np.ndarray  # names of `KINDS`; empty: none of them
    windows: np.ndarray  # shape (beats, samples, leads)
    own_beats: np.ndarray  # of that shape
    tachograms: np.ndarray  # shape (beats, intervals): log RR


KINDS = {
    "normal": "normal beats",
    "normal_fibrillation": "normal beats in atrial fibrillation",
    "normal_after": "normal beats after an ectopic one",
    "normal_before": "normal beats before an ectopic one",
    "normal_block": "normal beats with bundle branch block",
    "premature": "premature beats (S)",
    "premature_run": "premature beats (S) in a run",
    "ventricular_early": "ventricular beats (V) that come early",
    "ventricular_run": "ventricular beats (V) in a run",
    "ventricular_late": "ventricular beats (V) that do not come early",
    "fusion": "fusion beats (V to the network; annotated F)",
}


def draw_pages(config: Config) -> None:
    """Draw all pages into ``paths.outputs/generated``."""
    read_checked_manifest(config.paths.processed, config, made_by="preprocess_data.py")
    table = whole_records(read_table(config.paths.processed), TRAIN)
    compared = compare_records(table, load_windows(config.paths.processed, table), config)
    paired, tachograms, seed = compared.paired, compared.timed.tachograms, config.training.seed
    patients, frame, chosen = table["record"].to_numpy(), Frame.of(config.beat), _some_normal_beats(table, seed)
    recorded = Drawn(patients, recorded_kinds(table), paired.windows, paired.own_beats, tachograms)
    sources = {
        "simulated": simulated(patients[chosen], paired.chosen(chosen), tachograms[chosen], frame, seed),
        "recorded, chosen by their labels": recorded,
    }
    few = of_different_patients(recorded.chosen(chosen), seed).chosen(np.arange(_COLUMNS))
    pages = {"rhythms": draw_rhythms(few.patients, few.tachograms, seed)}
    for name, title in KINDS.items():
        blocks = {
            source: of_different_patients(beats.chosen(beats.kinds == name), seed) for source, beats in sources.items()
        }
        if any(len(beats.patients) for beats in blocks.values()):
            pages[name] = draw_beats(title, blocks, frame)
    folder = Path(config.paths.outputs) / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        page.savefig(folder / f"{name}.png", dpi=_DOTS_PER_INCH)
    print(f"Wrote {len(pages)} pages to {folder}")


def recorded_kinds(table: pd.DataFrame) -> np.ndarray:
    """Name the kind of each recorded beat from its label and those beside it; empty where they do not tell.

    A normal beat may be one in atrial fibrillation, which labels of beats do not tell.
    """
    classes, records = table["aami_class"], table["record"]
    before, after = (classes.shift(step).where(records == records.shift(step)) for step in (1, -1))
    usual_s = table.groupby("record")["rr_before_s"].transform("median")
    early = table["rr_before_s"] < _EARLY * usual_s
    ectopic = {"S", "V"}
    return _named(
        {
            "normal_after": (classes == "N") & before.isin(ectopic),
            "normal_before": (classes == "N") & after.isin(ectopic),
            "normal": classes == "N",
            "premature_run": (classes == "S") & (before == "S"),
            "premature": classes == "S",
            "ventricular_run": (classes == "V") & (before == "V"),
            "ventricular_early": (classes == "V") & early,
            "ventricular_late": classes == "V",
            "fusion": classes == "F",
        }
    )


def _named(kinds: dict[str, np.ndarray | pd.Series]) -> np.ndarray:
    """Name the first kind of each beat whose mask of shape ``(beats,)`` has it; empty where none has."""
    return np.select(list(kinds.values()), list(kinds), "")


def _some_normal_beats(table: pd.DataFrame, seed: int) -> np.ndarray:
    """Rows of normal training beats, as many of each patient."""
    normal = table[(table["split"] == TRAIN) & ~table["anomalous"]]
    some = normal.sample(frac=1, random_state=seed).groupby("record").head(_BEATS_PER_PATIENT)
    return np.sort(some.index.to_numpy())


def simulated(patients: np.ndarray, beats: PairedBeats, tachograms: np.ndarray, frame: Frame, seed: int) -> Drawn:
    """Simulate one beat of each normal one."""
    others = beats.own_beats[np.random.default_rng(seed).permutation(len(patients))]
    made = examples.simulate(beats, tachograms, others, _ECTOPIC_SHARE, frame, seed)
    return Drawn(
        patients,
        _simulated_kinds(made.plan),
        made.paired.windows,
        made.paired.own_beats,
        made.tachograms,
    )


def _simulated_kinds(plan: Plan) -> np.ndarray:
    """Name the kind of each simulated beat."""
    return _named(
        {
            "normal_block": plan.blocked,
            "normal_after": plan.following,
            "normal_before": plan.leading,
            "premature_run": plan.premature & plan.run,
            "premature": plan.premature,
            "fusion": plan.fusion,
            "ventricular_run": plan.ventricular & plan.run,
            "ventricular_early": plan.ventricular & plan.early,
            "ventricular_late": plan.ventricular,
            "normal_fibrillation": plan.fibrillating,
            "normal": ~plan.fibrillating,
        }
    )


def of_different_patients(beats: Drawn, seed: int) -> Drawn:
    """Choose as many beats as a block has room for, of as many patients as there are."""
    shuffled = pd.Series(beats.patients).sample(frac=1, random_state=seed)
    turn = shuffled.groupby(shuffled).cumcount().sort_values(kind="stable")
    return beats.chosen(turn.index.to_numpy()[: _ROWS * _COLUMNS])


@mpl.rc_context(_STYLE)
def draw_beats(title: str, blocks: dict[str, Drawn], frame: Frame) -> Figure:
    """Draw a page of beats in blocks side by side, each with a title of its own; empty ones are left out."""
    blocks = {name: beats for name, beats in blocks.items() if len(beats.patients)}
    width_in, height_in = _PANEL_IN[0] * _COLUMNS * len(blocks), _PANEL_IN[1] * _ROWS + 1.3
    figure = Figure(figsize=(width_in, height_in))
    figure.text(0.008, 1 - 0.12 / height_in, title, fontsize=14, fontweight="bold", va="top")
    figure.text(0.008, 0.08 / height_in, _READING)
    for number, (name, beats) in enumerate(blocks.items()):
        left, right = (number + 0.08 / _COLUMNS) / len(blocks), (number + 0.98) / len(blocks)
        figure.text(left, 1 - 0.42 / height_in, name, fontsize=11, va="top")
        reach = {"left": left, "right": right, "top": 1 - 0.95 / height_in, "bottom": 0.8 / height_in}
        grid = GridSpec(_ROWS, _COLUMNS, figure, hspace=0.25, wspace=0.12, **reach)
        for beat in range(len(beats.patients)):
            cell = grid[divmod(beat, _COLUMNS)].subgridspec(2, 1, height_ratios=(1, 3.4), hspace=0.05)
            above, below = (figure.add_subplot(cell[part]) for part in (0, 1))
            _draw_tachogram(above, beats.tachograms[beat])
            above.set_title(str(beats.patients[beat]))
            _draw_beat(below, beats.windows[beat], beats.own_beats[beat], frame)
            below.tick_params(labelbottom=beat + _COLUMNS >= len(beats.patients))
    return figure


def _draw_tachogram(axes: Axes, tachogram: np.ndarray) -> None:
    """Draw the last RR intervals, the two beside the beat coloured, with their values."""
    rr_s = np.exp(tachogram[-_INTERVALS - 2 :])
    axes.plot(rr_s, color=styles.GREY, linewidth=0.8, marker=".", markersize=3)
    for place, colour in ((BEFORE, styles.VERMILLION), (AFTER, styles.BLUE)):
        axes.plot(len(rr_s) + place, rr_s[place], color=colour, marker="o", markersize=4)
    axes.text(1.0, 1.0, f"{rr_s[BEFORE]:.2f}  {rr_s[AFTER]:.2f} s", transform=axes.transAxes, ha="right", va="bottom")
    middle = np.median(rr_s)
    axes.set_ylim(min(0.6 * middle, 0.95 * rr_s.min()), max(1.4 * middle, 1.05 * rr_s.max()))
    axes.set_axis_off()


def _draw_beat(axes: Axes, window: np.ndarray, own_beat: np.ndarray, frame: Frame) -> None:
    """Draw a beat, one lead below the other, before the patient's own; a lost lead is left out."""
    axes.axvline(0, color=styles.RULE, linewidth=0.8)
    bottom = 0.0
    for lead in np.flatnonzero(window.any(axis=0)):
        both = np.stack([own_beat[:, lead], window[:, lead]])
        both -= both.max() - bottom
        bottom = both.min() - _LEADS_APART
        axes.plot(frame.times_s, both[0], color=styles.GREY, linewidth=0.7, alpha=0.8)
        axes.plot(frame.times_s, both[1], color=styles.INK, linewidth=1.1)
    axes.set(xlim=frame.times_s[[0, -1]], yticks=[], xticks=np.arange(-0.2, 0.5, 0.2))
    axes.spines["left"].set_visible(False)


RHYTHMS = (
    ("atrial fibrillation", rhythms._fibrillation),
    ("sinus arrhythmia", rhythms._sinus_arrhythmia),
    ("dropped beats", rhythms._dropped_beats),
    ("a fast rhythm", rhythms._fast_rhythm),
    *[("ectopic beats", rhythms._ectopic_beats)] * 4,  # rare to frequent: several rows show more of it
)


def _changed(change: Callable[..., Any], tachograms: np.ndarray, draws: Draws) -> np.ndarray:
    """Change a rhythm; what else is told of it (when it began, how early beats come) is not drawn."""
    made = change(tachograms, draws)
    return np.asarray(made[0] if isinstance(made, tuple) else made)


@mpl.rc_context(_STYLE)
def draw_rhythms(patients: np.ndarray, tachograms: np.ndarray, seed: int) -> Figure:
    """Draw a page of RR intervals: a column for each patient, recorded ones above what is simulated from them.

    ``patients`` are names of shape ``(columns,)``, ``tachograms`` log RR of shape ``(columns, intervals)``.
    """
    draws = Draws(seed)
    rows = [("recorded", tachograms), *((name, _changed(change, tachograms, draws)) for name, change in RHYTHMS)]
    figure = Figure(figsize=(4.2 * len(patients), 1.25 * len(rows) + 0.9), layout="constrained")
    figure.suptitle("rhythms", fontsize=14, fontweight="bold", x=0.01, ha="left")
    figure.supylabel("RR interval (s)")
    figure.supxlabel("beat")
    cells = figure.subplots(len(rows), len(patients), squeeze=False, sharex=True)
    for (row, column), axes in np.ndenumerate(cells):
        name, made = rows[row]
        rr_s = np.exp(np.clip(made[column, -_RHYTHM_INTERVALS:], *LOG_RR_LIMITS))
        axes.plot(rr_s, color=styles.INK, linewidth=0.7, marker=".", markersize=3)
        axes.set(title=f"{name}, {patients[column]}", ylim=(0, max(1.5, 1.1 * rr_s.max())))
    return figure


if __name__ == "__main__":
    sys.exit(commandline.run_script(draw_pages, __doc__))
