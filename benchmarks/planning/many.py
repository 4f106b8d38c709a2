"""Ten thousand series planned in one run: seconds and memory of each step, and how they grow with the series.

    python -m benchmarks.planning.many [--series 1250 2500 5000 10000] [--repeats 1] [--write FILE]

Look-alike sales of 60 months, as one CSV file, through the steps of the planning flow in a home folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmarks.measuring import machine, peak_memory_mb

_MONTH = "2026-01"
_MONTHS = 60
_SITES = 5
_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
_STEPS = ("intake", "predict", "review")
_WORDS = (
    "One CSV file with a row a series and month becomes one case a series; the champion (`BoostedForecaster`) gives "
    "the expected demand, eight quantiles and the path of twelve months; orders are computed, released by policy or "
    "put to a planner. Everything is stored, with its audit rows. Each size runs in a fresh process on a fresh copy "
    "of the home folder; memory is the peak of the whole process in that step."
)


def main() -> int:
    """Prepare a champion once, then run each size in fresh processes."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--series", type=int, nargs="+", default=[1_250, 2_500, 5_000, 10_000])
    asked.add_argument("--repeats", type=int, default=1)
    asked.add_argument("--write", type=Path, default=Path("benchmarks/results/planning_many.md"))
    asked.add_argument("--run", type=Path, nargs=2, metavar=("HOME", "FILE"), help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.run:
        print(json.dumps(_run(*given.run)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        _prepare(home)
        found = {series: [_fresh(home, series) for _ in range(given.repeats)] for series in given.series}
    given.write.write_text(_page(found))
    return 0


def _prepare(home: Path) -> None:
    """Three years of lines of 120 series, and a champion."""
    from aiops_flows.steps import intake, outcomes, promotion, training
    from aiops_flows.steps.series_rows import past_cases
    from aiops_flows.steps.workspace import Workspace
    from flows.lookalike_demand import make_demand
    from flows.planning import PLANNING, PlanLine

    os.environ["AIOPS_HOME"] = str(home)
    sales = make_demand(24, seed=7)
    origins = [str(month) for month in pd.period_range("2023-01", "2025-12", freq="M")]
    place, spec = Workspace.here(), PLANNING.models[0]
    intake.take_in(place, PLANNING, past_cases(PlanLine.rows, sales, origins), history=True)
    outcomes.record_outcomes(place, PLANNING, sales)
    training.retrain(place, PLANNING, spec, as_of=_AS_OF)
    if not (told := promotion.promote(place, PLANNING, spec)).promoted:
        raise SystemExit(str(told))


def _fresh(home: Path, series: int) -> dict[str, float]:
    """One run of so many series that nobody has seen."""
    from flows.lookalike_demand import make_demand

    copy, file = home.parent / "copy", home.parent / "sales.csv"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home, copy)
    sales = make_demand(series // _SITES, seed=series, months=_MONTHS, sites=_SITES)
    sales.assign(item="new-" + sales["item"]).to_csv(file, index=False)
    command = [sys.executable, "-m", "benchmarks.planning.many", "--run", str(copy), str(file)]
    environment = os.environ | {"AIOPS_HOME": str(copy), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{series:,}", found, file=sys.stderr, flush=True)
    return found


def _run(home: Path, file: Path) -> dict[str, float]:
    """CPU and wall-clock seconds and peak memory of each step."""
    from aiops_flows.steps.inference import predict
    from aiops_flows.steps.intake import take_in
    from aiops_flows.steps.review import review
    from aiops_flows.steps.workspace import Workspace
    from flows.planning import PLANNING

    os.environ["AIOPS_HOME"] = str(home)
    place, found = Workspace.here(), {"before, MB": peak_memory_mb()}

    def timed(name: str, step: Any, *given: Any) -> Any:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        begun, cpu = time.perf_counter(), time.process_time()
        made = step(place, PLANNING, *given)
        found[name], found[f"{name}, CPU"] = time.perf_counter() - begun, time.process_time() - cpu
        found[f"{name}, MB"] = peak_memory_mb()
        return made

    lines = timed("intake", take_in, str(file))
    lines = timed("predict", predict, PLANNING.models[0], lines)
    lines = timed("review", review, lines)
    found["lines"] = float(len(lines))
    found["released"] = float((lines["verdict_by"] == "policy").sum())
    found["all"] = sum(found[name] for name in _STEPS)
    found["all, CPU"] = sum(found[f"{name}, CPU"] for name in _STEPS)
    return found


def _page(found: dict[int, list[dict[str, float]]]) -> str:
    heading = ["# Many series in one run", "", "Written by `python -m benchmarks.planning.many`.", machine() + ".", ""]
    columns = [
        "series",
        *(f"{step}, CPU s" for step in _STEPS),
        "all, CPU s",
        "all, s",
        "ms a series (CPU)",
        "peak, MB",
    ]
    table = ["| " + " | ".join(columns) + " |", "|" + " --: |" * len(columns)]
    table += [_row(series, runs) for series, runs in found.items()]
    sizes = list(found)
    growth = _middle(found[sizes[-1]], "all, CPU") / _middle(found[sizes[0]], "all, CPU")
    memory = (_peak(found[sizes[-1]]) - _peak(found[sizes[0]])) / (sizes[-1] - sizes[0]) * 1_000
    said = (
        f"{sizes[-1] / sizes[0]:g} times the series cost {growth:.1f} times the CPU time, and {memory:.0f} MB more for "
        "each further 1,000 series."
    )
    return "\n".join([*heading, _WORDS, "", *table, "", said, ""])


def _row(series: int, runs: Sequence[dict[str, float]]) -> str:
    cpu = [f"{_middle(runs, f'{step}, CPU'):.1f}" for step in _STEPS]
    whole = _middle(runs, "all, CPU")
    cells = [f"{series:,}", *cpu, f"{whole:.1f}", f"{_middle(runs, 'all'):.1f}", f"{whole / series * 1_000:.2f}"]
    return "| " + " | ".join([*cells, f"{_peak(runs):.0f}"]) + " |"


def _middle(runs: Sequence[dict[str, float]], name: str) -> float:
    return median(run[name] for run in runs)


def _peak(runs: Sequence[dict[str, float]]) -> float:
    return max(_middle(runs, f"{step}, MB") for step in _STEPS)


if __name__ == "__main__":
    sys.exit(main())
