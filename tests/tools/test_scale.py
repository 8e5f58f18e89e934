from pathlib import Path

import numpy as np

from ecg_anomaly.config import load_config
from ecg_anomaly.records.catalogue import find_records
from ecg_anomaly.records.recording import open_recording
from tools import scale


def test_copies_of_records_are_read_under_their_names(tmp_path, simulated_records):
    config = load_config(overrides=[f"paths.records={simulated_records}"])
    originals = find_records(["simdb/s007", "simdb/s008"], "split.test", config)
    names = scale.write_copies(originals, tmp_path / "copies", 3)
    assert names == ["copies/r00000", "copies/r00001", "copies/r00002"]
    copies = find_records(names, "split.test", load_config(overrides=[f"paths.records={tmp_path}"]))
    for copy, original in zip(copies, [*originals, originals[0]], strict=True):
        read, expected = open_recording(copy.header), open_recording(original.header)
        assert (read.name, read.leads) == (copy.name.partition("/")[2], expected.leads)
        np.testing.assert_array_equal(read.read(), expected.read())
        assert copy.annotations.read_bytes() == original.annotations.read_bytes()


def test_scripts_run_with_so_many_test_records_and_what_they_take_is_told(
    tmp_path, simulated_records, monkeypatch, capsys
):
    def run_script(script, option, path):
        assert option == "--config"
        count = len(load_config(Path(path)).split.test)
        return {"what": script, "seconds": 9.0, "cpu_seconds": 2.0 * count, "peak_mb": 100.0 + count}

    monkeypatch.setattr(scale, "run_script", run_script)
    options = ["--set", f"paths.records={simulated_records}", "--set", "split.test=[simdb/s007]"]
    options += ["--counts", "3", "13", "--scripts", "evaluate_model.py", "--folder", str(tmp_path / "files")]
    assert scale.main(options) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[2:4] == ["| evaluate_model.py | 3 | 9 | 6 | 103 | 0 |", "| evaluate_model.py | 13 | 9 | 26 | 113 | 0 |"]
    per_record = "2.00 CPU seconds, 1.00 MB of memory and 0.00 MB of disk a record"
    assert told[4] == f"evaluate_model.py: {per_record}"
