"""One certificate for all answers beside one for each, on real service sentences: who is promised what, and gets it.

    python -m benchmarks.tickets.segments FOLDER [--resplits 400]

``FOLDER`` holds MultiDoGO's sentence-level splits, one subfolder a domain. A model learns from the training part; of
the test part a random half certifies, again and again, and the test part as a whole is the truth about the world. The
figures are written to benchmarks/results/tickets_segments.md.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.evidence.thresholds import certify_threshold
from benchmarks.measuring import machine
from flows.ticket_estimators import ticket_intent

RESULTS = Path(__file__).resolve().parents[1] / "results" / "tickets_segments.md"
_SURE = 0.90
_PROMISES = (0.05, 0.02)


@dataclass(frozen=True)
class Answered:
    """Test rows with what was said of them."""

    said: NDArray[np.object_]
    confidence: NDArray[np.float64]
    wrong: NDArray[np.float64]


def read(path: Path) -> pd.DataFrame:
    """The rows of one split that are whole: ``text`` and ``intent``."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        found = [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if len(row) == 7]
    rows = pd.DataFrame(found[1:], columns=found[0])
    return rows.rename(columns={"utterance": "text"})[["text", "intent"]]


def answered(folder: Path) -> Answered:
    """What a model that learned from the training part says of the test part."""
    train, test = read(folder / "train.tsv.gz"), read(folder / "test.tsv.gz")
    model = ticket_intent().set_params(out_of_scope=None).fit(train[["text"]], train["intent"].to_numpy(dtype=object))
    shares = np.asarray(model.predict_proba(test[["text"]]))
    said = np.asarray(model.classes_, dtype=object)[shares.argmax(axis=1)]
    return Answered(said, shares.max(axis=1), (said != test["intent"].to_numpy(dtype=object)).astype(float))


def certified(rows: Answered, half: NDArray[np.bool_], promise: float) -> NDArray[np.bool_]:
    """Which rows policy would decide under a certificate that rests on a half of them."""
    found = certify_threshold(rows.confidence[half], rows.wrong[half], max_error=promise, confidence_level=_SURE)
    return rows.confidence >= (np.inf if found.threshold is None else found.threshold)


def by_answer(rows: Answered, half: NDArray[np.bool_], promise: float) -> NDArray[np.bool_]:
    """The same, each answer under a certificate of its own."""
    decided = np.zeros(len(rows.said), dtype=bool)
    for name in np.unique(rows.said.astype(str)):
        mine = rows.said == name
        found = certify_threshold(
            rows.confidence[mine & half], rows.wrong[mine & half], max_error=promise, confidence_level=_SURE
        )
        decided |= mine & (rows.confidence >= (np.inf if found.threshold is None else found.threshold))
    return decided


def errors(rows: Answered, decided: NDArray[np.bool_]) -> dict[str, float]:
    """The share of wrong ones among the decided of each answer; NaN where none is decided."""
    names = np.unique(rows.said.astype(str))
    parts = {name: rows.wrong[decided & (rows.said == name)] for name in names}
    return {name: float(part.mean()) if len(part) else np.nan for name, part in parts.items()}


def compared(domain: str, rows: Answered, promise: float, resplits: int) -> list[dict[str, object]]:
    """Both ways over the resplits, as rows of the table."""
    random = np.random.default_rng(0)
    table: list[dict[str, object]] = []
    halves = [random.random(len(rows.said)) < 0.5 for _ in range(resplits)]
    for name, way in (("one for all", certified), ("one for each answer", by_answer)):
        decided = [way(rows, half, promise) for half in halves]
        found = pd.DataFrame([errors(rows, each) for each in decided])
        broken = (found > promise).mean()
        whole = [rows.wrong[each].mean() > promise for each in decided if each.any()]
        worst = str(broken.idxmax())
        table.append(
            {
                "domain": domain,
                "promise": f"{promise:.0%}",
                "certificate": name,
                "decided": f"{np.mean([each.mean() for each in decided]):.3f}",
                "broken over all": f"{np.mean(whole):.3f}" if whole else "-",
                "broken for the worst answer": f"{broken.max():.3f} ({worst})",
                "its error when decided": f"{found[worst].mean():.3f}",
            }
        )
    return table


def main() -> int:
    """Measure every domain, print and write the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--resplits", type=int, default=400)
    given = asked.parse_args()
    table: list[dict[str, object]] = []
    for domain in sorted(each.name for each in given.folder.iterdir() if each.is_dir()):
        rows = answered(given.folder / domain)
        print(f"{domain}: {len(rows.said)} test rows, {1 - rows.wrong.mean():.3f} right")
        for promise in _PROMISES:
            table += compared(domain, rows, promise, given.resplits)
    heads = list(table[0])
    lines = [f"| {' | '.join(map(str, row.values()))} |" for row in table]
    text = "\n".join([f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines])
    print(text)
    RESULTS.write_text(f"{_ABOUT.format(resplits=given.resplits, machine=machine())}\n{text}\n", encoding="utf-8")
    return 0


_ABOUT = """# A certificate for all answers beside one for each

`python -m benchmarks.tickets.segments FOLDER`; MultiDoGO, sentences of customers with their intent, {resplits} random
halves of the test part each; 90 % sure; {machine}.
*Broken* is the share of halves whose certificate let through more errors than promised, counted on the whole test part;
at most 0.1 is allowed, and of one certificate for all nothing is promised about a single answer.
"""


if __name__ == "__main__":
    raise SystemExit(main())
