"""Batches that are like the certified rows and batches that are not: what goes to people, and what is decided wrongly.

    python -m benchmarks.safe.shift --data FOLDER [--batches 400]

Requests of CLINC150: a model learned from the training part and is certified on the validation part. Batches of the
test part are like it; batches with requests that are out of scope are not. Published claims: a column is lost. Drawn
orders: frauds become more. Each batch is decided with the comparison and without it. The figures are written to
benchmarks/results/batches_compared.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from aiops_flows.estimators.sparse_text import SparseTextClassifier
from aiops_flows.evidence.losses import wrong
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.inference import predict_with
from aiops_flows.steps.likeness import MOST_COMPARED
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, Text, UseCase
from benchmarks.claims_replay import find_published
from benchmarks.measuring import machine
from benchmarks.safe import RESULTS, certificate_of, table, verdicts_of
from benchmarks.safe.claims import answered
from benchmarks.safe.rare import ORDERS, drawn
from benchmarks.tickets.routing_data import clinc
from flows.claims import CLAIMS, MOST_PAID, paid_wrongly

Losses = Callable[[pd.DataFrame], "pd.Series[float]"]


class Request(Case):
    """What somebody asks."""

    words: Text


INTENT = ModelSpec("desk-intent", ["words"], "intent", SparseTextClassifier(out_of_scope=None))
DESK = UseCase(
    "desk",
    Request,
    [INTENT],
    ReviewPolicy(
        verdicts=["assign"],
        auto={"assign": lambda requests: requests["intent"].notna()},
        judged_by={"intent": wrong},
        segments="intent",
        max_error=0.05,
    ),
)


@dataclass(frozen=True)
class World:
    """Cases with a certificate, and what deciding each of them would lose."""

    name: str
    use_case: UseCase
    certificate: Certificate
    cases: pd.DataFrame
    losses: Losses
    alike: bool
    usual: pd.DataFrame | None = None
    """What came until now, where the cases have just begun to be others; else cases like these came before."""
    sizes: tuple[int, ...] = (10, 100, 1_000)


def requests(data: Path) -> Iterator[World]:
    """Requests in scope, and with a third that is out of scope."""
    parts = {name: clinc(data, name) for name in ("train", "val", "test", "oos_test")}
    fitted = INTENT.estimator.fit(parts["train"].cases[["words"]], parts["train"].classes.astype(object))
    frames = {
        name: predict_with(INTENT, fitted, 1, part.cases).assign(true=part.classes.astype(object))
        for name, part in parts.items()
        if name != "train"
    }
    certificate = certificate_of(DESK, frames["val"], {"intent": frames["val"]["true"].to_numpy(dtype=object)})
    print(certificate.reason)
    alone = certificate_of(
        replace(DESK, review=replace(DESK.review, pool_rare=False)),
        frames["val"],
        {"intent": frames["val"]["true"].to_numpy(dtype=object)},
    )
    print(f"pooled {certificate.coverage:.3f}, each intent alone {alone.coverage:.3f}")

    def losses(cases: pd.DataFrame) -> pd.Series[float]:
        return (cases["intent"] != cases["true"]).astype(float)

    mixed = pd.concat([frames["test"].iloc[::2], frames["oos_test"]], ignore_index=True)
    yield World("requests in scope", DESK, certificate, frames["test"], losses, alike=True)
    yield World("a third of the requests out of scope", DESK, certificate, mixed, losses, alike=False)


def claims(file: Path) -> Iterator[World]:
    """Published claims of 2012 and 2013, whole and without the site."""
    found = answered(file)
    half = np.random.default_rng(0).random(len(found)) < 0.3
    labels, others = found[half].reset_index(drop=True), found[~half].reset_index(drop=True)
    certificate = certificate_of(CLAIMS, labels, {"disposition": labels["true"].to_numpy(dtype=object)})

    def losses(cases: pd.DataFrame) -> pd.Series[float]:
        return pd.Series(paid_wrongly(cases, cases["true"]) / MOST_PAID, index=cases.index)

    yield World("claims", CLAIMS, certificate, others, losses, alike=True)
    yield World("claims without their site", CLAIMS, certificate, others.assign(site=None), losses, alike=False)


def orders() -> Iterator[World]:
    """Drawn orders with 3 % frauds, and with 20 %."""
    random = np.random.default_rng(1)
    policy = replace(ORDERS.review, max_error=0.05, max_missed=0.5)
    use_case = replace(ORDERS, review=policy)
    labels = drawn(4_000, 0.03, 2.0, random)
    certificate = certificate_of(use_case, labels, {"fraud": labels["true"].to_numpy(dtype=object)})
    usual = drawn(20_000, 0.03, 2.0, random)
    frauds = usual[usual["true"] == "yes"].sample(3_000, replace=True, random_state=0)
    more = pd.concat([usual[usual["true"] == "no"].iloc[:12_000], frauds], ignore_index=True)

    def losses(cases: pd.DataFrame) -> pd.Series[float]:
        return (cases["fraud"] != cases["true"]).astype(float)

    yield World("orders, 3 % frauds", use_case, certificate, usual, losses, alike=True)
    yield World("orders, 20 % frauds", use_case, certificate, more, losses, alike=False)
    begun = "orders, 3 % frauds until now, 20 % in the next 1,000"
    yield World(begun, use_case, certificate, more, losses, alike=False, usual=usual, sizes=(10, 100))


def measure(world: World, batches: int) -> Iterator[dict[str, object]]:
    """The rows of one world: batches of each size, with the cases before them."""
    for size in world.sizes:
        random = np.random.default_rng(size)
        plain, compared, cases = np.zeros(2), np.zeros(2), 0
        for batch, before in _batches(world, size, batches, random):
            losses = world.losses(batch).to_numpy()
            cases += len(batch)
            for sums, earlier in ((plain, None), (compared, before)):
                said = verdicts_of(world.use_case, world.certificate, batch, earlier)
                decided = np.array([verdict is not None for verdict in said])
                sums += [decided.sum(), losses[decided].sum()]
        sent = 1 - compared[0] / plain[0] if plain[0] else 0.0
        yield {
            "cases": world.name,
            "in a batch": f"{size:,}",
            "limit": f"{world.use_case.review.error_limit():.2f}",
            "decided without comparing": f"{plain[0] / cases:.3f}",
            "their mean loss": f"{plain[1] / max(plain[0], 1):.3f}",
            "decided after comparing": f"{compared[0] / cases:.3f}",
            "mean loss of these": f"{compared[1] / compared[0]:.3f}" if compared[0] else "nothing decided",
            "sent to review": f"{sent:.3f}" + (" (at most 0.010)" if world.alike else ""),
        }


def _batches(
    world: World, size: int, batches: int, random: np.random.Generator
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Each batch with the latest cases before it: drawn alike, or all that came in turn after the usual ones."""
    if world.usual is None:
        for _ in range(batches):
            wanted = min(max(size, MOST_COMPARED), len(world.cases))
            chosen = world.cases.iloc[random.choice(len(world.cases), wanted, replace=False)]
            yield chosen.iloc[:size].reset_index(drop=True), chosen.iloc[size:]
        return
    for _ in range(max(batches * size // 1_000, 1)):
        seen = world.usual.sample(MOST_COMPARED, random_state=random)
        new = world.cases.sample(1_000, random_state=random)
        for start in range(0, len(new), size):
            batch = new.iloc[start : start + size].reset_index(drop=True)
            yield batch, seen.tail(max(MOST_COMPARED - size, 0))
            seen = pd.concat([seen, batch], ignore_index=True)


def main() -> int:
    """Measure, print and write the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True, help="folder that holds clinc150")
    asked.add_argument("--batches", type=int, default=400)
    given = asked.parse_args()
    file = find_published()
    worlds = [*orders(), *requests(given.data), *(claims(file) if file else [])]
    rows = [row for world in worlds for row in measure(world, given.batches)]
    text = _ABOUT.format(batches=given.batches, machine=machine()) + table(rows) + "\n"
    print(text)
    (RESULTS / "batches_compared.md").write_text(text, encoding="utf-8")
    return 0


_ABOUT = """# Batches compared with the certified rows before they are decided

`python -m benchmarks.safe.shift --data FOLDER --batches {batches}`; random batches of each size; 90 % sure; {machine}.
A batch is compared together with the cases before it, 200 in all, and its answers once more with 1,000 in all.
*Sent to review* is the share of what would have been
decided without comparing; for cases like the certified rows the policy allows 0.010 of it.

"""


if __name__ == "__main__":
    raise SystemExit(main())
