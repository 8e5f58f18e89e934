"""What the names of channels say: which is an ECG lead, and which is another signal."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Names by which databases and devices call leads: I, aVR, V1, V3R, MLII, MCL1, CM5, vx, E-S, ... Not D1, which is lead
# I in Spanish and an electrode on the scalp of a BioSemi cap, nor X, which may be an acceleration.
_LEAD = re.compile(
    r"i{1,3}|-?av[rlf]|v[1-9]r?|v[xyz]|m?l(i{1,3}|[1-6])|m?cl[1-6]|m[vcx][1-6]|c[bcmrs][2-6]|[aes]-?[ais]|"
    r"(mod\.? ?)v[1-6]",
    re.IGNORECASE,
)
_ECG = re.compile(r"ecg|ekg|экг|ηκγ|心电|心電|심전도|electrocardio|\blead\b", re.IGNORECASE)
_BEFORE_LEAD = re.compile(
    r"^((ecg|ekg|lead|channel|ch|ableitung|d[eé]riv(ation|aci[oó]n|a[cç][aã]o|azione))[\s_:.-]*)+", re.IGNORECASE
)
_OTHER = re.compile(
    r"(eeg|eog|emg|eda|gsr|resp[a-z]*|rsp|breath[a-z]*|atem|atmung|thor[a-z]*|abd[a-z]*|chest|flow|airflow|pleth[a-z]*|ppg|bvp|spo2|sao2|co2|abp|art"
    r"|pap|cvp|bp|red|ir|infrared|green|acc(el[a-z]*)?|gyro?|gyroscope|mag|pos(ition)?|temp[a-z]*|snor[a-z]*|battery"
    r"|hr|heart ?rate|pulse?|pouls|rr|ibi|label|target|anomaly|ann(otations?)?|class|event|marker|trigger|status"
    r"|quality|beats?|r_?peaks?|lod|leads? ?off|counter|seq(uence)?)"
    r"([\s_:.(-].*|[0-9]*)",
    re.IGNORECASE,
)
# What is computed of an ECG and named after it: ECG_Rate, ECG_R_Peaks.
_OF_AN_ECG = re.compile(
    r"(id|rate|hr|bpm|quality|r_?peaks?|[pqrst]_(peaks?|onsets?|offsets?)|phase_.*|labels?|status|class|ann(otations?)?|time"
    r"|timestamps?|leads? ?off|lod)",
    re.IGNORECASE,
)
# The usual order of the twelve leads, limbs before chest, and of what is recorded in their place.
_LIMB_LEADS = ("i", "mli", "ii", "mlii", "iii", "mliii", "avr", "-avr", "avl", "avf")
_STANDARD_ORDER = (*_LIMB_LEADS, *(f"v{number}" for number in range(1, 10)))
# Electrodes of an EEG (the 10-20 system), but for C3, T3 and the like, which chests have too.
_SCALP = re.compile(
    r"(fp[12z]|af[3478z]|f[34789z]|fc[1-6z]|fz|cz|cp[1-6z]|pz|p[3478]|po[3478z]|oz|o[12])(-.*)?", re.IGNORECASE
)


def lead_name(label: str) -> str:
    """Make a lead's own name of a label (``ECG II`` becomes ``II``); any other label stays as it is."""
    plain = " ".join(label.split())
    bare = _BEFORE_LEAD.sub("", plain)
    return bare if is_lead_name(bare) else plain


def is_lead_name(name: str) -> bool:
    """Tell whether this is what one lead is called, among the twelve or elsewhere on the chest."""
    return bool(_LEAD.fullmatch(name))


def looks_like_ecg(label: str) -> bool:
    """Tell whether a label is a lead's name or says that its channel is an ECG."""
    if _OF_AN_ECG.fullmatch(_BEFORE_LEAD.sub("", label.strip())):
        return False
    return bool(is_lead_name(lead_name(label)) or _ECG.search(label))


def looks_like_other_signal(label: str) -> bool:
    """Tell whether a label names another signal than an ECG: EEG, respiration, heart rate, annotations, ..."""
    plain = label.strip()
    if _OF_AN_ECG.fullmatch(_BEFORE_LEAD.sub("", plain)):
        return True
    return not looks_like_ecg(label) and bool(_OTHER.fullmatch(plain) or _SCALP.fullmatch(plain))


def lead_called(name: str) -> str:
    """Write a lead's name with its article: ``lead II``; a lead without a name is called ``lead 1`` already."""
    return name if name.lower().startswith("lead ") else f"lead {name}"


def standard_order(names: Sequence[str]) -> list[int]:
    """Give the places of leads in the usual order of the twelve; all others follow as they are."""
    places = {name: place for place, name in enumerate(_STANDARD_ORDER)}
    return sorted(range(len(names)), key=lambda lead: places.get(names[lead].lower(), len(places)))


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Give names to leads that have none, and numbers to those whose name an earlier one has."""
    given: dict[str, str] = {}  # by the name in small letters
    for number, name in enumerate(names, start=1):
        plain = name or f"lead {number}"
        free, used = plain, 1
        while free.lower() in given:
            used += 1
            free = f"{plain} ({used})"
        given[free.lower()] = free
    return tuple(given.values())
