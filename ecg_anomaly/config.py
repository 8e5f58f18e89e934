"""Every setting of a run: read from YAML, merged, checked before any work."""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from ecg_anomaly.errors import UserError

DEFAULT_CONFIG = Path(__file__).resolve().parent.parent / "config.yaml"
SCHEMA_FILE = DEFAULT_CONFIG.parent / "configs" / "config.schema.json"

# The sections that shape what each script writes. A later script refuses files made with others.
SHAPES_BEATS = ("records", "simulation", "split", "labels", "beat", "rhythm")
SHAPES_MODEL = (*SHAPES_BEATS, "model", "training")
SHAPES_SCORES = (*SHAPES_MODEL, "scoring", "threshold")

AamiClass = Literal["N", "S", "V", "F", "Q"]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
RecordPattern = Annotated[str, Field(pattern=r"^[\w.*?\[\]-]+/[\w.*?\[\]/-]+$")]


class Section(BaseModel):
    """A mapping of the file: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Paths(Section):
    records: str | Annotated[list[str], Field(min_length=1)]
    processed: str
    models: str
    outputs: str
    tensorboard: str | None

    @property
    def record_folders(self) -> list[Path]:
        """The folders that hold one folder per database, in the order in which they are searched."""
        folders = [self.records] if isinstance(self.records, str) else self.records
        return [Path(folder) for folder in folders]


class Records(Section):
    leads: list[str]
    lead_count: Annotated[int, Field(ge=1, le=12)]
    annotator: str
    skip_broken: bool


class PhysioNet(Section):
    url: str
    databases: dict[str, str]


class Simulation(Section):
    patients: Annotated[int, Field(ge=1, le=999)]
    minutes: Annotated[float, Field(ge=0.5)]
    seed: int


class Split(Section):
    protocol: Literal["patients", "random_beats"]
    train: list[RecordPattern]
    validation: list[RecordPattern]
    test: list[RecordPattern]
    records: list[RecordPattern]
    test_share: Share
    validation_share: Share
    fold: Annotated[int, Field(ge=0)]
    seed: int

    @model_validator(mode="after")
    def _names_records(self) -> Split:
        needed = ("train", "validation", "test") if self.protocol == "patients" else ("records",)
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"{name} is empty, and protocol {self.protocol} needs it: name at least one record")
        if (self.fold + 1) * self.test_share > 1 + 1e-9:
            last = int(1 / self.test_share + 1e-9) - 1
            raise ValueError(f"fold {self.fold} does not exist: with test_share {self.test_share} the last is {last}")
        return self


class Labels(Section):
    aami: Annotated[dict[str, AamiClass], Field(min_length=1)]


class Beat(Section):
    sampling_rate_hz: Annotated[int, Field(ge=50, le=1000)]
    low_cut_hz: Positive
    high_cut_hz: Positive
    filter_half_length_s: Annotated[float, Field(gt=0, le=0.9)]
    realign_s: Annotated[float, Field(ge=0, le=0.2)]
    window_before_s: Annotated[float, Field(gt=0, le=2)]
    window_after_s: Annotated[float, Field(gt=0, le=2)]
    scaling: Literal["record_min_max", "beat_min_max", "beat_standardise"]
    scaling_beats: Count
    start_s: Annotated[float, Field(ge=0, le=300)]

    @model_validator(mode="after")
    def _band_fits(self) -> Beat:
        if not self.low_cut_hz < self.high_cut_hz < self.sampling_rate_hz / 2:
            raise ValueError(
                f"low_cut_hz ({self.low_cut_hz}) must be below high_cut_hz ({self.high_cut_hz}), "
                f"and that below half of sampling_rate_hz ({self.sampling_rate_hz / 2:g})"
            )
        return self

    @property
    def samples_before(self) -> int:
        """Samples of a window before its fiducial point."""
        return round(self.window_before_s * self.sampling_rate_hz)

    @property
    def samples(self) -> int:
        """Samples of a window."""
        return self.samples_before + round(self.window_after_s * self.sampling_rate_hz)


class Rhythm(Section):
    longest_rr_s: Positive
    recent_beats: Count


class Model(Section):
    architecture: Literal["convolutional", "dense", "lstm"]
    latent_size: Count


class Training(Section):
    seed: Annotated[int, Field(ge=0)]
    epochs: Count
    batch_size: Count
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    patience: Count
    lead_dropout: Annotated[float, Field(ge=0, lt=1)]


class Scoring(Section):
    components: Annotated[list[Literal["reconstruction"]], Field(min_length=1)]

    @field_validator("components")
    @classmethod
    def _no_component_twice(cls, components: list[str]) -> list[str]:
        if len(set(components)) < len(components):
            raise ValueError("a component is named twice")
        return components


class Threshold(Section):
    method: Literal["percentile", "mean_std", "best_f1"]
    percentile: Annotated[float, Field(gt=0, lt=100)]
    standard_deviations: Positive


class Config(Section):
    """All sections of ``config.yaml``."""

    paths: Paths
    records: Records
    physionet: PhysioNet
    simulation: Simulation
    split: Split
    labels: Labels
    beat: Beat
    rhythm: Rhythm
    model: Model
    training: Training
    scoring: Scoring
    threshold: Threshold

    def sections(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the named sections as plain values, for a manifest."""
        return self.model_dump(include=set(names))


