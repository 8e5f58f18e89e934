"""The pipeline gets from a file what a user's recording gives: same rate, leads and samples, annotations on them.

Each odd record holds the same signal as a plain one: 12-bit steps of 5 microvolts at 360 Hz, beats at even samples.
"""

import numpy as np
import pytest
import wfdb

from ecg_anomaly.beats.preprocessing import process_record, read_record
from ecg_anomaly.config import load_config
from ecg_anomaly.findings.annotated import read_annotated
from ecg_anomaly.records.catalogue import RecordFiles
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.simulate import simulate_record

CONFIG = load_config()
RATE_HZ = 360
SIMULATED = simulate_record(3, 1, seed=1)
STEPS = np.round(SIMULATED.signals_mv[:, 0] * 200).astype(np.int64)
BEATS = SIMULATED.samples // 2 * 2  # which frames of two samples can say


def write(folder, name, channels, rate_hz=RATE_HZ):
    """Write a record by its channels: steps of a converter, lead, unit, steps per unit."""
    steps, leads, units, gains = zip(*channels, strict=True)
    wfdb.wrsamp(
        name,
        rate_hz,
        list(units),
        list(leads),
        d_signal=np.stack(steps, axis=1),
        fmt=["16"] * len(leads),
        adc_gain=list(gains),
        baseline=[0] * len(leads),
        write_dir=str(folder),
    )


def annotate(folder, samples=BEATS, **options):
    wfdb.wrann("r", "atr", samples, SIMULATED.symbols, write_dir=str(folder), **options)


def write_plain(folder):
    write(folder, "r", [(STEPS, "II", "mV", 200.0)])
    annotate(folder)


def write_frames(folder):
    STEPS.astype("<i2").tofile(folder / "r.dat")
    (folder / "r.hea").write_text(f"r 1 180 {len(STEPS) // 2}\nr.dat 16x2 200/mV 16 0 0 0 0 II\n")
    annotate(folder, BEATS // 2)


def write_frames_annotated_by_the_sample(folder):
    write_frames(folder)
    annotate(folder, fs=RATE_HZ)


def write_beside_eeg(folder):
    brain = np.random.default_rng(1).integers(-20, 20, len(STEPS))
    write(folder, "r", [(brain, "EEG C3-A2", "mV", 200.0), (STEPS, "II", "mV", 200.0)])
    annotate(folder)


def write_nanovolts(folder):
    write(folder, "r", [(STEPS, "II", "nV", 200e-6)])
    annotate(folder)


def write_segments(folder):
    cut = 7000
    for number, part in enumerate((STEPS[:cut], STEPS[cut:]), start=1):
        write(folder, f"r_{number}", [(part, "II", "mV", 200.0)])
    lines = (f"r/2 1 {RATE_HZ} {len(STEPS)}", f"r_1 {cut}", f"r_2 {len(STEPS) - cut}")
    (folder / "r.hea").write_text("\n".join(lines) + "\n")
    annotate(folder)


WRITERS = (write_frames, write_frames_annotated_by_the_sample, write_beside_eeg, write_nanovolts, write_segments)


@pytest.fixture(params=WRITERS, ids=lambda write: write.__name__)
def odd(request, tmp_path):
    request.param(tmp_path)
    return RecordFiles("odd/r", tmp_path, "atr")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    write_plain(folder)
    return process_record(RecordFiles("odd/r", folder, "atr"), "test", CONFIG)


def test_both_ways_give_the_signal_that_was_written(odd):
    recording = open_recording(odd.header)
    assert (recording.sampling_rate_hz, recording.leads, recording.samples) == (RATE_HZ, ("II",), len(STEPS))
    np.testing.assert_allclose(recording.read()[:, 0], STEPS / 200, atol=1e-9)

    in_pipeline, _, dead_leads = read_record(odd, CONFIG)
    assert (in_pipeline.name, in_pipeline.sampling_rate_hz, in_pipeline.leads) == ("odd/r", RATE_HZ, ("II",))
    assert dead_leads == ()
    np.testing.assert_array_equal(in_pipeline.signals_mv, recording.read())


def test_both_ways_find_the_annotations_at_their_samples(odd):
    _, in_pipeline, _ = read_record(odd, CONFIG)
    in_browser, note = read_annotated(open_recording(odd.header), CONFIG)
    assert note == ""
    for samples, symbols in ((in_pipeline.samples, in_pipeline.symbols), (in_browser["sample"], in_browser["symbol"])):
        assert samples.tolist() == BEATS.tolist()
        assert symbols.tolist() == SIMULATED.symbols


def test_pipeline_cuts_the_same_beats_as_from_the_plain_record(odd, plain):
    processed = process_record(odd, "test", CONFIG)
    assert processed.error == ""
    assert processed.leads == plain.leads == ("II",)
    assert len(plain.beats.table) > 50
    table, expected = processed.beats.table, plain.beats.table
    names = ["sample", "symbol", "fiducial_s", "rr_before_s", "rr_after_s"]
    assert table[names].to_dict("list") == expected[names].to_dict("list")
    np.testing.assert_allclose(processed.beats.windows, plain.beats.windows, atol=1e-6)
    # A beat's steepest point lies near its annotation, and so near the main deflection of the simulated beat.
    assert np.abs(table["fiducial_s"] - table["time_s"]).max() < 0.1
