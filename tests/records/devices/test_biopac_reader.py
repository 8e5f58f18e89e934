"""AcqKnowledge files of BIOPAC."""

import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.devices.biopac_reader import open_biopac
from tests.device_files import MICROVOLTS, write_acq

RATE_HZ = 200
STEPS = np.random.default_rng(0).integers(-400, 400, size=(1000, 3))


def read(source, columns, length=130):
    return np.concatenate(list(source.blocks(columns, length)))


@pytest.mark.parametrize("compressed", [False, True])
def test_channels_are_read_at_their_own_rate(compressed, tmp_path):
    path = tmp_path / "r.acq"
    write_acq(path, ["ECG", "RSP", "ECG2"], STEPS, RATE_HZ, dividers=[1, 4, 1], compressed=compressed)
    source = open_biopac(path)
    assert [(c.label, c.unit, c.sampling_rate_hz, c.samples) for c in source.channels] == [
        ("ECG", "uV", 200, 1000),
        ("RSP", "uV", 50, 250),
        ("ECG2", "uV", 200, 1000),
    ]
    assert source.notes == ()
    np.testing.assert_allclose(read(source, [2, 0]), STEPS[:, [2, 0]] * MICROVOLTS)
    np.testing.assert_allclose(read(source, [1]), STEPS[::4, [1]] * MICROVOLTS)


@pytest.mark.parametrize("length", [1, 300, 100_000])
def test_blocks_have_the_length_asked_for(length, tmp_path):
    path = tmp_path / "r.acq"
    write_acq(path, ["ECG"], np.tile(STEPS[:, :1], (300, 1)), RATE_HZ)  # more than the library reads at once
    lengths = [len(block) for _, block in zip(range(5), open_biopac(path).blocks([0], length), strict=False)]
    assert lengths == [length] * min(5, 300_000 // length)


def test_truncated_file_is_read_as_far_as_it_is_whole(tmp_path):
    path = tmp_path / "r.acq"
    write_acq(path, ["ECG", "RSP"], STEPS[:, :2], RATE_HZ, dividers=[1, 4])
    path.write_bytes(path.read_bytes()[:-101])
    source = open_biopac(path)
    # Four rounds have 10 bytes, and the last eleven of them are not whole.
    assert [channel.samples for channel in source.channels] == [956, 239]
    assert source.notes == ("the file is truncated: of 1000 samples 956 are there and are read",)
    np.testing.assert_allclose(read(source, [0]), STEPS[:956, :1] * MICROVOLTS)


@pytest.mark.parametrize(("kept", "told"), [(40, "cannot be read as"), (10, "does not begin as")])
def test_cut_header_is_explained(kept, told, tmp_path):
    path = tmp_path / "r.acq"
    write_acq(path, ["ECG"], STEPS[:, :1], RATE_HZ)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=told):
        open_biopac(path)
