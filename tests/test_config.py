"""Settings: loaded, merged, overridden, and every mistake answered in words."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ecg_anomaly import config
from ecg_anomaly.errors import UserError
from tests.conftest import ROOT

VARIANTS = sorted((ROOT / "configs").glob("*.yaml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistake(*overrides: str, path: Path | None = None) -> str:
    """Load settings with a mistake; give what the user is told."""
    with pytest.raises(UserError) as caught:
        config.load_config(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_default_settings_load():
    settings = config.load_config()

    assert settings.split.protocol == "patients"
    assert settings.beat.samples == 108
    assert settings.labels.aami["/"] == "Q"
    assert settings.paths.record_folders == [Path("data/raw")]


def test_naming_the_default_file_changes_nothing():
    assert config.load_config(config.DEFAULT_CONFIG) == config.load_config()


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.name)
def test_variant_loads_and_keeps_off_the_default_run(path: Path):
    default, variant = config.load_config(), config.load_config(path)

    shaped_by = {"processed": config.SHAPES_BEATS, "models": config.SHAPES_MODEL, "outputs": config.SHAPES_SCORES}
    for folder, sections in shaped_by.items():
        shared = getattr(variant.paths, folder) == getattr(default.paths, folder)
        assert not shared or variant.model_dump(include=set(sections)) == default.model_dump(include=set(sections))
    assert variant.paths.outputs != default.paths.outputs


def test_file_merges_key_by_key_and_replaces_lists(tmp_path: Path):
    path = write(tmp_path, "training: {epochs: 3}\nrecords:\n  leads: [V5]\nlabels:\n  aami: {e: S}\n")
    merged, default = config.load_config(path), config.load_config()

    assert merged.training.epochs == 3
    assert merged.training.batch_size == default.training.batch_size
    assert merged.records.leads == ["V5"]
    assert merged.labels.aami == {**default.labels.aami, "e": "S"}


def test_override_goes_over_the_file_and_the_last_one_wins(tmp_path: Path):
    path = write(tmp_path, "training: {epochs: 3, folds: 2}\n")
    settings = config.load_config(path, ["training.epochs=4", "training.epochs=5", "labels.aami./=N"])

    assert (settings.training.epochs, settings.training.folds) == (5, 2)
    assert settings.labels.aami["/"] == "N"


def test_override_is_read_as_yaml():
    settings = config.load_config(
        None, ["training.learning_rate=1e-4", "split.test=[svdb/*]", "paths={tensorboard: 'a=b', records: [x, y]}"]
    )

    assert settings.training.learning_rate == 1e-4
    assert settings.split.test == ["svdb/*"]
    assert settings.paths.tensorboard == "a=b"
    assert settings.paths.record_folders == [Path("x"), Path("y")]
    assert settings.paths.processed == "data/processed"


def test_power_of_ten_is_a_number(tmp_path: Path):
    settings = config.load_config(write(tmp_path, "training: {learning_rate: 1e-3}\n"))

    assert settings.training.learning_rate == 0.001


def test_whole_number_serves_where_a_number_is_asked_for():
    assert config.load_config(None, ["beat.high_cut_hz=35"]).beat.high_cut_hz == 35.0


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.epoch=5", "training.epoch: unknown key; did you mean training.epochs?"),
        ("trainig.epochs=5", "trainig: unknown key; did you mean training?"),
        ("epochs=5", "epochs: unknown key; did you mean training.epochs?"),
        ("beat.latent_size=5", "beat.latent_size: unknown key; did you mean model.latent_size?"),
        ("zzzzzz=5", "zzzzzz: unknown key"),
    ],
)
def test_unknown_key_comes_with_the_nearest_known_one(override: str, expected: str):
    assert mistake(override) == f"--set {override}: {expected}"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.epochs=many", "training.epochs: input should be a valid integer, but it is 'many'"),
        ("training.epochs=5.5", "training.epochs: input should be a valid integer, but it is 5.5"),
        ("training.epochs=true", "training.epochs: input should be a valid integer, but it is True"),
        ("training.epochs=", "training.epochs: input should be a valid integer, but it is None"),
        ("training.epochs.most=5", "training.epochs: input should be a valid integer, but it is {'most': 5}"),
        ("training=5", "training: must hold settings of its own, but it is 5"),
        ("training=", "training: must hold settings of its own, but it is None"),
        ("labels.aami=N", "labels.aami: must hold settings of its own, but it is 'N'"),
        ("labels.aami={1: N}", "labels.aami.1: a key is text; write it in quotes"),
        ("records.skip_broken=yes", "records.skip_broken: input should be a valid boolean, but it is 'yes'"),
        ("split.train=mitdb/100", "split.train: input should be a valid list, but it is 'mitdb/100'"),
        ("split.train=[100]", "split.train.0: input should be a valid string, but it is 100"),
        ("paths.records=5", "paths.records: input should be a valid list, but it is 5"),
        ("physionet.databases.mitdb=1.0", "physionet.databases.mitdb: input should be a valid string, but it is 1.0"),
    ],
)
def test_wrong_type_is_named(override: str, expected: str):
    assert mistake(override) == f"--set {override}: {expected}"


@pytest.mark.parametrize("value", [".atr", "5", "{}", "{mitdb: [atr]}", "{3: atr}", "{mitdb: .atr}"])
def test_annotator_is_an_extension_or_one_for_each_database(value: str):
    told = (
        "records.annotator: name the extension of the annotation files without its dot: atr; or that of each database: "
    )
    assert told in mistake(f"records.annotator={value}")


def test_annotators_and_symbols_may_differ_by_database():
    test = "split.test=[ludb/1, svdb/*]"
    settings = config.load_config(None, [test, "records.annotator={ludb: ii, '*': atr}", "labels.databases.ludb.N=Q"])
    assert [settings.records.annotator_of(database) for database in ("ludb", "mitdb", "svdb")] == ["ii", "atr", "atr"]
    assert settings.labels.of("ludb") == {"N": "Q"}
    assert settings.labels.of("mitdb") == settings.labels.aami
    assert config.load_config().records.annotator_of("any") == "atr"
    with pytest.raises(
        UserError, match=r'records.annotator has none for svdb; add it, or one for all others: "\*": atr'
    ):
        config.load_config(None, [test, "records.annotator={ludb: ii, mitdb: atr}"])


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.epochs=0", "training.epochs: input should be greater than or equal to 1, but it is 0"),
        ("training.folds=1", "should be greater than or equal to 2"),
        ("training.ectopic_share=1.0", "should be less than 1"),
        ("training.learning_rate=2", "should be less than or equal to 1"),
        ("training.learning_rate=.nan", "should be a finite number"),
        ("rhythm.longest_rr_s=.inf", "should be a finite number"),
        ("training.seed=-1", "should be greater than or equal to 0"),
        ("training.seed=4294967296", "should be less than 4294967296"),
        ("split.seed=-1", "should be greater than or equal to 0"),
        ("simulation.seed=-1", "should be greater than or equal to 0"),
        ("beat.filter_half_length_s=0.001", "should be greater than or equal to 0.05"),
        ("beat.filter_half_length_s=1", "should be less than or equal to 0.9"),
        ("threshold.percentile=100", "should be less than 100"),
        ("split.test_share=1.0", "should be less than 1"),
        ("records.lead_count=0", "should be greater than or equal to 1"),
        ("model.architecture=cnn", "but it is 'cnn'"),
        ("labels.databases={ludb: {}}", "should have at least 1 item"),
        ("labels.databases.ludb.N=X", "should be 'N', 'S', 'V', 'F' or 'Q', but it is 'X'"),
        ("labels.aami.N=X", "should be 'N', 'S', 'V', 'F' or 'Q', but it is 'X'"),
        ("scoring.components=[]", "should have at least 1 item"),
        ("split.train=[mitdb]", "'mitdb' names no record; write database/name, for example mitdb/100 or svdb/*"),
    ],
)
def test_value_out_of_range_is_named(override: str, expected: str):
    message = mistake(override)

    assert message.startswith(f"--set {override}: {override.partition('=')[0]}")
    assert expected in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("split.test=[]", "split: test is empty, and protocol patients needs it: name at least one record"),
        ("split.protocol=random_beats", "split: records is empty, and protocol random_beats needs it"),
        ("split.fold=5", "split: fold 5 does not exist: with test_share 0.2 the last is 4"),
        ("beat.high_cut_hz=70", "beat: low_cut_hz (0.5) must be below high_cut_hz (70.0)"),
        ("beat.low_cut_hz=50", "beat: low_cut_hz (50.0) must be below high_cut_hz (40.0)"),
        (
            "beat={window_before_s: 0.01, window_after_s: 0.02}",
            "beat: window_before_s (0.01) and window_after_s (0.02) make a window of 3 samples at 120 Hz; it needs 8",
        ),
        ("scoring.components=[reconstruction, reconstruction]", "scoring.components: a component is named twice"),
        ("paths.models=outputs", "paths: processed, models and outputs must be three folders"),
    ],
)
def test_values_that_do_not_fit_together_are_named(override: str, expected: str):
    assert mistake(override).startswith(f"config.yaml with --set {override}: {expected}")


def test_what_the_network_is_not_taught_cannot_count():
    message = mistake("training.ectopic_share=0.0")
    assert ": scoring.components has ectopy, but with training.ectopic_share 0 the network is shown no" in message
    plain = config.load_config(overrides=["training.ectopic_share=0.0", "scoring.components=[reconstruction]"])
    assert plain.scoring.components == ["reconstruction"]


def test_validation_records_may_be_left_to_folds():
    assert not config.load_config(overrides=["split.validation=[]"]).split.has_validation
    assert config.load_config(overrides=["split.validation=[mitdb/114]"]).split.has_validation
    assert config.load_config(ROOT / "configs" / "random_beats.yaml").split.has_validation


def test_beats_of_all_patients_shared_out_cannot_be_detected_ones():
    message = mistake("beat.source=detector", path=ROOT / "configs" / "random_beats.yaml")
    assert ": beat.source: detector finds the beats of test records anew, but split.protocol random_beats" in message
    assert message.endswith("use beat.source: annotations, or split.protocol: patients")


def test_mistake_is_told_with_the_file_that_makes_it(tmp_path: Path):
    path = write(tmp_path, "training:\n  epochs: 0\n")

    assert mistake("training.folds=2", path=path).startswith(f"{path}: training.epochs: ")
    assert mistake("training.epochs=-1", path=path).startswith("--set training.epochs=-1: training.epochs: ")


def test_mistake_in_the_default_file_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = tmp_path / "config.yaml"
    text = config.DEFAULT_CONFIG.read_text(encoding="utf-8")
    broken.write_text(re.sub(r"\n  folds:.*", "", text).replace("epochs: 16", "epochs: -16"), encoding="utf-8")
    monkeypatch.setattr(config, "DEFAULT_CONFIG", broken)

    message = mistake("model.latent_size=6")
    assert "config.yaml: training.epochs: input should be greater than or equal to 1, but it is -16" in message
    assert "config.yaml: training.folds: this key is missing" in message


def test_many_mistakes_fit_in_one_line():
    message = mistake(*(f"training.wrong_{number}=1" for number in range(5)))

    assert message.count("unknown key") == 3
    assert message.endswith("(and 2 more)")


@pytest.mark.parametrize("override", ["training", "=5", "training..epochs=5", ".epochs=5"])
def test_override_without_key_and_value_is_explained(override: str):
    assert mistake(override) == f"--set {override}: write it as section.key=value, for example training.epochs=5"


def test_duplicate_key_is_named_with_its_line(tmp_path: Path):
    path = write(tmp_path, "training:\n  epochs: 1\n  folds: 2\n  epochs: 2\n")

    assert mistake(path=path) == f"{path}: line 4: the key epochs stands twice; keep one of them"
    assert "the key a stands twice" in mistake("training={a: 1, a: 2}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("training:\n  epochs: [1\nbeat: {}\n", "line 3: "),
        ("training:\n\tepochs: 1\n", "line 2: "),
        ("training: *unknown\n", "line 1: "),
        ("training: {epochs: !!python/name:os.system x}\n", "line 1: "),
        ("a: 1\n---\nb: 2\n", "line 2: "),
        ("day: 2020-99-99\n", ""),
        ("training: \x00\n", ""),
    ],
)
def test_bad_yaml_is_named_with_its_line(tmp_path: Path, text: str, line: str):
    path = write(tmp_path, text)

    assert mistake(path=path).startswith(f"{path}: {line}not valid YAML: ")


def test_bad_yaml_in_an_override_is_named():
    assert mistake("training.epochs=[1").startswith("--set training.epochs=[1: line 1: not valid YAML: ")


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "- a list\n", "words\n"])
def test_file_without_settings_is_named(tmp_path: Path, text: str):
    path = write(tmp_path, text)

    assert mistake(path=path).startswith(f"{path}: holds no settings")


def test_file_that_is_missing_a_folder_or_no_text_is_named(tmp_path: Path):
    missing, image = tmp_path / "none.yaml", tmp_path / "image.png"
    image.write_bytes(b"\x89PNG\xff\xfe")

    assert mistake(path=missing) == f"{missing}: no such config file; --config takes one, configs/ has examples"
    assert mistake(path=tmp_path).startswith(f"{tmp_path}: cannot be read as a config file: ")
    assert mistake(path=image).startswith(f"{image}: cannot be read as a config file: ")


def test_schema_file_is_up_to_date(tmp_path: Path):
    config.write_schema(tmp_path / "schema.json")

    written, kept = (path.read_text(encoding="utf-8") for path in (tmp_path / "schema.json", config.SCHEMA_FILE))
    assert json.loads(written) == json.loads(kept), "run make schema"


@pytest.mark.parametrize("path", [config.DEFAULT_CONFIG, *VARIANTS], ids=lambda path: path.name)
def test_schema_accepts_what_loads(path: Path):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(config.SCHEMA_FILE.read_text(encoding="utf-8"))

    jsonschema.validate(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")), schema)


def test_schema_knows_every_section_and_forbids_unknown_keys():
    schema = json.loads(config.SCHEMA_FILE.read_text(encoding="utf-8"))

    assert set(schema["properties"]) == set(config.Config.model_fields)
    assert all(definition["additionalProperties"] is False for definition in [schema, *schema["$defs"].values()])
