import pytest

from ecg_anomaly.records.tables.header import Header, read_header


@pytest.mark.parametrize(
    ("line", "rate_hz"),
    [
        *[
            (line, 250)
            for line in ("Fs=250", "# fs: 250", "sampling_rate: 250", "frequency,250", "Sample Rate\t250 Hz")
        ],
        *[(line, 250) for line in ("# Sampling Rate (Hz):= 250.00", "%Sample Rate = 250.0 Hz", "Rate: 0.25 kHz")],
        *[(line, 250) for line in ("4 msec/sample", "250 samples/second", "Interval=\t0.004 s", "dt=0.004")],
        *[
            (line, 250)
            for line in ("Sampling Interval (ms),4", "# sampled: sampling rate of 250 Hz", "Messrate;250 Hz")
        ],
        ("Fs 250", 250),
        *[(line, 250) for line in ('# {"sampling_rate": 250}', "Frecuencia de muestreo: 250", "采样率,250赫兹")],
        ("Sampling frequency: 257,5 Hz", 257.5),
        ("SampleRate=1,000 Hz", 1000),
        *[(line, None) for line in ("High pass filter: 20 Hz", "Notch: 50 Hz", "Heart rate: 70", "Samples: 15000")],
        *[
            (line, None)
            for line in ("Sample Rate: 0", "Age: 50", "Name,Rolf Hertz", "Mains frequency: 50 Hz", "time,250")
        ],
    ],
)
def test_sampling_rate_is_found_in_what_devices_write(line, rate_hz):
    assert read_header(["made by a device", line]).sampling_rate_hz == rate_hz


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["ChannelTitle=\tECG\tResp", "UnitName=\tmV\t*"], Header((), ("ECG", "Resp"), ("mV", ""))),
        (["2 channels", "ECG, X", "mV", "RSP", "Volts"], Header((), ("ECG, X", "RSP"), ("mV", "Volts"))),
        (["Lead,Lead I", "Unit,µV"], Header((), ("Lead I",), ("µV",))),
        (["# Labels:= ECG,EDA"], Header((), ("ECG", "EDA"))),
        (['# {"channels": ["ECG", "RSP"], "units": ["mV", "V"]}'], Header((), ("ECG", "RSP"), ("mV", "V"))),
        (["Channels: 2", "{no: JSON}", "99 channels", "=", ""], Header()),
    ],
)
def test_names_and_units_are_found_in_what_devices_write(lines, expected):
    assert read_header(lines) == expected
