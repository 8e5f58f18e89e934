"""Writers of small recordings in the formats of devices and hospital systems, for tests of their readers.

Each takes the path, the leads' names, signals of shape ``(samples, leads)`` in steps of 2.5 microvolts (whole numbers
that 16 bits hold), and the sampling rate.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from binascii import crc_hqx
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

MICROVOLTS = 2.5  # a step


def write_ishne(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int, text: bytes = b"a comment") -> None:
    """As Badilini 1998: header with its checksum, a block of text, samples lead beside lead."""
    codes = {
        name: code
        for code, name in enumerate(
            ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"], start=5
        )
    }
    header = bytearray(522)
    struct.pack_into("<8sH4i", header, 0, b"ISHNE1.0", 0, len(text), len(steps), 522, 522 + len(text))
    struct.pack_into("<h", header, 156, len(leads))
    for place, values, absent in (
        (158, [codes.get(name, 1) for name in leads], -9),
        (206, [int(MICROVOLTS * 1000)] * len(leads), 0),
    ):
        struct.pack_into("<12h", header, place, *values, *[absent] * (12 - len(leads)))
    struct.pack_into("<h", header, 272, rate_hz)
    struct.pack_into("<H", header, 8, crc_hqx(bytes(header[10:]) + text, 0xFFFF))
    path.write_bytes(bytes(header) + text + steps.astype("<i2").tobytes())


def write_scp(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int, late: int = 0) -> None:
    """SCP-ECG: sections of leads (3) and of samples as 16 bits (6), with checksums.

    The last lead lacks its first ``late`` samples.
    """
    names = ["I", "II", *(f"V{number}" for number in range(1, 7))]
    columns = [column[late if number == len(leads) - 1 else 0 :] for number, column in enumerate(steps.T)]

    def checked(content: bytes) -> bytes:
        return struct.pack("<H", crc_hqx(content, 0xFFFF)) + content

    def section(number: int, content: bytes) -> bytes:
        return checked(struct.pack("<HI2B6x", number, 16 + len(content), 13, 13) + content)

    described = [
        struct.pack("<2IB", len(steps) - len(column) + 1, len(steps), names.index(name) + 1)
        for name, column in zip(leads, columns, strict=True)
    ]
    samples = [column.astype("<i2").tobytes() for column in columns]
    sizes = struct.pack(f"<2H2B{len(leads)}H", int(MICROVOLTS * 1000), 1_000_000 // rate_hz, 0, 0, *map(len, samples))
    sections = {
        3: section(3, bytes([len(leads), 4]) + b"".join(described)),
        6: section(6, sizes + b"".join(samples)),
    }
    first, place = 16 + 12 * 10, 7
    pointers = struct.pack("<H2I", 0, first, place)
    place += first
    for number in range(1, 12):
        size = len(sections.get(number, b""))
        pointers += struct.pack("<H2I", number, size, place if size else 0)
        place += size
    body = section(0, pointers) + b"".join(sections.values())
    path.write_bytes(checked(struct.pack("<I", 6 + len(body)) + body))


def write_aecg(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int) -> None:
    """HL7 annotated ECG: decimal digits per lead."""
    sequence = ('<component><sequence><code code="{}"/><value>{}</value></sequence></component>').format
    time = sequence("TIME_RELATIVE", f'<head value="0" unit="s"/><increment value="{1 / rate_hz!r}" unit="s"/>')
    scale = f'<origin value="0" unit="uV"/><scale value="{MICROVOLTS}" unit="uV"/>'
    sequences = [
        sequence(f"MDC_ECG_LEAD_{name.upper()}", f"{scale}<digits>{' '.join(map(str, column))}</digits>")
        for name, column in zip(leads, steps.T, strict=True)
    ]
    path.write_text(
        '<?xml version="1.0"?><AnnotatedECG xmlns="urn:hl7-org:v3"><component><series><code code="RHYTHM"/><component>'
        f"<sequenceSet>{time}{''.join(sequences)}</sequenceSet></component></series></component></AnnotatedECG>"
    )


def write_muse(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int) -> None:
    """GE MUSE: 16 bits in Base64 per lead, beside average beats that are none of the recording."""

    def lead(name: str, column: np.ndarray) -> str:
        coded = base64.b64encode(column.astype("<i2").tobytes()).decode()
        return (
            f"<LeadData><LeadID>{name}</LeadID><LeadAmplitudeUnitsPerBit>{MICROVOLTS}</LeadAmplitudeUnitsPerBit>"
            "<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadDataCRC32>1</LeadDataCRC32>"
            f"<WaveFormData>{coded}</WaveFormData></LeadData>"
        )

    def waveform(kind: str, samples: np.ndarray) -> str:
        stored = "".join(map(lead, leads, samples.T))
        base = f"<SampleBase>{rate_hz}</SampleBase><SampleExponent>0</SampleExponent>"
        return f"<Waveform><WaveformType>{kind}</WaveformType>{base}{stored}</Waveform>"

    path.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n'
        f"<RestingECG>{waveform('Median', steps[:100])}{waveform('Rhythm', steps)}</RestingECG>",
        encoding="iso-8859-1",
    )


def write_sierra(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int) -> None:
    """Philips: 16 bits in Base64, lead after lead, in a document of UTF-16 as its electrocardiographs write it."""
    coded = base64.b64encode(steps.T.astype("<i2").tobytes()).decode()
    path.write_text(
        '<?xml version="1.0" encoding="UTF-16"?><restingecgdata xmlns="http://www3.medical.philips.com"><documentinfo>'
        "<documenttype>SierraECG</documenttype><documentversion>1.03</documentversion></documentinfo>"
        f'<waveforms><parsedwaveforms compressflag="False" dataencoding="Base64" samplespersecond="{rate_hz}" '
        f'durationperchannel="{len(steps) * 1000 / rate_hz:g}" leadlabels="{" ".join(leads)}" '
        f'numberofleads="{len(leads)}" resolution="{MICROVOLTS}" signaloffset="0" signalsigned="True">{coded}'
        "</parsedwaveforms></waveforms></restingecgdata>",
        encoding="utf-16",
    )


def write_mortara(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int) -> None:
    """Mortara ELI: 16 bits in Base64 per channel."""
    channels = [
        f'<CHANNEL NAME="{name}" UNITS_PER_MV="{1000 / MICROVOLTS:g}" SAMPLE_FREQ="{rate_hz}" BITS="16" '
        f'FORMAT="SIGNED" ENCODING="BASE64" OFFSET="0" DURATION="{len(column)}" '
        f'DATA="{base64.b64encode(column.astype("<i2").tobytes()).decode()}"/>'
        for name, column in zip(leads, steps.T, strict=True)
    ]
    path.write_text(
        '<?xml version="1.0"?><ECG ACQUISITION_TIME="20240101100000.00"><SOURCE TYPE="RESTING" MANUFACTURER="Mortara '
        f'Instrument, Inc." MODEL="ELI 250"/>{"".join(channels)}</ECG>'
    )


def write_kardia(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int) -> None:
    """AliveCor: JSON with nanovolts per step."""
    samples = {f"lead{name}": column.tolist() for name, column in zip(leads, steps.T, strict=True)}
    raw = {"frequency": rate_hz, "amplitudeResolution": MICROVOLTS * 1000, "numLeads": len(leads), "samples": samples}
    path.write_text(json.dumps({"id": "x", "recordedAt": "2024-01-01T10:00:00Z", "data": {"raw": raw}}))


def write_mfer(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int) -> None:
    """MFER: definitions of tag, length and value; one block per channel."""
    codes = {name: code for code, name in enumerate(["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"], start=1)}

    def define(tag: int, value: bytes) -> bytes:
        length = bytes([len(value)]) if len(value) < 0x80 else b"\x84" + struct.pack(">I", len(value))
        return bytes([tag]) + length + value

    parts = [
        define(0x40, b"MFR Standard 12 leads ECG".ljust(32)),
        define(0x01, b"\0"),  # big-endian
        define(0x08, b"\0\1"),  # standard ECG
        define(0x0B, struct.pack(">BbI", 1, -6, 1_000_000 // rate_hz)),  # seconds
        define(0x0C, struct.pack(">BbI", 0, -7, int(MICROVOLTS * 10))),  # volts
        define(0x04, struct.pack(">I", len(steps))),
        define(0x05, bytes([len(leads)])),
        define(0x06, b"\1"),
        *(b"\x3f" + bytes([number, 3]) + define(0x09, bytes([codes[name]])) for number, name in enumerate(leads)),
        define(0x1E, steps.T.astype(">i2").tobytes()),
        b"\x80\0",
    ]
    path.write_bytes(b"".join(parts))


def write_dicom(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int) -> None:
    """DICOM: a multiplex group of 16 bits, by pydicom."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def coded(value: str, scheme: str, meaning: str) -> list[Dataset]:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
        return [code]

    def channel(name: str) -> Dataset:
        described = Dataset()
        described.ChannelSourceSequence = coded("0", "99LOCAL", f"Lead {name}")
        described.ChannelSensitivity, described.ChannelSensitivityCorrectionFactor = MICROVOLTS, 1
        described.ChannelSensitivityUnitsSequence = coded("uV", "UCUM", "microvolt")
        described.ChannelBaseline, described.WaveformBitsStored = 0, 16
        return described

    group = Dataset()
    group.WaveformOriginality, group.NumberOfWaveformChannels = "ORIGINAL", len(leads)
    group.NumberOfWaveformSamples, group.SamplingFrequency = len(steps), rate_hz
    group.ChannelDefinitionSequence = list(map(channel, leads))
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.add_new("WaveformData", "OW", steps.astype("<i2").tobytes())
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.9.1.1", generate_uid()
    dataset.WaveformSequence = [group]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


