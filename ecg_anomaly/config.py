"""Every setting of a run: read from YAML, merged, checked before any work."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

from ecg_anomaly.errors import UserError, first_few

_INSTALLED = Path(__file__).resolve().with_name("config.yaml")  # a wheel has it in the package
DEFAULT_CONFIG = _INSTALLED if _INSTALLED.is_file() else _INSTALLED.parent.parent / "config.yaml"
SCHEMA_FILE = DEFAULT_CONFIG.parent / "configs" / "config.schema.json"

# The sections that shape what each script writes. A later script refuses files made with others.
SHAPES_BEATS = ("records", "simulation", "split", "labels", "beat", "rhythm")
SHAPES_MODEL = (*SHAPES_BEATS, "patient", "model", "training")
SHAPES_SCORES = (*SHAPES_MODEL, "scoring", "threshold", "evaluation", "noise")

AamiClass = Literal["N", "S", "V", "F", "Q"]
Symbols = Annotated[dict[str, AamiClass], Field(min_length=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what NumPy takes
RecordPattern = Annotated[str, Field(pattern=r"^[\w.*?\[\]-]+/[\w.*?\[\]/-]+$")]
OneOrMore = BeforeValidator(
    lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=str | list[str]
)

ALL_OTHERS = "*"  # in place of a database

DETECTOR = "detector"  # a choice of beat.source

_KEY_ITSELF = "[key]"  # where pydantic places what is wrong with a key, not with its value
_FEWEST_SAMPLES = 8  # of a window: the convolutional network halves it three times


class Section(BaseModel):
    """A mapping of the file: unknown keys and values of another type are errors, and no number is infinite."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Paths(Section):
    records: Annotated[list[str], Field(min_length=1), OneOrMore]
    processed: str
    models: str
    outputs: str
    tensorboard: str | None

    @model_validator(mode="after")
    def _one_folder_per_script(self) -> Paths:
        if len({Path(folder) for folder in (self.processed, self.models, self.outputs)}) < 3:
            raise ValueError("processed, models and outputs must be three folders: each script writes its own")
        return self

    @property
    def record_folders(self) -> list[Path]:
        """The folders that hold one folder per database, in the order in which they are searched."""
        return [Path(folder) for folder in self.records]


class Records(Section):
    leads: list[str]
    lead_count: Annotated[int, Field(ge=1, le=12)]
    annotator: str | dict[str, str]
    skip_broken: bool

    @field_validator("annotator", mode="before", json_schema_input_type=str | dict[str, str])
    @classmethod
    def _is_extension(cls, annotator: object) -> object:
        given = [name for pair in annotator.items() for name in pair] if isinstance(annotator, dict) else [annotator]
        if not given or not all(
            isinstance(name, str) and re.fullmatch(rf"[\w-]+|\{ALL_OTHERS}", name) for name in given
        ):
            raise ValueError(
                "name the extension of the annotation files without its dot: atr; or that of each database: "
                f'{{mitdb: atr, ludb: ii, "{ALL_OTHERS}": atr}}'
            )
        return annotator

    def annotator_of(self, database: str) -> str | None:
        """Extension of the annotation files of a database; ``None`` if none is named for it."""
        if isinstance(self.annotator, str):
            return self.annotator
        return self.annotator.get(database, self.annotator.get(ALL_OTHERS))


class PhysioNet(Section):
    url: str
    databases: dict[str, str]


class Simulation(Section):
    patients: Annotated[int, Field(ge=1, le=999)]
    minutes: Annotated[float, Field(ge=0.5)]
    seed: Seed


class Split(Section):
    protocol: Literal["patients", "random_beats"]
    train: list[RecordPattern]
    validation: list[RecordPattern]
    test: list[RecordPattern]
    same_patient: list[list[RecordPattern]]
    records: list[RecordPattern]
    test_share: Share
    validation_share: Share
    fold: Annotated[int, Field(ge=0)]
    seed: Seed

    @property
    def has_validation(self) -> bool:
        """Whether there are validation beats: they set the threshold in place of folds of the training patients."""
        return self.protocol != "patients" or bool(self.validation)

    @model_validator(mode="after")
    def _names_records(self) -> Split:
        for name in ("train", "test") if self.protocol == "patients" else ("records",):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty, and protocol {self.protocol} needs it: name at least one record")
        if (self.fold + 1) * self.test_share > 1 + 1e-9:
            last = int(1 / self.test_share + 1e-9) - 1
            raise ValueError(f"fold {self.fold} does not exist: with test_share {self.test_share} the last is {last}")
        return self


