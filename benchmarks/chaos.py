"""The long drills: kills, crash points, stops, poisons, deadly cases, a full disk; prints every figure.

python -m benchmarks.chaos [--kills 750] [--database postgresql://...] [further options of aiops-flows drill]

It is `aiops-flows drill all` with the numbers of the promises. The database must be empty and may be filled;
``--kill-backends`` also kills database back ends, which makes the whole server recover: give it one of its own.
"""

from __future__ import annotations

import sys

from aiops_flows.cli.drilling import drill

__all__ = ["main"]

_LONG = ["--kills", "750", "--stops", "147", "--rows", "10000", "--every", "1"]


def main() -> None:
    """Hold all drills, long; the exit code is 1 where a promise is broken."""
    import typer

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(drill)
    app(args=["all", *_LONG, *sys.argv[1:]])


if __name__ == "__main__":
    main()
