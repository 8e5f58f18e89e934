"""Messages of the scripts in the words of Python."""

import pytest

from ecg_anomaly.api.wording import in_python, told_in_python, writing
from ecg_anomaly.errors import UserError


def test_options_become_arguments():
    assert in_python("are these volts? --gain 0.001 takes it; --sampling-rate 250 contradicts") == (
        "are these volts? gain=0.001 takes it; sampling_rate_hz=250 contradicts"
    )
    assert (
        in_python("name it with --leads, or leave the option out") == "name it with leads=, or leave the argument out"
    )

    assert in_python("not here; run python train_model.py") == "not here; run ecg_anomaly.train()"


def test_errors_are_told_in_python(tmp_path):
    with pytest.raises(UserError, match=r"^name it with leads=$"), told_in_python():
        raise UserError("name it with --leads")
    with pytest.raises(UserError, match="No space left"), told_in_python():
        raise OSError(28, "No space left on device")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"page\.html: cannot be written: "), writing(tmp_path / "file" / "page.html"):
        pytest.fail("the folder is a file")
