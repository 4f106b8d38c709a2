"""Ten thousand tickets in one run: cases per second and peak memory, with the price of each step told apart.

``python -m benchmarks.tickets.many [--tickets 10000] [--repeats 3]``; look-alike tickets, in a home folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import Figures, machine, peak_memory_mb

_HISTORY = 6_000
_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> int:
    """Prepare champions once, then run each repeat in a fresh process."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--tickets", type=int, default=10_000)
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--run", nargs=2, metavar=("FOLDER", "NUMBER"), help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.run:
        print(json.dumps(_run(Path(given.run[0]), given.tickets, int(given.run[1]))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        _prepare(Path(folder))
        runs = [_fresh(folder, given.tickets, number) for number in range(given.repeats)]
    return _tell(runs, given.tickets)


def _prepare(folder: Path) -> None:
    """A year of answered tickets, and a champion of each model."""
    from aiops_flows.steps import intake, outcomes, promotion, training
    from aiops_flows.steps.workspace import Workspace
    from flows.customer_service import CUSTOMER_SERVICE
    from flows.lookalike_tickets import make_tickets, ticket_outcomes

    os.environ["AIOPS_HOME"] = str(folder)
    place, history = Workspace.here(), make_tickets(_HISTORY, seed=7)
    intake.take_in(place, CUSTOMER_SERVICE, history, history=True)
    outcomes.record_outcomes(place, CUSTOMER_SERVICE, ticket_outcomes(history))
    for spec in training.in_order(CUSTOMER_SERVICE):
        training.retrain(place, CUSTOMER_SERVICE, spec, as_of=_AS_OF)
        promotion.promote(place, CUSTOMER_SERVICE, spec)


def _fresh(folder: str, tickets: int, number: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.tickets.many", "--tickets", str(tickets), "--run", folder, str(number)]
    environment = os.environ | {"AIOPS_HOME": folder, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _run(folder: Path, tickets: int, number: int) -> dict[str, float]:
    """Seconds of each step over one batch of tickets that nobody has seen."""
    from aiops_flows.steps.inference import predict
    from aiops_flows.steps.intake import take_in
    from aiops_flows.steps.review import review
    from aiops_flows.steps.workspace import Workspace
    from flows.customer_service import CUSTOMER_SERVICE
    from flows.lookalike_tickets import make_tickets

    arrived = make_tickets(tickets, seed=100 + number)[["case_id", "received_at", "channel", "subject", "thread"]]
    arrived["case_id"] = f"N{number}-" + arrived["case_id"]
    file = folder / f"tickets-{number}.jsonl"
    arrived.to_json(file, orient="records", lines=True, date_format="iso")
    place, seconds = Workspace.here(), {"imports and preparation, MB": peak_memory_mb()}
    begun = time.perf_counter()

    def timed(name: str, step: Any, *given: Any) -> Any:
        start = time.perf_counter()
        made = step(place, CUSTOMER_SERVICE, *given)
        seconds[name] = time.perf_counter() - start
        return made

    cases = timed("intake", take_in, str(file))
    for model in CUSTOMER_SERVICE.models:
        cases = timed(f"predict {model.output}", predict, model, cases)
    cases = timed("review", review, cases)
    seconds["all"] = time.perf_counter() - begun
    seconds["decided by policy"] = float((cases["verdict_by"] == "policy").mean())
    seconds["peak, MB"] = peak_memory_mb()
    return seconds


def _tell(runs: list[dict[str, float]], tickets: int) -> int:
    figures = Figures()
    print(f"{tickets:,} tickets in one run, medians of {len(runs)} fresh processes; {machine()}\n")
    for name in runs[0]:
        values = [run[name] for run in runs]
        figures.note(name, f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
    figures.note("cases per second", f"{tickets / median([run['all'] for run in runs]):,.0f}")
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
