"""The most memory that a batch of 100,000 claims takes, each way in a fresh process.

``python -m benchmarks.memory plain FOLDER ROWS`` is what the parent process starts; it prints JSON.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figures, peak_memory_mb
from benchmarks.plain import Decider, Model

__all__ = ["beside_plain"]


def beside_plain(stage: Any, figures: Figures, rows: int) -> None:
    """Ours against careful plain Python: in total, and beyond what the imports of each take."""
    stage.source(rows)
    models = [(model.name, model.output, model.version, model.fitted, list(model.features)) for model in stage.models]
    (stage.folder / "peer.pickle").write_bytes(pickle.dumps((models, stage.decider.threshold)))
    taken = {name: _fresh(name, stage, rows) for name in ("plain", "ours")}
    for name, found in taken.items():
        imports, peak = found["imports"], found["peak"]
        figures.note(f"{rows:,} cases, {name}: MB after imports, at the peak", f"{imports:.0f}, {peak:.0f}")
    figures.hold("peak: ours / plain", taken["ours"]["peak"] / taken["plain"]["peak"], at_most=1.15)
    beyond = {name: found["peak"] - found["imports"] for name, found in taken.items()}
    figures.hold("peak beyond the imports: ours / plain", beyond["ours"] / beyond["plain"], at_most=1.15)


def _fresh(name: str, stage: Any, rows: int) -> dict[str, float]:
    stage.fresh_log()
    command = [sys.executable, "-m", "benchmarks.memory", name, str(stage.folder), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _plain(folder: Path, rows: int) -> float:
    from benchmarks import plain

    models, threshold = pickle.loads((folder / "peer.pickle").read_bytes())  # noqa: S301  written by the parent
    imports = peak_memory_mb()
    decider = _decider(threshold)
    source, database = folder / f"claims-{rows}.parquet", folder / "plain-memory.db"
    plain.run(source, database, [Model(*model) for model in models], decider)
    return imports


def _decider(threshold: float) -> Decider:
    """The policy of the claims flow, written down again: the peer must not import the library."""
    from datetime import timedelta

    small = ["Passenger Property Loss", "Property Damage"]
    return Decider(
        rules={
            "approve": lambda c: (c.disposition == "approve") & (c.amount < 250) & c.claim_type.isin(small),
            "deny": lambda c: (c.disposition == "deny") & (c.amount < 100) & c.claim_type.isin(small),
        },
        judged_by="disposition",
        threshold=threshold,
        reasons={verdict: f"rule '{verdict}', certified from {threshold:.4f} up" for verdict in ("approve", "deny")},
        doubt="less sure than the certified threshold",
        priority=lambda c: c.amount + 1_000 * ~c.claim_type.isin(small),
        due=timedelta(days=5),
        version="plain",
    )


def _ours(folder: Path, rows: int) -> float:
    from aiops_flows.steps.workspace import Workspace
    from benchmarks.ours import claims_batch
    from benchmarks.stage import CLAIMS
    from benchmarks.stage import champion as champion_of

    for spec in CLAIMS.models:  # a worker has its champions warm
        champion_of(Workspace.here(), spec)
    imports = peak_memory_mb()
    claims_batch(str(folder / f"claims-{rows}.parquet"))
    return imports


if __name__ == "__main__":
    way, place, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    before = _plain(place, count) if way == "plain" else _ours(place, count)
    print(json.dumps({"imports": before, "peak": peak_memory_mb()}))
