"""Maintenance on public machines: failures found, remaining life told, what work orders cost, drift of each machine.

    python -m benchmarks.maintenance [--folder FOLDER] [--only failures lives drifts]

``FOLDER`` holds ``ai4i2020/`` and ``cmapss/``; by default AIOPS_SHARED_DATA. The figures are written to
benchmarks/results/maintenance.md where all three are measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.maintenance.data import DATA
from benchmarks.maintenance.drifts import drifts
from benchmarks.maintenance.failures import failures
from benchmarks.maintenance.lives import lives
from benchmarks.measuring import machine

RESULTS = Path(__file__).resolve().parents[1] / "results" / "maintenance.md"

_ABOUT = """# Maintenance on public machines

`python -m benchmarks.maintenance`; {machine}.
"""
_FAILURES = """## Failures of single machines (AI4I 2020)

10,000 made-up machines of a publication, 339 failures; each answered by a model that did not see it, mean of three cuts
into five parts.
The first rows are the models of [flows/machine_estimators.py](../../flows/machine_estimators.py) in kind: histogram
boosting, and here no windows, as each machine is seen once.
Costs are EUR a machine beside perfect foresight, of the terms of the maintenance flow; a stop that was not needed costs
1,000 EUR.
"""
_LIVES = """## Remaining life (C-MAPSS FD001)

The windows are 50 cycles, chosen on training engines; the 100 test engines at their last row are the figure, and were
looked at before this table was made.
The interval is that of the quantile regressor; what it should hold stands behind each share.

Below, the 100 training engines are followed from look to look, every ten cycles, by models that saw none of their rows.
Costs are EUR for a thousand cycles of work; a planned service costs 1,000 EUR.

The last table certifies on half of these engines, 400 times, and counts on all of them; at most 0.1 may be broken.
Looks at one engine resemble each other, and the certificate counts them as independent; the rule of thumb takes the
lowest confidence whose mean loss on the half was within the promise.
"""
_DRIFTS = """## Drift of each machine

Made-up fleets of 20 pumps, {runs} of them a row: 60 looks at each before, 60 after one of them has moved; 0.05 of the
checks of unchanged fleets may say drift.
"""
_RUNS = 60


def main() -> int:
    """Measure, print and write the tables."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--folder", type=Path, default=DATA)
    asked.add_argument("--only", nargs="+", choices=["failures", "lives", "drifts"])
    given = asked.parse_args()
    parts = {
        "failures": lambda: f"{_FAILURES}\n{failures(given.folder)}",
        "lives": lambda: f"{_LIVES}\n{lives(given.folder)}",
        "drifts": lambda: f"{_DRIFTS.format(runs=_RUNS)}\n{drifts(_RUNS)}",
    }
    told = []
    for name in given.only or parts:
        told.append(parts[name]())
        print(told[-1], flush=True)
    if not given.only:
        RESULTS.write_text("\n\n".join([_ABOUT.format(machine=machine()).strip(), *told]) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
