"""The result of a replay as files: JSON and CSV for machines, one page for people."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.private_files import private_folder, write_private
from aiops_flows.replay.figures import plain
from aiops_flows.replay.page import page
from aiops_flows.replay.replaying import Replayed

__all__ = ["inert", "write"]

_ACTIVE = ("=", "+", "-", "@", "\t", "\r")


def write(replayed: Replayed, folder: Path) -> list[Path]:
    """The files of a replay in a folder, which is made where it is missing.

    ``replay.html`` (a page with plots, nothing from the network), ``replay.json`` (figures, events, certificates),
    ``periods.csv``, ``events.csv``, and ``changes.csv`` (the decisions that would change) where there is a candidate.
    """
    private_folder(folder)
    tables = {"periods": _joined(replayed, "periods"), "events": _joined(replayed, "events")}
    if replayed.candidate is not None:
        tables["changes"] = replayed.changes
    files = [folder / "replay.html", folder / "replay.json"]
    write_private(files[0], page(replayed))
    write_private(files[1], json.dumps(replayed.as_dict(), indent=1, sort_keys=True) + "\n")
    for name, table in tables.items():
        files.append(folder / f"{name}.csv")
        _write_csv(files[-1], table)
    return files


def _joined(replayed: Replayed, what: str) -> pd.DataFrame:
    """The tables of both sides, one below the other, told apart by the column ``side``."""
    parts = []
    for name, side in replayed.sides.items():
        table: pd.DataFrame = getattr(side, what).astype(object).copy()
        table.insert(0, "side", name)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _write_csv(file: Path, table: pd.DataFrame) -> None:
    with write_private(file, "").open("w", encoding="utf-8", newline="") as opened:
        lines = csv.writer(opened)
        lines.writerow(table.columns)
        for row in table.astype(object).itertuples(index=False):
            lines.writerow([inert(value) for value in row])


def inert(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: a text that begins like one is put behind an apostrophe."""
    value = plain(value)
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_ACTIVE) else text
