"""How often unchanged machines are called drifted, and unchanged months worse; and how soon a change is found.

``python -m benchmarks.slices_and_shocks`` prints the page in ``results/``; about two minutes on a quiet core.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.drift import measure_slices
from aiops_flows.evidence.standing import watch_mean

RATE, LIMIT, MONTHS, LINES = 0.05, 0.10, 24, 200
COLUMNS = ["heat", "load", "mode"]


def fleet(random: np.random.Generator, machines: int, each: int) -> pd.DataFrame:
    """Readings of machines, each with a level of its own; the rows are independent of each other."""
    machine = np.repeat(np.arange(machines), each)
    return pd.DataFrame(
        {
            "machine": [f"M{number:03d}" for number in machine],
            "heat": random.normal(0.3 * machine, 1.0, len(machine)),
            "load": random.gamma(2.0, 1.0, len(machine)),
            "mode": random.choice(["cut", "mill", "idle"], len(machine)),
        }
    )


def slices(machines: int, rows: tuple[int, int], runs: int, moved: float = 0.0) -> tuple[int, int, int]:
    """Of so many runs, in how many any machine alarmed, the moved one was named, and another was named."""
    alarms = named = others = 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        past, now = fleet(random, machines, rows[0]), fleet(random, machines, rows[1])
        now.loc[now["machine"] == "M000", "heat"] += moved
        found = measure_slices(past, now, "machine", COLUMNS, false_alarm_rate=RATE, seed=1_000 * seed)
        alarms += found.verdict == "drift"
        named += "M000" in found.drifted
        others += any(name != "M000" for name in found.drifted)
    return alarms, named, others


def shocked(random: np.random.Generator, mean: float) -> NDArray[np.float64]:
    """Wrong (1) or right (0) of the lines of some months; the lines of a month share how bad it is."""
    worth = 35.0  # the spread of the months is 0.05 at a mean of 0.10
    share = random.beta(mean * worth, (1 - mean) * worth, MONTHS)
    return (random.random((MONTHS, LINES)) < share[:, None]).astype(float)


def alarms(counted: Callable[[NDArray[np.float64]], NDArray[np.float64]], mean: float, runs: int) -> list[int | None]:
    """The label at which each run first alarmed; None where it did not."""
    random = np.random.default_rng(3)
    return [watch_mean(counted(shocked(random, mean)), limit=LIMIT, alpha=RATE).first_alarm for _ in range(runs)]


def main() -> None:
    """Print the page."""
    print("# Machines by themselves, and months that share shocks\n")
    print("`python -m benchmarks.slices_and_shocks` prints this page; all is simulated, seeded, with independent rows")
    print("within a machine, and with months that share how bad they are.\n")
    print(
        "| machines | rows before and now, each | moved by | runs | any alarm | the moved one named | another named |"
    )
    print("|---|---|---|---|---|---|---|")
    for machines, rows, runs, moved in (
        (1, (500, 100), 200, 0.0), (10, (300, 60), 200, 0.0), (40, (200, 60), 60, 0.0),
        (10, (300, 60), 20, 0.8), (40, (200, 60), 20, 0.8),
    ):  # fmt: skip
        found = slices(machines, rows, runs, moved)
        print(f"| {machines} | {rows[0]}, {rows[1]} | {moved:g} sd | {runs} | {found[0]} | {found[1]} | {found[2]} |")
    print(
        "\nA limit of 0.10 watched for two years of 24 months with 200 lines each, at 5 % false alarms over all looks;"
    )
    print("the error of a month varies about its mean with a standard deviation of 0.05.\n")
    print("| counted | mean error | runs | alarms | median months to the alarm |")
    print("|---|---|---|---|---|")
    ways = {
        "line by line": (lambda lines: lines.ravel(), LINES),
        "month by month": (lambda lines: lines.mean(axis=1), 1),
    }
    for name, (counted, each) in ways.items():
        for mean in (0.10, 0.20, 0.30):
            found_at = [first for first in alarms(counted, mean, 200) if first is not None]
            median = f"{np.median(found_at) / each:.0f}" if found_at else "none"
            print(f"| {name} | {mean:.2f} | 200 | {len(found_at)} | {median} |")


if __name__ == "__main__":
    main()
