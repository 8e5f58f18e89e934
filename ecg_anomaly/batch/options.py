"""The options of ``detect_anomalies.py``; without any import that ``--help`` would wait for."""

from __future__ import annotations

import argparse
from pathlib import Path

from ecg_anomaly.batch.request import ALL_PAGES, CSV, FLAGGED_PAGES, PAGES, TABLES, Request
from ecg_anomaly.commandline import add_cluster_option, asked_leads, positive_count

_FEW = 20  # recordings, whose pages somebody may look through


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which recordings, how to read them and where results go."""
    parser.add_argument("recordings", nargs="*", metavar="RECORDING", help="a recording; a folder or pattern of some")
    parser.add_argument("--from", dest="listed", metavar="LIST", help="a file that names some, one a line; -: stdin")
    parser.add_argument("--output", metavar="FOLDER", help="where results go; default: detected, in paths.outputs")
    parser.add_argument("--leads", help="leads to use, as II,V1")
    parser.add_argument("--sampling-rate", type=float, metavar="HZ", help="of a table without times")
    parser.add_argument("--gain", type=float, metavar="UNITS", help="units per millivolt, where no voltage is given")
    parser.add_argument(
        "--pages", choices=PAGES, help=f"who gets a page; default: all of {_FEW}, of more those flagged"
    )
    parser.add_argument("--table", choices=TABLES, default=CSV, help="parquet: folders beats, events and summary")
    parser.add_argument(
        "--workers", type=positive_count, metavar="N", help="recordings at a time; default: one per core"
    )
    add_cluster_option(parser)
    parser.add_argument("--resume", action="store_true", help="go on: keep results of these files, model and settings")
    parser.add_argument("--force", action="store_true", help="replace results that are there")


def request_of(options: argparse.Namespace, folder: Path, recordings: int) -> Request:
    """Take the options for the analysis of so many recordings whose results go to a folder."""
    return Request(
        folder,
        asked_leads(options.leads),
        options.sampling_rate,
        options.gain,
        options.force,
        options.resume,
        options.pages or usual_pages(recordings),
        options.table,
    )


def usual_pages(recordings: int) -> str:
    """Say which of so many recordings get a page where nobody asks."""
    return ALL_PAGES if recordings <= _FEW else FLAGGED_PAGES