class Labels(Section):
    aami: Symbols
    databases: dict[str, Symbols]

    def of(self, database: str) -> dict[str, AamiClass]:
        """Class of each symbol in the annotations of a database."""
        return self.databases.get(database, self.aami)


class Beat(Section):
    source: Literal["annotations", "detector"]
    sampling_rate_hz: Annotated[int, Field(ge=50, le=1000)]
    low_cut_hz: Positive
    high_cut_hz: Positive
    filter_half_length_s: Annotated[float, Field(ge=0.05, le=0.9)]
    realign_s: Annotated[float, Field(ge=0, le=0.2)]
    window_before_s: Annotated[float, Field(gt=0, le=2)]
    window_after_s: Annotated[float, Field(gt=0, le=2)]
    scaling: Literal["record_min_max", "beat_min_max", "beat_standardise"]
    scaling_beats: Count
    start_s: Annotated[float, Field(ge=0, le=300)]

    @model_validator(mode="after")
    def _fits_the_sampling_rate(self) -> Beat:
        if not self.low_cut_hz < self.high_cut_hz < self.sampling_rate_hz / 2:
            raise ValueError(
                f"low_cut_hz ({self.low_cut_hz}) must be below high_cut_hz ({self.high_cut_hz}), "
                f"and that below half of sampling_rate_hz ({self.sampling_rate_hz / 2:g})"
            )
        if self.samples < _FEWEST_SAMPLES:
            raise ValueError(
                f"window_before_s ({self.window_before_s}) and window_after_s ({self.window_after_s}) make a window "
                f"of {self.samples} samples at {self.sampling_rate_hz} Hz; it needs {_FEWEST_SAMPLES}"
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
    usual_quantile: Share
    least_spread: Positive
    in_time: Share


class Patient(Section):
    recent_beats: Count
    learn_from: Literal["earlier_beats", "known_normal_beats"]


class Model(Section):
    architecture: Literal["own_beat", "convolutional", "dense", "lstm", "tutorial"]
    latent_size: Count


class Training(Section):
    seed: Seed
    epochs: Count
    batch_size: Count
    beats_per_record: Count = 5000  # as good as all, as in models from before this key
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    ectopic_share: Annotated[float, Field(ge=0, lt=1)]
    restoration_weight: Positive
    folds: Annotated[int, Field(ge=2)]
    litert: Annotated[bool, Field(exclude=True)] = False  # changes no other file, so that none needs to be made anew


class Scoring(Section):
    components: Annotated[list[Literal["ectopy", "reconstruction", "patient", "rhythm"]], Field(min_length=1)]

    @field_validator("components")
    @classmethod
    def _no_component_twice(cls, components: list[str]) -> list[str]:
        if len(set(components)) < len(components):
            raise ValueError("a component is named twice")
        return components


class Threshold(Section):
    method: Literal["false_alarms_per_hour", "percentile"]
    false_alarms_per_hour: Positive
    percentile: Annotated[float, Field(gt=0, lt=100)]


class Evaluation(Section):
    leave_out: list[RecordPattern]
    resamples: Annotated[int, Field(ge=0)]


class RhythmEvents(Section):
    """Change what is told of a recording, and no file that scripts hand on."""

    pause_s: Positive
    slow_bpm: Positive
    fast_bpm: Positive
    sustained_s: Positive

    @model_validator(mode="after")
    def _slow_is_slower(self) -> RhythmEvents:
        if self.slow_bpm >= self.fast_bpm:
            raise ValueError(f"slow_bpm ({self.slow_bpm:g}) must be below fast_bpm ({self.fast_bpm:g})")
        return self


class Dask(Section):
    """Changes where work is done, and nothing that comes of it."""

    scheduler: str | None
    recordings_per_task: Count


class Noise(Section):
    records: list[RecordPattern]
    snr_db: Annotated[list[float], Field(min_length=1)]
    seed: Seed


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
    patient: Patient
    model: Model
    training: Training
    scoring: Scoring
    threshold: Threshold
    evaluation: Evaluation
    noise: Noise
    rhythm_events: RhythmEvents
    dask: Dask

    @model_validator(mode="after")
    def _every_database_has_an_annotator(self) -> Config:
        patterns = [*self.split.train, *self.split.validation, *self.split.test, *self.split.records]
        for database in dict.fromkeys(pattern.partition("/")[0] for pattern in [*patterns, *self.noise.records]):
            if self.records.annotator_of(database) is None:
                raise ValueError(
                    f'records.annotator has none for {database}; add it, or one for all others: "{ALL_OTHERS}": atr'
                )
        return self

    @model_validator(mode="after")
    def _score_is_learned(self) -> Config:
        if "ectopy" in self.scoring.components and not self.training.ectopic_share:
            raise ValueError(
                "scoring.components has ectopy, but with training.ectopic_share 0 the network is shown no ectopic beat "
                "to learn it from; raise ectopic_share, or take ectopy out"
            )
        return self

    @model_validator(mode="after")
    def _detected_beats_are_tested(self) -> Config:
        if self.beat.source == DETECTOR and self.split.protocol == "random_beats":
            raise ValueError(
                "beat.source: detector finds the beats of test records anew, but split.protocol random_beats shares "
                "the annotated beats of every record out; use beat.source: annotations, or split.protocol: patients"
            )
        return self


def load_config(path: Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read the default settings, lay a file and single values over them, and check the result.

    The keys of the file replace those of ``config.yaml`` one by one (lists as a whole); the overrides replace what the
    files say, ``section.key=value`` each, the value in YAML.

    Raises
    ------
    UserError
        When a file cannot be read, or a key or value is wrong: with the place, and for an unknown key the nearest one.
    """
    layers = [(DEFAULT_CONFIG.name, _read_yaml(DEFAULT_CONFIG))]
    if path is not None and path.resolve() != DEFAULT_CONFIG:
        layers.append((str(path), _read_yaml(path)))
    layers += [(f"--set {override}", _parse_override(override)) for override in overrides]
    try:
        return Config.model_validate(functools.reduce(_merge, [values for _, values in layers]))
    except ValidationError as error:
        problems = [f"{_sources(problem, layers)}: {_describe(problem)}" for problem in error.errors()]
        raise UserError(first_few(problems)) from None


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
    except (YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        mark = getattr(error, "problem_mark", None)
        place = f"{where}: line {mark.line + 1}" if mark else where
        problem = str(getattr(error, "problem", None) or error).splitlines()[0]
        if isinstance(error, DuplicateKeyError):
            key = problem.split('"')[1]
            raise UserError(f"{place}: the key {key} stands twice; keep one of them") from None
        raise UserError(f"{place}: not valid YAML: {problem}") from None


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
    """Lay one nested mapping over another, key by key."""
    both = {key for key in base.keys() & over.keys() if isinstance(base[key], dict) and isinstance(over[key], dict)}
    return base | over | {key: _merge(base[key], over[key]) for key in both}


def _sources(problem: Any, layers: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Name what says the value at fault: the last that has its key, or all where several values do not fit together."""
    holding = [source for source, values in layers if _holds(values, problem["loc"])] or [DEFAULT_CONFIG.name]
    return " with ".join(holding) if problem["type"] == "value_error" else holding[-1]


def _holds(values: Any, keys: Sequence[Any]) -> bool:
    """Tell whether a key stands in nested mappings; the parts of a value have no keys of their own."""
    return not keys or not isinstance(values, dict) or (keys[0] in values and _holds(values[keys[0]], keys[1:]))


def _describe(problem: Any) -> str:
    keys = [str(key) for key in problem["loc"] if key != _KEY_ITSELF]
    match "invalid_key" if _KEY_ITSELF in problem["loc"] else problem["type"]:
        case "extra_forbidden":
            wrong = f"unknown key{_nearest_key(keys)}"
        case "invalid_key":
            wrong = "a key is text; write it in quotes"
        case "missing":
            wrong = "this key is missing; config.yaml in the repository shows it"
        case "model_type" | "dict_type":
            wrong = f"must hold settings of its own, but it is {_shortened(problem['input'])}"
        case "string_pattern_mismatch":
            wrong = f"{problem['input']!r} names no record; write database/name, for example mitdb/100 or svdb/*"
        case "value_error":
            wrong = str(problem["ctx"]["error"])
        case _:
            message = problem["msg"][0].lower() + problem["msg"][1:]
            wrong = f"{message}, but it is {_shortened(problem['input'])}"
    return f"{'.'.join(keys)}: {wrong}" if keys else wrong  # without: where values of two sections do not fit together


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest_key(keys: list[str]) -> str:
    sections = {name: field.annotation for name, field in Config.model_fields.items()}
    known = [f"{name}.{key}" for name, section in sections.items() if section for key in section.model_fields]
    known += Config.model_fields
    near = difflib.get_close_matches(".".join(keys), known, n=1, cutoff=0.5)
    # A key that stands in the wrong section is nearest to itself in another one.
    elsewhere = [key for key in known if key.split(".")[-1] == keys[-1]]
    return f"; did you mean {(elsewhere or near)[0]}?" if elsewhere or near else ""
