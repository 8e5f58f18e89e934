import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from tests.detector.ectopy.hand_made import FRAME, regular
from tools import generated
from tools.generated import Drawn


def drawn(patients: list[str], kind: str = "normal") -> Drawn:
    beats, tachograms = regular(len(patients))
    kinds = np.full(len(patients), kind)
    return Drawn(np.array(patients), kinds, beats.windows, beats.own_beats, tachograms)


def test_recorded_kinds_follow_labels_and_their_neighbours():
    classes = ["N", "S", "S", "N", "N", "V", "V", "N", "V", "F", "Q"]
    rr_s = [0.8, 0.5, 0.5, 1.1, 0.8, 0.5, 0.5, 1.1, 0.8, 0.8, 0.8]
    table = pd.DataFrame({"record": ["db/a"] * 11, "aami_class": classes, "rr_before_s": rr_s})
    of_one = generated.recorded_kinds(table)
    assert of_one.tolist() == [
        *("normal_before", "premature", "premature_run", "normal_after", "normal_before", "ventricular_early"),
        *("ventricular_run", "normal_after", "ventricular_late", "fusion", ""),
    ]
    # The last beat of a record is no neighbour of the first of the next.
    two = pd.concat([table.iloc[1:3].assign(record="db/z"), table.iloc[[4]]], ignore_index=True)
    assert generated.recorded_kinds(two)[-1] == "normal"


def test_every_kind_is_simulated():
    beats, tachograms = regular(4000)
    made = generated.simulated(np.array(["db/a"] * 4000), beats, tachograms, FRAME, seed=1)
    assert set(made.kinds) == generated.KINDS.keys()


def test_beats_of_different_patients_come_first():
    chosen = generated.of_different_patients(drawn(["a"] * 30 + ["b"] + ["c"] * 2), seed=1)
    assert len(chosen.patients) == 12
    assert set(chosen.patients[:3]) == {"a", "b", "c"}
    assert (chosen.patients == "c").sum() == 2


@pytest.mark.parametrize("recorded", [[], ["b"] * 5])
def test_page_has_a_panel_of_signal_and_tachogram_for_each_beat(recorded):
    blocks = {"simulated": drawn(["a"] * 3), "recorded": drawn(recorded)}
    page = generated.draw_beats("normal beats", blocks, FRAME)
    assert len(page.axes) == 2 * (3 + len(recorded))
    words = [text.get_text() for text in page.texts]
    assert "normal beats" in words
    assert ("recorded" in words) == bool(recorded)


def test_lost_lead_is_not_drawn():
    one = drawn(["a"])
    one.windows[:, :, 1] = 0
    page = generated.draw_beats("", {"simulated": one}, FRAME)
    lines = page.axes[1].lines
    assert len(lines) == 1 + 2  # the fiducial point; the beat and the own one


def test_nothing_overlaps_on_a_full_page():
    page = generated.draw_beats("", {"simulated": drawn(["a"] * 12), "recorded": drawn(["b"] * 12)}, FRAME)
    with mpl.rc_context():
        page.canvas.draw()
    boxes = [axes.get_window_extent() for axes in page.axes]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_rhythms_have_a_row_each_and_a_column_for_each_patient():
    _, tachograms = regular(2)
    page = generated.draw_rhythms(np.array(["a", "b"]), tachograms, seed=1)
    titles = [axes.get_title(loc="left") for axes in page.axes]
    assert titles[:2] == ["recorded, a", "recorded, b"]
    assert len(titles) == 2 * (1 + len(generated.RHYTHMS))
