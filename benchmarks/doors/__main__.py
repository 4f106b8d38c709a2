"""``python -m benchmarks.doors`` sends random tables through every door, and ends with 1 where anything differs."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from benchmarks.doors.checking import answering, differences
from benchmarks.doors.doors import DOORS
from benchmarks.doors.stored import stored_differences
from benchmarks.doors.table import random_table

_SHOWN = 5
_STORED_EVERY = 50


def main() -> int:
    """Print the page in ``results/``."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tables", type=int, default=5_000)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    began, rows = time.process_time(), 0
    found: Counter[str] = Counter()
    stored = 0
    model = answering(Random(given.seed))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.tables):
            random = Random(f"{given.seed}/{number}")
            table = random_table(random)
            rows += len(table)
            told = list(differences(random, table, Path(folder), model))
            if number % _STORED_EVERY == 0:
                stored += 1
                told += stored_differences(random, table, Path(folder) / str(number))
            for each in told:
                found[each.door] += 1
                if sum(found.values()) <= _SHOWN:
                    print(f"table {number}, {each.door}: {each.what}", file=sys.stderr)
    print(_page(given.tables, rows, found, stored, time.process_time() - began))
    return 1 if found else 0


def _page(tables: int, rows: int, found: Counter[str], stored: int, seconds: float) -> str:
    lines = "\n".join(f"| {door} | {found[door]} |" for door in DOORS)
    return f"""# One value, whatever the door

`python -m benchmarks.doors` prints this page: random tables with a field of every kind are written as each kind of
source writes them, and taken in. Compared are the stored cases, the live frame with the stored one, the frames of all
doors, and the answers of one model. Every {_STORED_EVERY}th table ({stored} of them) also goes into one case log
through every door: what the first stored, the others must find as known.

{tables:,} tables, {rows:,} rows, each through {len(DOORS)} doors; {seconds:.0f} s of CPU time.

| door | differences |
|---|--:|
{lines}
| all | {sum(found.values())} |"""


if __name__ == "__main__":
    sys.exit(main())
