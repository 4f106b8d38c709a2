"""Published claims of 2012 and 2013: who is approved or denied without a person, and what that costs.

    python -m benchmarks.safe.claims [--resplits 40]

The models of the claims flow learn from the claims of 2010 and 2011. Of the closed claims of 2012 and 2013 some are
drawn at random to certify on, again and again, and the others are decided. *Before* is the policy that the flow had:
small claims approved or denied at 15 % wrong, one promise over both. *Now* is `flows.claims.CLAIMS`. The figures are
written to benchmarks/results/claims_by_verdict.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from aiops_flows.evidence.thresholds import certify_threshold
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.frames import case_frame
from aiops_flows.steps.inference import predict_with
from aiops_flows.steps.sources import deliveries
from aiops_flows.steps.terms import with_terms
from benchmarks.claims_replay import find_published
from benchmarks.measuring import machine
from benchmarks.safe import RESULTS, certificate_of, table, verdicts_of
from flows.claims import CLAIMS, PROPERTY, REVIEW_COST, Claim, paid_wrongly
from flows.published_claims import published_outcomes

_LABELS = 3_000
_BEFORE = 0.15


def answered(file: Path) -> pd.DataFrame:
    """The closed claims of 2012 and 2013 with what models of the years before say, and ``true`` disposition."""
    published = pd.read_csv(file, dtype=str, keep_default_na=False)
    [delivery] = deliveries(published)
    rows = check_rows(Claim, delivery)
    claims = case_frame(Claim, rows.columns | {"batch": [""] * len(rows)})
    outcomes = published_outcomes(published)[["case_id", "disposition", "amount"]]
    claims = claims.merge(outcomes.rename(columns={"disposition": "true", "amount": "paid"}), on="case_id")
    late = (claims["received_at"].dt.year >= 2012).to_numpy()
    known, asked = claims[~late], claims[late].reset_index(drop=True)
    for spec, truth in zip(CLAIMS.models, ("true", "paid"), strict=True):
        learned = known[known[truth].notna()]
        fitted = clone(spec.estimator).fit(learned[list(spec.features)], learned[truth])
        asked = predict_with(spec, fitted, 1, asked)
    return with_terms(CLAIMS, asked)


def before(labels: pd.DataFrame, claims: pd.DataFrame) -> NDArray[np.object_]:
    """What the earlier policy decided: approvals and denials under one threshold."""
    sure = labels["disposition_confidence"].to_numpy()
    ruled = _earlier_rules(labels)
    mine = np.array([verdict is not None for verdict in ruled])
    wrong = (ruled != labels["true"].to_numpy())[mine]
    found = certify_threshold(sure[mine], wrong, max_error=_BEFORE, confidence_level=CLAIMS.review.confidence)
    reached = claims["disposition_confidence"].to_numpy() >= (np.inf if found.threshold is None else found.threshold)
    verdicts = _earlier_rules(claims)
    verdicts[~reached] = None
    return verdicts


def _earlier_rules(claims: pd.DataFrame) -> NDArray[np.object_]:
    small = claims["claim_type"].isin(PROPERTY)
    approve = (claims["disposition"] == "approve") & (claims["amount"] < 250) & small
    deny = (claims["disposition"] == "deny") & (claims["amount"] < 100) & small
    verdicts = np.full(len(claims), None, dtype=object)
    verdicts[deny.to_numpy(dtype=bool)] = "deny"
    verdicts[approve.to_numpy(dtype=bool)] = "approve"
    return verdicts


def of_split(claims: pd.DataFrame, seed: int) -> list[dict[str, object]]:
    """Figures of each verdict, before and now, on one draw of the labels."""
    drawn = np.zeros(len(claims), dtype=bool)
    drawn[np.random.default_rng(seed).choice(len(claims), _LABELS, replace=False)] = True
    labels, others = claims[drawn].reset_index(drop=True), claims[~drawn].reset_index(drop=True)
    certificate = certificate_of(CLAIMS, labels, {"disposition": labels["true"].to_numpy(dtype=object)})
    ways = {"before": before(labels, others), "now": verdicts_of(CLAIMS, certificate, others)}
    rows: list[dict[str, object]] = []
    for way, verdicts in ways.items():
        for verdict in ("approve", "settle", "deny"):
            mine = verdicts == verdict
            true = others["true"].to_numpy(dtype=object)[mine]
            approved = verdict == "approve"
            lost = paid_wrongly(others[mine], true) if approved else np.full(int(mine.sum()), np.nan)
            rows.append(
                {
                    "policy": way,
                    "verdict": verdict,
                    "decided": mine.mean(),
                    "wrong": (true != verdict).mean() if len(true) else np.nan,
                    "certified": certificate.error_upper if approved and way == "now" else None,
                    "lost": lost.mean() if len(lost) else np.nan,
                    "count": int(mine.sum()),
                }
            )
    return rows


def measure(claims: pd.DataFrame, resplits: int) -> list[dict[str, object]]:
    """The rows of the table: means over the draws."""
    every = pd.DataFrame([row for seed in range(resplits) for row in of_split(claims, seed)])
    rows: list[dict[str, object]] = []
    for (policy, verdict), mine in every.groupby(["policy", "verdict"], sort=False):
        if not mine["count"].any():
            continue
        certified = pd.to_numeric(mine["certified"])
        limit = CLAIMS.review.error_limit()
        worst = REVIEW_COST / limit
        broken = (mine["lost"] > REVIEW_COST).mean()
        money = policy == "now"
        rows.append(
            {
                "policy": policy,
                "verdict": verdict,
                "decided without a person": f"{mine['decided'].mean():.3f}",
                "other verdict in the end": f"{mine['wrong'].mean():.3f}",
                "certified loss a claim": f"{certified.mean() * worst:.0f} USD" if money else "-",
                "realised loss a claim": f"{mine['lost'].mean():.0f} USD" if verdict == "approve" else "not in money",
                "a review": f"{REVIEW_COST:.0f} USD",
                "draws that lost more than a review": f"{broken:.3f}" if money else "-",
            }
        )
    return rows


def main() -> int:
    """Measure, print and write the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--resplits", type=int, default=40)
    resplits = asked.parse_args().resplits
    file = find_published()
    if file is None:
        print("the published claims are not there (AIOPS_SHARED_DATA)")
        return 1
    claims = answered(file)
    heading = _ABOUT.format(resplits=resplits, machine=machine(), labels=_LABELS, claims=len(claims))
    text = heading + table(measure(claims, resplits)) + "\n"
    print(text)
    (RESULTS / "claims_by_verdict.md").write_text(text, encoding="utf-8")
    return 0


_ABOUT = """# Published claims, decided without a person, by verdict

`python -m benchmarks.safe.claims --resplits {resplits}`; {machine}.
Models learned from the claims of 2010 and 2011; of {claims:,} closed claims of
2012 and 2013, {labels:,} drawn at random certify and the others are decided; means of {resplits} draws.

*Before*: small claims approved or denied, at most 15 % wrong of both together.
*Now*: approvals alone, and they lose at most what a review costs; whatever is not decided goes to people.
A wrong approval loses what it pays where the claim had to be denied, and half of it where it would have been settled.
What a wrong denial costs the person concerned is no figure of this table; it is why nobody is denied without a person.

"""


if __name__ == "__main__":
    raise SystemExit(main())
