"""What is a lead: decided by names and units, the same way for every format."""

from fractions import Fraction

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.channels import Channel, choose_ecg


def channels(*described, rate_hz=250):
    """Describe channels as ``label`` or ``label|unit``."""
    return [Channel(*(text + "|mV").split("|")[:2], Fraction(rate_hz)) for text in described]


def names(*described, **options):
    return " ".join(choose_ecg(channels(*described), "r", **options).names)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ("ECG,RESP", "ECG"),
        ("RESP,ECG", "ECG"),
        ("ECG,x,y,z", "ECG"),
        ("ECG,red,ir", "ECG"),
        ("ECG,ppg_red,ecg_quality,ECG_R_Peaks,ECG_Rate", "ECG"),
        ("ecg,label,anomaly,target", "ecg"),
        ("MLII,V5,CH3", "MLII V5"),
        ("D1,D2,V1", "D1 D2 V1"),
        ("CH1,CH2,temperature", "CH1 CH2"),
        ("V4,D3", "V4 D3"),
        ("x,y,z", "x y z"),  # Frank's leads or an acceleration: the signal has to tell
        ("A1,D1,Status", "A1 D1"),  # likewise a BioSemi cap
        ("Fp1,Fp2,ECG", "ECG"),
        ("ECG II,HR|bpm", "II"),
        ("II|,V1|*", "II V1"),
    ],
)
def test_names_tell_leads_from_other_signals(there, expected):
    assert names(*there.split(",")) == expected


@pytest.mark.parametrize(
    "other", ["Fp1", "Fz-Cz", "Resp", "Pleth", "ECG_Rate", "acc_x", "red", "GSR", "label", "II|bpm"]
)
def test_a_file_without_an_ecg_is_refused_and_says_why(other):
    with pytest.raises(UserError, match=r"r: holds no ECG lead \(left out channel .*\); .* name it with --leads"):
        names(other)
    assert names(other, asked=[other.split("|")[0]], gain=1 if "|" in other else None)


def test_what_is_asked_for_is_taken_in_its_order_whatever_its_name_and_doubt():
    doubtful = [Channel("Resp", "mV", Fraction(250)), Channel("n", "", Fraction(250), doubt="it counts the rows")]
    assert choose_ecg(doubtful, "r", ["N", "resp"]).names == ("n", "Resp")
    assert choose_ecg(channels("ECG II", "V1"), "r", ["v1", "ecg ii"]).names == ("V1", "II")
    with pytest.raises(UserError, match="r: has no lead V9; it has II, V1"):
        names("II", "V1", asked=["V9"])


def test_others_come_along_in_the_order_of_the_file():
    there = channels("V1", "II", "EMG", "V5")
    chosen = choose_ecg(there, "r", ["v5", "EMG"], with_others=True)
    assert chosen.names == ("V1", "II", "EMG", "V5")
    assert chosen.asked == ("V5", "EMG")
    counts = channels("V1", "II|counts")
    assert choose_ecg(counts, "r", ["II"], 200.0, with_others=True).names == ("II",)


def test_unseen_characters_of_labels_are_taken_out_and_long_ones_shortened():
    found = choose_ecg(channels("\x1b[2JII\u202e|mV\u200f", "EMG"), "r", ["[2JII"])
    assert found.names == ("[2JII",)
    assert found.factors_mv == (1.0,)
    assert len(choose_ecg(channels("ECG" + 90 * "x"), "r").names[0]) == 60


def test_what_cannot_be_read_or_comes_at_another_rate_is_refused_when_asked_for():
    mixed = [
        Channel("II", "mV", Fraction(250)),
        Channel("V1", "mV", Fraction(500)),
        Channel("t", "", Fraction(250), 9, "it is text"),
    ]
    with pytest.raises(UserError, match="r: II at 250 Hz and V1 at 500 Hz cannot be analysed together"):
        choose_ecg(mixed, "r", ["II", "V1"])
    with pytest.raises(UserError, match="r: lead t cannot be analysed: it is text"):
        choose_ecg(mixed, "r", ["t"])
    assert choose_ecg(mixed, "r").names == ("V1",)


@pytest.mark.parametrize("unit", ["adu", "counts", "NU", "raw", "LSB"])
def test_steps_of_a_converter_need_a_gain(unit):
    with pytest.raises(UserError, match=f"its unit is {unit}, and --gain has to say how many of them make a millivolt"):
        names(f"ECG|{unit}")
    assert choose_ecg(channels(f"ECG|{unit}"), "r", gain=200).factors_mv == (1 / 200,)
    with pytest.raises(UserError, match=f"ECG is in {unit}, which is no voltage; say with --gain"):
        names(f"ECG|{unit}", asked=["ECG"])


def test_units_give_the_factor_and_a_gain_must_not_contradict_them():
    assert choose_ecg(channels("I|V", "II|mV", "III|uV"), "r").factors_mv == (1000.0, 1.0, 0.001)
    assert choose_ecg(channels("I|Mikrovolt", "II|мВ", "III|milivoltios"), "r").factors_mv == (0.001, 1.0, 1.0)
    assert choose_ecg(channels("II|uV", "V1|"), "r", gain=1000).factors_mv == (0.001, 0.001)
    with pytest.raises(UserError, match="r: II is in uV by its own description, which --gain 200 contradicts"):
        names("II|uV", gain=200)


def test_a_missing_unit_is_taken_for_millivolts_and_told():
    leads = choose_ecg(channels("II|", "V1|mV", "V2|-"), "r")
    assert leads.factors_mv == (1.0, 1.0, 1.0)
    assert leads.notes == (
        "no unit is given for II, V2, and millivolts are taken; --gain says how many units make one",
    )


def test_what_is_left_out_is_told_with_its_reason():
    assert choose_ecg(channels("ECG", "Resp", "SpO2|%", "CH4", ""), "r").notes == (
        "left out channel Resp: by its name it is no ECG lead",
        "left out channel SpO2: its unit is %, not a voltage",
        "left out channel CH4: its name does not say that it is a lead, as ECG's does",
        "left out channel lead 5: its name does not say that it is a lead, as ECG's does",
    )


def test_many_that_are_left_out_for_one_reason_are_told_in_one_note():
    (note,) = choose_ecg(channels("ECG", *[f"red{number}" for number in range(20)]), "r").notes
    assert note.startswith("left out 20 channels (red0, red1, ")
    assert note.endswith("red11 and 8 more), each because: by its name it is no ECG lead")
