"""``python -m benchmarks.promises``: the tables of the statistical promises; 1 where one is broken."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import cast

import benchmarks.promises
from benchmarks.promises import Figure, Part, Row, Table

DRAWS = 400
SEED = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables that are asked for."""
    asked = _options().parse_args(arguments)
    chosen = [part for part in parts() if not asked.only or set(asked.only) & set(part.PROMISES)]
    known = {promise for part in parts() for promise in part.PROMISES}
    if missing := sorted(set(asked.only) - known):
        print(f"nothing proves {', '.join(missing)}; the promises are {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    tables = []
    for part in chosen:
        begun = time.perf_counter()
        tables.append(part.table(asked.draws, asked.seed))
        if not asked.json:
            print(f"{text(tables[-1])}\n  {time.perf_counter() - begun:.1f} s\n", flush=True)
    broken = [table.promise for table in tables if not table.held]
    if asked.json:
        print(json.dumps([as_mapping(table) for table in tables], indent=2))
    else:
        print(f"{len(broken)} of {len(tables)} broken" + (f": {', '.join(broken)}" if broken else ""))
    return 1 if broken else 0


def parts() -> list[Part]:
    """The parts, in the order of their promises."""
    names = [found.name for found in pkgutil.iter_modules(benchmarks.promises.__path__) if found.name[0] != "_"]
    modules = [importlib.import_module(f"benchmarks.promises.{name}") for name in names]
    found = [cast("Part", module) for module in modules if hasattr(module, "PROMISES")]
    return sorted(found, key=lambda part: part.PROMISES)


def text(table: Table) -> str:
    """A table for people."""
    return "\n".join(_lines(table))


def as_mapping(table: Table) -> dict[str, object]:
    """A table for machines."""
    rows = [asdict(row) | {"held": row.held if row.judged else None} for row in table.rows]
    return asdict(table) | {"rows": rows, "held": table.held}


def _lines(table: Table) -> Iterator[str]:
    yield f"{table.promise}  {table.title}"
    yield f"  beside it, on the same draws: {table.naive}"
    width = max([len(row.what) for row in table.rows] + [20])
    yield f"  {'':{width}} {'draws':>6}  {'ours':>24}  {'naive':>24}  {'limit':>16}"
    for row in table.rows:
        judged = "" if not row.judged else "held" if row.held else "BROKEN"
        naive = "" if row.naive is None else _told(row.naive)
        yield f"  {row.what:{width}} {row.draws:>6}  {_told(row.ours):>24}  {naive:>24}  {_limit(row):>16}  {judged}"
    yield from (f"  left out: {reason}" for reason in table.left_out)


def _told(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4g}"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _limit(row: Row) -> str:
    ends = [(">=", row.at_least), ("<=", row.at_most)]
    return " ".join(f"{sign} {end:.4g}" for sign, end in ends if end is not None)


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m benchmarks.promises", description=benchmarks.promises.__doc__)
    options.add_argument("--only", nargs="+", default=[], metavar="P20", help="the promises to prove; default all")
    options.add_argument("--draws", type=int, default=DRAWS, help=f"how often each is drawn; default {DRAWS}")
    options.add_argument("--seed", type=int, default=SEED, help="where the draws begin")
    options.add_argument("--json", action="store_true", help="tables for machines")
    return options


if __name__ == "__main__":
    sys.exit(main())
