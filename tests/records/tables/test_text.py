import gzip

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.tables import text
from ecg_anomaly.records.tables.text import open_text

LINES = [f"{number}µ" for number in range(500)]
TEXT = "\n".join(LINES)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("packed", [False, True])
def test_text_comes_in_whole_lines_however_it_is_stored(encoding, line_end, packed, tmp_path):
    path = tmp_path / "r.csv"
    content = TEXT.replace("\n", line_end).encode(encoding)
    path.write_bytes(gzip.compress(content[:700]) + gzip.compress(content[700:]) if packed else content)
    file = open_text(path)
    blocks = list(file.texts(500))
    assert all(block.endswith("\n") for block in blocks[:-1])
    assert "".join(blocks).splitlines() == LINES
    assert not file.cut_off


def test_compressed_text_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "r.csv"
    content = gzip.compress("".join(f"{row / 250:.3f},{row * row % 87}\n" for row in range(5000)).encode())
    path.write_bytes(content[: len(content) // 2])
    notes = open_recording(path).notes
    assert "the compressed file is cut off; what comes before is read" in notes
    path.write_bytes(content[:400] + b"junk" + content[404:])
    with pytest.raises(UserError, match="is compressed and damaged"):
        open_recording(path)


def test_a_line_without_end_is_refused_before_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "_LONGEST_LINE", 1 << 21)
    path = tmp_path / "r.csv.gz"
    path.write_bytes(gzip.compress(b"II\n" + bytes(b"1," * (1 << 21))))
    with pytest.raises(UserError, match="has a line of more than 2 MB; give a table with one row per sample"):
        open_recording(path)
