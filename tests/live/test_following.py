"""Several signals at once: one thread analyses what the threads of all sources read."""

from fractions import Fraction

import numpy as np
import pytest

from ecg_anomaly.errors import UserError
from ecg_anomaly.live.following import Followed, follow
from ecg_anomaly.live.session import Session
from ecg_anomaly.live.sources import Portion
from ecg_anomaly.live.views import LineView
from ecg_anomaly.records.simulate import simulate_record

RATE_HZ = Fraction(360)


class Scripted:
    """Gives ten seconds of signal at once, so many times, then fails or ends; or gives nothing more, without end."""

    origin, waits, sampling_rate_hz, leads, notes = "test", True, RATE_HZ, ("II", "V1"), ()

    def __init__(self, name, parts, then="ends"):
        self.name, self._parts, self._then = name, parts, then

    def portions(self):
        signals_mv = simulate_record(7, 1, seed=1).signals_mv
        for part in np.array_split(signals_mv, 6)[: self._parts]:
            yield Portion(part)
        if self._then == "fails":
            raise UserError(f"{self.name}: the cable is broken")
        if self._then == "is wrong":
            raise ZeroDivisionError
        while self._then == "waits":
            yield Portion(np.empty((0, 2)))


@pytest.fixture
def followed(detector):
    def make(*sources):
        return [
            Followed(source.name, source, Session(detector, RATE_HZ, source.leads), None, LineView(source.name))
            for source in sources
        ]

    return make


def test_one_that_fails_or_ends_does_not_end_the_others(followed, capsys):
    signals = followed(Scripted("a", 1, "fails"), Scripted("b", 2), Scripted("c", 6, "waits"))
    follow(signals, longest_s=45.0)
    assert [each.session.tally.duration_s for each in signals] == [10.0, 20.0, 45.0]
    assert [each.error for each in signals] == ["a: the cable is broken", "", ""]
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("a  ", "b  ", "c  ")) for line in lines)
    assert any("ends: a: the cable is broken" in line for line in lines)


def test_what_is_found_is_that_of_one_alone(followed):
    signals = followed(*(Scripted(name, 6) for name in "abc"))
    follow(signals)
    counts = {each.session.tally.words() for each in signals}
    assert len(counts) == 1
    (alone,) = followed(Scripted("d", 6))
    follow([alone])
    assert counts == {alone.session.tally.words()}


def test_a_mistake_in_a_source_is_not_hidden(followed):
    with pytest.raises(ZeroDivisionError):
        follow(followed(Scripted("a", 1, "is wrong"), Scripted("b", 1, "waits")))