def write_acq(
    path: Path,
    leads: list[str],
    steps: np.ndarray,
    rate_hz: int,
    dividers: list[int] | None = None,
    compressed: bool = False,
) -> None:
    """AcqKnowledge 3.8: headers of fixed fields; samples channel beside channel, or compressed one after the other.

    A channel with a divider has a sample in each so many rounds.
    """
    from bioread import headers

    version = 41

    def structure(header: type, **values: object) -> bytes:
        filled = header.for_revision(version, "<")._struct_class()
        for key, value in values.items():
            setattr(filled, key, value)
        return bytes(filled)

    dividers = dividers or [1] * len(leads)
    columns = [column[::divider].astype("<i2") for column, divider in zip(steps.T, dividers, strict=True)]
    size = headers.GraphHeader.for_revision(version, "<").struct_length
    known = {"lVersion": version, "lExtItemHeaderLen": size, "nChannels": len(leads), "bCompressed": compressed}
    parts = [structure(headers.GraphHeader, dSampleTime=1000 / rate_hz, **known)]
    size = headers.ChannelHeader.for_revision(version, "<").struct_length
    for name, column, divider in zip(leads, columns, dividers, strict=True):
        known = {"lChanHeaderLen": size, "szCommentText": name.encode(), "szUnitsText": b"uV", "dAmplOffset": 0.0}
        counts = {"lBufLength": len(column), "dAmplScale": MICROVOLTS, "nVarSampleDivider": divider}
        parts.append(structure(headers.ChannelHeader, **known, **counts))
    parts.append(structure(headers.ForeignHeader, nLength=4))
    parts += [structure(headers.ChannelDTypeHeader, nSize=2, nType=2)] * len(leads)
    if compressed:
        parts += [structure(headers.MarkerHeader), structure(headers.JournalHeader, tag=(0x44, 0x33, 0x22, 0x11))]
        parts.append(structure(headers.MainCompressionHeader))
        for column in columns:
            packed = zlib.compress(column.tobytes())
            parts += [structure(headers.ChannelCompressionHeader, lCompressedLen=len(packed)), packed]
    elif set(dividers) == {1}:
        parts.append(steps.astype("<i2").tobytes())
    else:
        parts += [
            column[row // divider].tobytes()
            for row in range(len(steps))
            for column, divider in zip(columns, dividers, strict=True)
            if row % divider == 0
        ]
    path.write_bytes(b"".join(parts))


def write_opensignals(path: Path, leads: list[str], steps: np.ndarray, rate_hz: int, device: str = "bitalino") -> None:
    """OpenSignals: a group per device, counts around the middle of their range."""
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("00:07:80:3B:46:38")
        group.attrs.update({"sampling rate": rate_hz, "resolution": [16] * len(leads), "device": device})
        for number, (name, column) in enumerate(zip(leads, steps.T, strict=True), start=1):
            counts = group.create_dataset(f"raw/channel_{number}", data=(column + 2**15)[:, np.newaxis].astype("<u2"))
            counts.attrs.update({"label": f"CH{number}", "sensor": f"ECG {name}"})
        group.create_dataset("raw/nSeq", data=np.arange(len(steps))[:, np.newaxis] % 16)


def write_xdf(
    path: Path,
    leads: list[str],
    steps: np.ndarray,
    rate_hz: float,
    stamps_s: np.ndarray | None = None,
    kind: str = "ECG",
    markers: bool = True,
) -> None:
    """LabRecorder: chunks of a stream of samples, with a time stamp each, and of a stream of markers."""
    stamps_s = 1000 + np.arange(len(steps)) / rate_hz if stamps_s is None else stamps_s
    parts = [b"XDF:", _chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>')]
    parts += xdf_stream(1, kind, leads, steps, rate_hz, stamps_s)
    if markers:
        parts.append(_stream_header(2, "Markers", "string", 0, 1))
        text = b"begin"
        mark = b"\x08" + struct.pack("<d", stamps_s[0]) + b"\x01" + bytes([len(text)]) + text
        parts.append(_chunk(3, struct.pack("<I", 2) + b"\x01\x01" + mark))
    path.write_bytes(b"".join(parts))


def xdf_stream(
    stream: int, kind: str, leads: list[str], steps: np.ndarray, rate_hz: float, stamps_s: np.ndarray
) -> list[bytes]:
    """Make the chunks of one stream of samples; `write_xdf` puts them into a file."""
    channels = "".join(f"<channel><label>{name}</label><unit>microvolts</unit></channel>" for name in leads)
    values = (steps * MICROVOLTS).astype("<f4")
    parts = [_stream_header(stream, kind, "float32", rate_hz, len(leads), f"<channels>{channels}</channels>")]
    for start in range(0, len(values), 100):
        block = range(start, min(start + 100, len(values)))
        samples = [b"\x08" + struct.pack("<d", stamps_s[row]) + values[row].tobytes() for row in block]
        size = struct.pack("<I", len(block))
        parts.append(_chunk(3, struct.pack("<I", stream) + b"\x04" + size + b"".join(samples)))
    return parts + [_chunk(4, struct.pack("<Idd", stream, at_s, 0.0)) for at_s in (stamps_s[0], stamps_s[-1])]


def _chunk(tag: int, content: bytes) -> bytes:
    return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content


def _stream_header(stream: int, kind: str, form: str, rate_hz: float, count: int, described: str = "") -> bytes:
    info = (
        f"<info><name>my {kind}</name><type>{kind}</type><channel_count>{count}</channel_count><nominal_srate>{rate_hz}"
        f"</nominal_srate><channel_format>{form}</channel_format><desc>{described}</desc></info>"
    )
    return _chunk(2, struct.pack("<I", stream) + f'<?xml version="1.0"?>{info}'.encode())


WRITERS: Mapping[str, Callable[..., None]] = {
    "x.ecg": write_ishne,
    "x.scp": write_scp,
    "aecg.xml": write_aecg,
    "muse.xml": write_muse,
    "sierra.xml": write_sierra,
    "mortara.xml": write_mortara,
    "x.json": write_kardia,
    "x.mwf": write_mfer,
    "x.dcm": write_dicom,
    "x.acq": write_acq,
    "x.h5": write_opensignals,
    "x.xdf": write_xdf,
}
