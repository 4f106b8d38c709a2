"""The command that proves the promises on one's own use case and database."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aiops_flows.cli.output import AsJson, say, show_rows

if TYPE_CHECKING:
    from aiops_flows.drill import DrillResult, Stage

__all__ = ["drill"]

FOUND = 1
Drill = Literal["chaos", "crash-points", "pausing", "stopping", "poison", "stopper", "full-disk", "effects", "all"]
_ORDER: tuple[Drill, ...] = (
    "chaos",
    "crash-points",
    "pausing",
    "stopping",
    "poison",
    "stopper",
    "full-disk",
    "effects",
)
_LEASE_SECONDS = {"pausing": 0.5}
_ORDINARY_LEASE_SECONDS = 20.0


def drill(
    which: Annotated[Drill, typer.Argument(help="which promise to prove")] = "all",
    use_case: Annotated[
        str, typer.Option("--use-case", "-u", help="path of the use case; default one made for drills")
    ] = "aiops_flows.drill.rehearsal:REHEARSAL",
    source: Annotated[str, typer.Option(help="file with sample rows; needed for a use case of your own")] = "",
    database: Annotated[
        str, typer.Option(help="URL of an empty PostgreSQL database that may be filled; default a SQLite file")
    ] = "",
    kills: Annotated[int, typer.Option(min=1, help="of chaos and effects: how often a process is killed")] = 200,
    every: Annotated[int, typer.Option(min=1, help="of crash-points: only each so many-th event")] = 1,
    stops: Annotated[int, typer.Option(min=1, help="of pausing and stopping: how often")] = 20,
    rows: Annotated[int, typer.Option(min=100, help="of poison: rows, 37 of them bad")] = 10_000,
    seed: Annotated[int, typer.Option(help="another seed kills at other moments")] = 0,
    kill_backends: Annotated[
        bool, typer.Option(help="of chaos: also kill -9 of database back ends; the whole server recovers each time")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Kill, stop, starve and poison a scratch copy of a use case, and count what is lost, doubled or without audit.

    Exit code 1 says that a promise was broken, or that the naive control came through (then nothing is proved).
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # many small processes
    options = {"kills": kills, "every": every, "stops": stops, "rows": rows, "seed": seed, "hard": kill_backends}
    folder = Path(tempfile.mkdtemp(prefix="aiops-drill-"))
    results = []
    for name in _ORDER if which == "all" else (which,):
        stage = _stage(folder, name, use_case, source, database)
        results.append(_hold(name, stage, options))
    if as_json:
        say(json.dumps([_plain(result) for result in results], indent=2))
    else:
        for result in results:
            _show(result)
    if any(result.violations for result in results):
        say(f"what the processes said is in {folder}")
        raise typer.Exit(FOUND)
    shutil.rmtree(folder, ignore_errors=True)


def _stage(folder: Path, name: str, use_case: str, source: str, database: str) -> Stage:
    from aiops_flows.drill import set_stage
    from aiops_flows.settings import Settings

    place = folder / name
    place.mkdir()
    settings = Settings(
        home=folder,
        database_url=database or f"sqlite:///{place / 'case_log.db'}",
        mlflow_url="",
        lease_seconds=_LEASE_SECONDS.get(name, _ORDINARY_LEASE_SECONDS),
    )
    return set_stage(settings, place, path=use_case, source=source)


def _hold(name: Drill, stage: Stage, options: dict[str, int]) -> DrillResult:
    from aiops_flows import drill as drills

    told = _progress(name)
    sending = drills.SendingUnderKills(kills=options["kills"], seed=options["seed"])
    chaos = drills.Chaos(kills=options["kills"], seed=options["seed"], kill_backends=bool(options["hard"]))
    held: dict[str, Callable[[], DrillResult]] = {
        "chaos": lambda: drills.chaos(stage, chaos, told=told),
        "crash-points": lambda: drills.crash_points(stage, every=options["every"], told=told),
        "pausing": lambda: drills.pausing(stage, stops=options["stops"], seed=options["seed"], told=told),
        "stopping": lambda: drills.stopping(stage, rounds=options["stops"], seed=options["seed"], told=told),
        "poison": lambda: drills.poison(stage, rows=options["rows"], told=told),
        "stopper": lambda: drills.stopper(stage, told=told),
        "full-disk": lambda: drills.full_disk(stage, told=told),
        "effects": lambda: drills.effects(stage, sending, told=told),
    }
    result = held[name]()
    told("")
    return result


def _progress(name: str) -> Callable[[str], None]:
    """Tells on the terminal how it goes, in one line that changes."""

    def told(how: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{name}: {how}" if how else "\r\x1b[K")
            sys.stderr.flush()

    return told


def _plain(result: DrillResult) -> dict[str, object]:
    return {
        "drill": result.name,
        "passed": result.passed,
        "skipped": result.skipped,
        "violations": result.violations,
        "figures": dict(result.figures),
    }


def _show(result: DrillResult) -> None:
    verdict = f"skipped: {result.skipped}" if result.skipped else "passed" if result.passed else "BROKEN"
    rows = [{"what": name.replace("_", " "), "figure": value} for name, value in result.figures.items()]
    rows += [{"what": "broken", "figure": violation} for violation in result.violations]
    show_rows(rows, as_json=False, title=f"{result.name}: {verdict}", empty=f"{result.name}: {verdict}")