def load_config(path: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read the default settings, lay a file and single values over them, and check the result.

    Parameters
    ----------
    path
        A file whose keys replace those of ``config.yaml``, one by one (lists as a whole);
        ``None`` for ``config.yaml`` alone.
    overrides
        ``section.key=value`` each, the value in YAML; they replace what the files say.

    Raises
    ------
    UserError
        When a file cannot be read, or a key or value is wrong: with the place, and for an unknown
        key the nearest known one.
    """
    values = _read_yaml(DEFAULT_CONFIG)
    source = str(DEFAULT_CONFIG.name)
    if path is not None and path.resolve() != DEFAULT_CONFIG:
        values = _merge(values, _read_yaml(path))
        source = str(path)
    for override in overrides:
        values = _merge(values, _parse_override(override))
    return validate(values, source)


def validate(values: dict[str, Any], source: str) -> Config:
    """Check plain values; ``source`` names their file in an error."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        problems = [_describe(problem) for problem in error.errors()]
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise UserError(f"{source}: {'; '.join(problems[:3])}{more}") from None


def differences(made_with: dict[str, Any], now: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Walk two nested mappings; yield each key that differs, with the old and the new value."""
    for key in sorted(made_with.keys() | now.keys()):
        old, new = made_with.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from differences(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"{prefix}{key}", old, new


def write_schema(path: Path = SCHEMA_FILE) -> None:
    """Write the JSON schema with which editors complete and check ``config.yaml``."""
    schema = Config.model_json_schema()
    # A variant holds only what differs, so that no key is required in a file of its own.
    for definition in [schema, *schema["$defs"].values()]:
        definition.pop("required", None)
    path.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such config file; --config takes one, configs/ has examples") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a config file: {error}") from None
    values = _parse_yaml(text, str(path))
    if not isinstance(values, dict):
        raise UserError(f"{path}: holds no settings; a config file is a mapping such as 'training: {{epochs: 5}}'")
    return values


def _parse_yaml(text: str, where: str) -> Any:
    # YAML 1.2: 1e-3 is a number, and two equal keys are an error.
    try:
        return YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "?"
        raise UserError(f"{where}: line {line}: the key {key} stands twice; keep one of them") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UserError(f"{where}: {line}not valid YAML: {problem}") from None


def _parse_override(override: str) -> dict[str, Any]:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise UserError(f"--set {override}: write it as section.key=value, for example training.epochs=5")
    value = _parse_yaml(text, f"--set {override}")
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = copy.copy(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _describe(problem: Any) -> str:
    keys = [str(key) for key in problem["loc"]]
    place = ".".join(keys) or "the whole file"
    match problem["type"]:
        case "extra_forbidden":
            return f"{place}: unknown key{_nearest_key(keys)}"
        case "missing":
            return f"{place}: this key is missing; config.yaml in the repository shows it"
        case "value_error":
            return f"{place}: {problem['ctx']['error']}"
        case "string_pattern_mismatch":
            return (
                f"{place}: {problem['input']!r} names no record; write database/name, for example mitdb/100 or svdb/*"
            )
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{place}: {message}, but it is {_shortened(problem['input'])}"


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest_key(keys: list[str]) -> str:
    known = list(_dotted_keys(Config))
    near = difflib.get_close_matches(".".join(keys), known, n=1, cutoff=0.5)
    # A key that stands in the wrong section is nearest to itself in another one.
    elsewhere = [key for key in known if key.split(".")[-1] == keys[-1]]
    if elsewhere or near:
        return f"; did you mean {(elsewhere or near)[0]}?"
    return ""


def _dotted_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _dotted_keys(field.annotation, f"{prefix}{name}.")
