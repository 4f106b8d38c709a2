"""What the library costs, beside its peers, in one run; ends with 1 where a limit is missed.

    python -m benchmarks.cost                                   all parts, a few minutes
    python -m benchmarks.cost --only batches --cases 100000 --repeats 5

CPU time is that of this process and of the children it waited for; the Prefect server is told apart. Runs of peers
alternate with ours, and medians are compared.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

PARTS = ("batches", "ordinary", "drift", "training", "memory")
SILENT = {
    "OMP_NUM_THREADS": "1",  # two threads on contended cores burn three times the CPU time of one
    "DO_NOT_TRACK": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_LOGGING_LEVEL": "WARNING",  # as the quiet server of the library has it; read when Prefect is imported
}


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description="What the library costs.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="which parts")
    parser.add_argument("--cases", nargs="+", type=int, default=[1_000, 10_000, 100_000], help="sizes of batches")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, at the largest size")
    return parser.parse_args()


def main() -> int:
    """Measure what was asked for, print the table, and give the exit code."""
    asked = _asked()
    os.environ.update(SILENT)
    warnings.filterwarnings("ignore")
    logging.getLogger("aiops_flows").setLevel(logging.ERROR)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="aiops-bench-") as folder:
        return measure(asked, Path(folder))


def measure(asked: argparse.Namespace, folder: Path) -> int:
    """All parts that were asked for, on one stage."""
    from aiops_flows import Settings
    from aiops_flows.stack import prefect_server
    from benchmarks import batches, drifting, memory, retraining
    from benchmarks.measuring import Figures, machine
    from benchmarks.stage import prepare

    figures = Figures()
    print(machine())
    stage = prepare(folder)
    with prefect_server(Settings(), own=True):
        if "batches" in asked.only:
            print("\na batch: intake, two models, review, audit; in one flow run")
            server = batches.of_the_server(stage, figures)
            batches.beside_plain(stage, figures, sorted(asked.cases), asked.repeats, server)
        if "ordinary" in asked.only:
            print("\nthe same with drift, beside an ordinary Prefect flow with pyfunc and Evidently's preset")
            batches.beside_ordinary(stage, figures, [n for n in sorted(asked.cases) if n <= 10_000], asked.repeats)
        if "drift" in asked.only:
            print("\na verdict on the drift of 20 columns")
            drifting.beside_preset(figures, asked.repeats)
        if "training" in asked.only:
            print("\nretrain, gate, register, promote")
            retraining.beside_ordinary(stage, figures, asked.repeats)
        if "memory" in asked.only:
            print("\npeak memory")
            memory.beside_plain(stage, figures, max(asked.cases))
    return figures.end()


if __name__ == "__main__":
    sys.exit(main())
