"""The conformance suite on every use case that is shipped, and how many lines each takes.

    python -m benchmarks.kit.conformance [--data FOLDER] [PATH ...]

FOLDER holds lgpif/Insample.csv, for the fourth use case; without it that one is left out.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

from aiops_flows.testing import Report, conformance
from benchmarks.kit.samples import SAMPLES

ROOT = Path(__file__).parents[2]


def held(path: str, data: Path | None) -> tuple[Report, float]:
    """The suite on one use case, and its seconds."""
    rows, outcomes = SAMPLES[path](data)
    begun = time.monotonic()
    report = conformance(path, rows, outcomes, told=lambda name: print(f"  {path}: {name}", flush=True))
    return report, time.monotonic() - begun


def lines_of(path: str) -> int:
    """Lines of the file that holds the use case and its flow."""
    return len((ROOT / f"{path.partition(':')[0].replace('.', '/')}.py").read_text().splitlines())


def table(reports: dict[str, tuple[Report, float]]) -> str:
    """A row a use case, a column a check."""
    names = [result.name for result in next(iter(reports.values()))[0].results]
    head: list[Any] = ["use case", "lines", *names, "seconds"]
    lines = ["| " + " | ".join(map(str, head)) + " |", "|" + "---|" * len(head)]
    for path, (report, seconds) in reports.items():
        row: list[Any] = [report.use_case, lines_of(path), *(each.word for each in report.results), round(seconds)]
        lines.append("| " + " | ".join(map(str, row)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print a table, and the sentence of every check."""
    reading = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reading.add_argument("--data", type=Path)
    reading.add_argument("paths", nargs="*")
    asked = reading.parse_args()
    warnings.simplefilter("ignore")
    paths = asked.paths or [path for path in SAMPLES if asked.data or not path.startswith("examples.")]
    reports = {path: held(path, asked.data) for path in paths}
    print(table(reports))
    for report, _ in reports.values():
        print(f"\n{report}")


if __name__ == "__main__":
    main()
