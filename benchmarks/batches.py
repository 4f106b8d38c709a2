"""What a batch of claims costs through the library, beside careful plain Python and beside an ordinary Prefect flow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import plain
from benchmarks.measuring import Figures, interleaved, server_cpu_seconds, told
from benchmarks.ordinary import champions, ordinary_claims, with_its_defaults
from benchmarks.ours import claims_and_drift, claims_batch
from benchmarks.stage import Stage, remove_database

__all__ = ["beside_ordinary", "beside_plain", "of_the_server"]

_REPEATS = {1_000: 3, 10_000: 2, 100_000: 1}
"""How often a size is repeated, times ``--repeats``: small runs scatter more."""
_FLUSHED_SECONDS = 4.0
_HELD_FROM = 100_000

Seconds = dict[int, dict[str, list[float]]]


def beside_plain(stage: Stage, figures: Figures, sizes: Sequence[int], repeats: int, server: float) -> None:
    """Ours against careful plain Python: ratio at the largest size, fixed cost over it, and growth."""
    interleaved({"plain": _plain_run(stage, 1_000), "ours": _our_run(stage, 1_000)}, 1, stage.fresh_log)
    seconds: Seconds = {}
    for size in sizes:
        runs = {"plain": _plain_run(stage, size), "ours": _our_run(stage, size)}
        seconds[size] = interleaved(runs, repeats * _REPEATS.get(size, 1), stage.fresh_log)
        for name, taken in seconds[size].items():
            figures.note(f"{size:,} cases, {name}: CPU s", told(taken))
    if (largest := max(sizes)) >= _HELD_FROM:
        ratio = median(seconds[largest]["ours"]) / median(seconds[largest]["plain"])
        figures.hold(f"{largest:,} cases: ours / plain", ratio, at_most=1.3)
        with_server = (median(seconds[largest]["ours"]) + server) / median(seconds[largest]["plain"])
        figures.hold(f"{largest:,} cases: ours with its share of the Prefect server / plain", with_server, at_most=1.3)
    if len(sizes) > 1:
        _lines(figures, seconds, server)


def _lines(figures: Figures, seconds: Seconds, server: float) -> None:
    """Fixed cost and growth, from a line over the sizes."""
    fixed = {name: _line(seconds, name)[0] for name in ("plain", "ours")}
    for name, each in fixed.items():
        figures.note(f"{name}: fixed CPU ms, and us a case", f"{each * 1e3:.0f}, {_line(seconds, name)[1] * 1e6:.1f}")
    over = (fixed["ours"] - fixed["plain"]) * 1e3
    figures.hold("fixed cost over plain: ms", over, at_most=250)
    figures.note("the same with the Prefect server's share: ms", f"{over + server * 1e3:.0f}")
    small, large = sorted(seconds)[-2:]
    growth = {name: _case(seconds, large, name, fixed) / _case(seconds, small, name, fixed) for name in fixed}
    figures.hold(f"growth: a case at {large:,} / a case at {small:,}", growth["ours"], at_most=1.15)
    figures.note("growth of plain, for comparison", f"{growth['plain']:.3g}")


def _case(seconds: Seconds, size: int, name: str, fixed: dict[str, float]) -> float:
    """CPU seconds a case, without the fixed cost."""
    return (median(seconds[size][name]) - fixed[name]) / size


def _line(seconds: Seconds, name: str) -> tuple[float, float]:
    """Fixed cost and cost of a case; errors count by their share, else the largest size would drown the fixed cost."""
    sizes = np.array(sorted(seconds), dtype=float)
    taken = np.array([median(seconds[int(size)][name]) for size in sizes])
    slope, fixed = np.polyfit(sizes, taken, 1, w=1 / taken)
    return float(fixed), float(slope)


def beside_ordinary(stage: Stage, figures: Figures, sizes: Sequence[int], repeats: int) -> None:
    """Ours against an ordinary Prefect flow, both with a verdict on the drift of twenty columns."""
    reference, tracking = stage.folder / "reference.parquet", f"sqlite:///{stage.folder / 'ordinary-mlflow.db'}"
    stage.reference.to_parquet(reference)
    champions(stage.models, stage.example(), tracking)
    for size in sizes:
        ordinary = _ordinary_run(stage, size, reference, tracking)
        runs = {"ordinary": ordinary, "ours": _our_drift_run(stage, size, reference)}
        interleaved(runs, 1, stage.fresh_log)
        seconds = interleaved(runs, repeats, stage.fresh_log)
        for name, taken in seconds.items():
            figures.note(f"{size:,} cases with drift, {name}: CPU s", told(taken))
        ratio = median(seconds["ordinary"]) / median(seconds["ours"])
        figures.hold(f"{size:,} cases with drift: ordinary flow / ours", ratio, at_least=6)


def of_the_server(stage: Stage, figures: Figures, runs: int = 6) -> float:
    """CPU seconds of the Prefect server for one run of ours, its idle load taken off."""
    ours = {"ours": _our_run(stage, 1_000)}
    interleaved(ours, 1, stage.fresh_log)
    time.sleep(_FLUSHED_SECONDS)
    begun, before = time.monotonic(), server_cpu_seconds()
    time.sleep(_FLUSHED_SECONDS)
    idle = (server_cpu_seconds() - before) / (time.monotonic() - begun)
    begun, before = time.monotonic(), server_cpu_seconds()
    interleaved(ours, runs, stage.fresh_log)
    time.sleep(_FLUSHED_SECONDS)  # it writes what it was sent in batches, up to two seconds later
    taken = (server_cpu_seconds() - before - idle * (time.monotonic() - begun)) / runs
    figures.note("Prefect server: CPU ms a flow run of 4 tasks", f"{taken * 1e3:.0f}")
    return taken


def _plain_run(stage: Stage, size: int) -> Callable[[], object]:
    source, database = stage.source(size), stage.folder / "plain.db"

    def run() -> plain.Totals:
        remove_database(database)
        return plain.run(source, database, stage.models, stage.decider)

    return run


def _our_run(stage: Stage, size: int) -> Callable[[], object]:
    source = str(stage.source(size))
    return lambda: claims_batch(source)


def _our_drift_run(stage: Stage, size: int, reference: Path) -> Callable[[], object]:
    source = str(stage.source(size))
    return lambda: claims_and_drift(source, str(reference))


def _ordinary_run(stage: Stage, size: int, reference: Path, tracking: str) -> Callable[[], object]:
    source, database = str(stage.source(size)), str(stage.folder / "ordinary.db")

    def run() -> object:
        with with_its_defaults(tracking):
            return ordinary_claims(source, database, str(reference), str(stage.folder / "report.html"))

    return run
