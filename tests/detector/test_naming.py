import numpy as np
import pandas as pd

from ecg_anomaly.detector.naming import OTHER, S, V, call_beats


def test_a_flagged_beat_is_called_what_is_likeliest():
    beats = pd.DataFrame(
        {
            "log_odds_S": [-1.0, 2.0, 1.0, -3.0, 2.0, 0.0, np.nan],
            "log_odds_V": [3.0, 1.0, 4.0, -0.1, 2.0, 0.0, np.nan],
            "flagged": [True, True, False, True, True, True, False],
        }
    )
    assert call_beats(beats).tolist() == [V, S, "", OTHER, S, OTHER, ""]


def test_no_beats_have_no_names():
    nothing = pd.DataFrame({"log_odds_S": [], "log_odds_V": [], "flagged": []})
    assert call_beats(nothing).shape == (0,)
