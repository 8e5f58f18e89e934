"""What kind of file a recording is. That each reader's files are known by their beginning: `test_device_files`."""

import gzip

import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.records import kinds


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("r.csv", b"time,II\n0,1\n", kinds.TABLE),
        ("r", b"0       1.5\n" * 40, kinds.TABLE),
        ("r.dat", b"0.1 0.2\n0.3 0.4\n", kinds.TABLE),
        ("r.dat", bytes(range(256)), kinds.WFDB),
        ("r.txt", b"Zeit;R\xfcckstand\n1;2\n", kinds.TABLE),
        ("r.log", "\ufefftime,II".encode("utf-16"), kinds.TABLE),
        ("r.csv", b"\0\1\2\3", kinds.TABLE),
        ("BMI.txt", b"BMI RR\n1 2\n", kinds.TABLE),
        ("r.csv.gz", gzip.compress(b"time,II\n0,1\n", mtime=0), kinds.TABLE),
        ("cut.csv.gz", gzip.compress(b"1,2\n" * 9999, mtime=0)[:30], kinds.TABLE),  # as far as it goes
        ("lines.log", b'{"t": 0, "ecg": 1}\n{"t": 1, "ecg": 2}\n', kinds.TABLE),
        ("r.edf", b"0       " + b" " * 300, kinds.EDF),
        ("r.rec", bytes(range(256)), kinds.EDF),
        ("r.ecg", bytes(range(256)), kinds.ISHNE),
        ("r.dcm", b"\x08\0\5\0CS\0\0" + bytes(300), kinds.DICOM),
        ("r.mwf", b"\x01\x01\0" + bytes(300), kinds.MFER),
        ("r.xml", b"<?xml version='1.0'?><!-- <ECG> --><x:AnnotatedECG xmlns:x='urn:hl7-org:v3'>", kinds.AECG),
        ("r.xml", '<?xml version="1.0" encoding="UTF-16"?><restingecgdata>'.encode("utf-16"), kinds.SIERRA),
        ("r.xml", b"<!DOCTYPE RestingECG [<!ENTITY a 'b'>]>\n<RestingECG>", kinds.MUSE),
        ("r.txt", b'{"data": {"raw": {}}}', kinds.KARDIA),
    ],
)
def test_kind_is_told_by_beginning_and_name(name, content, kind, tmp_path):
    assert kinds.kind_of(write(tmp_path / name, content)) == kind


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("r.pdf", b"%PDF-1.7\n", "is a PDF, which shows the ECG as a picture; export the samples"),
        ("r.jpg", b"\xff\xd8\xff\xe0", r"is a picture \(JPEG\); export"),
        ("r.xlsx", b"PK\3\4....docProps/app.xml....xl/theme/theme1.xml", "is an Excel workbook; save it as CSV"),
        ("r.csv", b"PK\3\4....xl/workbook.xml", "is an Excel workbook; save it as CSV"),
        ("r.docx", b"PK\3\4word/document.xml", "is a Word document; export the samples"),
        ("r.xls", b"\xd0\xcf\x11\xe0\0", "is a document of Microsoft Office; save it as CSV"),
        ("r.zip", b"PK\3\4", "is a ZIP archive; unpack it"),
        ("r.mat", b"MATLAB 5.0 MAT-file\0", "is a MATLAB file; save its signals as a table"),
        ("r.npy", b"\x93NUMPY\1\0", "is an array of NumPy"),
        ("r.ann", b"ANN  1.0\0\0", "is an ISHNE file of annotations"),
        ("r.html", b"<!DOCTYPE html>\n<html>", "is a page of the web"),
        ("r.xml", b"<CardiologyXML>", "is XML with the root element CardiologyXML; read are those of HL7 aECG"),
        ("export.xml", b"<?xml version='1.0'?><HealthData>", "its ECGs are the tables in electrocardiograms/"),
        ("r.xml", b"<", "root element of no name"),
        ("r.edf.gz", gzip.compress(bytes(300), mtime=0), r"is compressed \(gzip\) and holds no table; unpack it"),
        ("r.csv.gz", gzip.compress(b"1,2\n" * 9999, mtime=0)[:10] + b"\xff" * 40, r"is compressed and damaged"),
        ("r.bin", bytes(range(256)), r"is of no kind that can be read, by how it begins; what can be read: WFDB"),
    ],
)
def test_other_files_are_refused_with_advice(name, content, told, tmp_path):
    with pytest.raises(UserError, match=told):
        kinds.kind_of(write(tmp_path / name, content))


def test_suffixes_of_all_kinds_are_listed_once():
    assert len(set(kinds.SUFFIXES)) == len(kinds.SUFFIXES)
    assert {".hea", ".edf", ".csv", ".ecg", ".xml", ".xdf"} <= set(kinds.SUFFIXES)
    assert not {".hea", ".dat"} & kinds.NO_WFDB_SUFFIXES
