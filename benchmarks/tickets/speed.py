"""What one case costs in a warm resident process, beside one flow run per case, and where the time goes.

    python -m benchmarks.tickets.speed                        claims and tickets, some minutes
    python -m benchmarks.tickets.speed --only claims --cases 100 --write benchmarks/results/tickets_speed.md

Wall time, since that is what a sender waits for; so let the machine be idle. Every case is new to the record.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

SILENT = {
    "OMP_NUM_THREADS": "1",
    "DO_NOT_TRACK": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_LOGGING_LEVEL": "WARNING",
}


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tickets.speed", description="What one case costs.")
    parser.add_argument("--only", nargs="+", choices=("claims", "tickets"), default=["claims", "tickets"])
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=("price", "runs", "rates", "batches"),
        default=["price", "runs", "rates", "batches"],
    )
    parser.add_argument("--cases", type=int, default=300, help="cases of each measurement")
    parser.add_argument("--rows", type=int, default=6_000, help="cases to learn from")
    parser.add_argument("--rates", nargs="+", type=float, default=[5, 20, 40, 80], help="cases per second")
    parser.add_argument("--write", type=Path, help="a Markdown page for the tables")
    return parser.parse_args()


def main() -> int:
    """Measure what was asked for, and print the tables."""
    asked = _asked()
    os.environ.update(SILENT)
    for name in ("AIOPS_DATABASE_URL", "AIOPS_MLFLOW_URL", "PREFECT_API_URL"):
        os.environ.pop(name, None)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    from benchmarks.measuring import machine
    from benchmarks.tickets.business import BUSINESSES, prepare
    from benchmarks.tickets.speed_tables import tables

    said = [f"{machine()}; load {os.getloadavg()[0]:.1f} at the start"]
    for name in asked.only:
        with tempfile.TemporaryDirectory(prefix="aiops-speed-") as folder:
            print(f"\n{name}: learning from {asked.rows} cases", flush=True)
            place = prepare(BUSINESSES[name], Path(folder) / "home", asked.rows)
            for table in tables(BUSINESSES[name], place, asked):
                said.append(f"### {name}: {table}")
                print(f"\n{said[-1]}", flush=True)
    if asked.write:
        asked.write.write_text("\n\n".join(said) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
