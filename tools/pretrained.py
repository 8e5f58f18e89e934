"""Put the detector that comes with the package together: ``make pretrained``, which trains and evaluates it first.

From the runs of configs/pretrained.yaml, whose detector it is, and of config.yaml, whose figures for patients that no
training saw stand on its card.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path

import pandas as pd

from ecg_anomaly import commandline
from ecg_anomaly.config import SHAPES_SCORES, Config, load_config
from ecg_anomaly.detector.stream import analyse
from ecg_anomaly.handover.model import CARD, EXPECTED, PACKAGED, REFERENCE, WEIGHTS, check_detector, read_detector
from ecg_anomaly.handover.scores import METRICS, THRESHOLD, OverallFigures, read_metrics
from ecg_anomaly.manifest import folder_fingerprint, handover, read_manifest
from ecg_anomaly.records.recording import open_recording
from ecg_anomaly.records.simulate import write_database
from ecg_anomaly.words import number

_MINUTES, _SEED = 3.0, 7  # of the simulated record


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add where the figures of patients come from that no training saw."""
    parser.add_argument("--tested", metavar="FOLDER", help="results of config.yaml; default: its paths.outputs")


def pretrained(config: Config, options: argparse.Namespace) -> None:
    """Write the folder of the detector into the package."""
    paths = load_config().paths
    tested = options.tested or paths.outputs
    read_manifest(tested, made_by="evaluate_model.py")
    own = check_detector(config)
    models, outputs = Path(own.paths.models), Path(own.paths.outputs)
    with handover(PACKAGED) as output:
        for source in (models / WEIGHTS, models / REFERENCE, outputs / THRESHOLD, Path(tested) / METRICS):
            shutil.copyfile(source, output.path(source.name))
        scores_of_simulated(own).to_csv(output.path(EXPECTED), index=False)
        output.path(CARD).write_text(_card(own, tested), encoding="utf-8")
        inputs = dict(map(folder_fingerprint, (models, outputs)))
        # With the paths of config.yaml: where it was trained is nobody's business.
        output.describe("make pretrained", config.model_copy(update={"paths": paths}), SHAPES_SCORES, inputs)
    print(f"Wrote the detector to {PACKAGED}")


def scores_of_simulated(config: Config) -> pd.DataFrame:
    """Score the beats of a simulated record: ``sample, anomaly_score, flagged``; the same on every machine, nearly."""
    with tempfile.TemporaryDirectory() as folder:
        name, *_ = write_database(Path(folder), 1, _MINUTES, _SEED)
        recording = open_recording(Path(folder) / f"{name}.hea")
        rate_hz, leads = Fraction(recording.sampling_rate_hz), len(recording.leads)
        beats = analyse(read_detector(config), rate_hz, recording.blocks(60.0), leads).beats
    return beats[["sample", "anomaly_score", "flagged"]].round(4)


def _card(config: Config, tested: str) -> str:
    left_out, new = read_metrics(config.paths.outputs)["left_out"], read_metrics(tested)
    patients = len({*config.split.train} - {name for group in config.split.same_patient for name in group[1:]})
    rows = [
        "| | patients left out, in turn | patients of DS2, trained on DS1 |\n|---|---|---|",
        *(_row(name, left_out, new) for name in ("auc", "average_precision", "false_alarms_per_hour", "precision")),
        *(_row(f"sensitivity to class {name}", left_out, new, name) for name in ("S", "V", "F")),
    ]
    return _CARD.format(
        made=date.today(),
        records=len(config.split.train),
        patients=patients,
        alarms=f"{config.threshold.false_alarms_per_hour:g}",
        leads=", ".join(config.records.leads),
        figures="\n".join(rows),
    )


def _row(name: str, left_out: OverallFigures, tested: OverallFigures, aami_class: str | None = None) -> str:
    found = (its["sensitivity"][aami_class] if aami_class else its[name] for its in (left_out, tested))  # type: ignore[literal-required]
    return "| " + " | ".join([name.replace("_", " "), *map(number, found)]) + " |"


_CARD = """# The detector that comes with the package

Made on {made} by `make pretrained`, which anyone can repeat.

**Data.** {records} records of {patients} patients of the MIT-BIH Arrhythmia Database 1.0.0 (all but 102, 104, 107 and
217, whose beats are paced), their normal beats alone; no label of an anomaly. The database is available under the Open
Data Commons Attribution License v1.0 (https://physionet.org/content/mitdb/1.0.0/). Please cite Moody GB, Mark RG: The
impact of the MIT-BIH Arrhythmia Database, IEEE Eng in Med and Biol 20(3):45-50, 2001; and Goldberger A et al.:
PhysioBank, PhysioToolkit, and PhysioNet, Circulation 101(23):e215-e220, 2000.

**Licence.** That of this project (MIT) for the weights; the attribution above for what they were learned from.

**Protocol.** The settings of `config.yaml`. The network and what is usual of normal beats come from all these patients.
The threshold comes from their beats too, each scored by one of three networks that had not seen its patient: it flags
{alarms} normal beats in an hour over them all.

**Figures.** On the left: all patients above, each scored by a network that had not seen it, at the threshold that is
set from them. On the right: the same settings, trained on the patients of DS1 and tested on those of DS2 (de Chazal et
al. 2004), annotated beats; that is what to expect of new patients. All figures of the latter are in `metrics.json`.

{figures}

**Limits.** Adults of one hospital of the years 1975 to 1979, recorded with Holters at 360 Hz. Leads are taken in the
order {leads}, then others. Paced rhythms are not normal to it, nor is what it never saw: children, exercise, other
electrodes. It says which beats are unusual, not what is wrong with a person: it is no medical device.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; return its exit status."""
    return commandline.run_with_options(pretrained, add_options, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
