"""How well the library decides the published claims of 2012 and 2013, trained again as deployed.

    python -m benchmarks.claims_quality [--data FILE] [--every DAYS] [--models disposition amount]

Claims received in 2010 and 2011 are history, with the outcomes that were known on 2012-01-01. What follows comes in
order of receipt through the same functions as the tasks call, on a case log in SQLite and an MLflow store in a
temporary folder. The published file does not say when a claim was closed: `flows.published_claims` assumes it, and says
how.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from aiops_flows.case_log import audit, questions
from aiops_flows.steps.workspace import Workspace
from benchmarks.claims_figures import (
    DEPLOYED,
    Answered,
    Figures,
    amount_figures,
    answered,
    automatic_figures,
    paid_figures,
)
from benchmarks.claims_replay import PUBLISHED, Replay, Stream, find_published, replay, utc, workspace_in
from flows.claims import CLAIMS

__all__ = ["main", "measured", "report"]

RESULTS = Path(__file__).resolve().parent / "results"
HISTORY_FROM, START, END = utc("2010-01-01"), utc("2012-01-01"), utc("2014-01-01")
YEARS = (2012, 2013)
EVERY_DAYS = 28
"""Weekly, as ``prefect.yaml`` has it, takes four times as long; the figures hardly differ."""

BASELINE: dict[str, dict[int, Figures]] = {
    "baseline of the data's README, frozen": {
        2012: {"auc": 0.697, "brier": 0.220, "ece": 0.082},
        2013: {"auc": 0.691, "brier": 0.228, "ece": 0.098},
    },
    "baseline of the data's README, trained again on 2011-12": {2013: {"auc": 0.703, "brier": 0.217, "ece": 0.050}},
}
"""Gradient boosting trained on every labelled claim of two years, whenever its outcome became known."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the replay, print the report and write it beside this file."""
    asked = _asked(arguments)
    file = asked.data or find_published()
    if file is None or not file.is_file():
        print(f"No file of published claims. Name it with --data, or set AIOPS_SHARED_DATA to what holds {PUBLISHED}.")
        return 1
    with TemporaryDirectory() as home, workspace_in(Path(home)) as place:
        begun = time.perf_counter(), time.process_time()
        done = replay(
            place,
            Stream.read(file),
            history_from=HISTORY_FROM,
            start=START,
            end=END,
            every=timedelta(days=asked.every),
            models=asked.models,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        took = {"wall": time.perf_counter() - begun[0], "cpu": time.process_time() - begun[1]}
        found = measured(place, done) | {"every_days": asked.every, "models": asked.models, "seconds_in_all": took}
    text = report(found)
    print(text)
    _write(found, text, asked.every)
    return 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    outputs = [spec.output for spec in CLAIMS.models]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.claims_quality", description=str(__doc__).split("\n")[0]
    )
    parser.add_argument("--data", type=Path, help="the published file; default: found by AIOPS_SHARED_DATA")
    parser.add_argument("--every", type=int, default=EVERY_DAYS, metavar="DAYS", help="train again so often (28)")
    parser.add_argument("--models", nargs="+", choices=outputs, default=outputs, help="train only these again")
    return parser.parse_args(arguments)


def _write(found: dict[str, Any], text: str, every: int) -> None:
    RESULTS.mkdir(exist_ok=True)
    name = "claims_quality" if every == EVERY_DAYS else f"claims_quality_every_{every}_days"
    (RESULTS / f"{name}.md").write_text(text)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1, default=str) + "\n")


def measured(place: Workspace, done: Replay) -> dict[str, Any]:
    """Every figure of the report, as JSON can hold it."""
    claims = answered(place, done, START)
    return {
        "taken_in": _taken_in(place, done),
        "paid": BASELINE | _by_year(claims, "paid"),
        "paid_share": _paid_share(place),
        "amount": _by_year(claims, "amount"),
        "automatic": {year: automatic_figures(claims.of(year)) for year in YEARS},
        "automatic_by_month": _by_month(claims),
        "target": {"max_error": CLAIMS.review.max_error, "confidence": CLAIMS.review.confidence},
        "certificates": done.certificates,
        "retrainings": [each.__dict__ | {"at": each.at.date().isoformat()} for each in done.retrainings],
        "drift": [
            {"at": at.date().isoformat(), "model": check.model, "version": check.version, **_drift(check.report)}
            for at, checks in done.drift
            for check in checks
        ],
        "seconds": {what: round(seconds, 1) for what, seconds in done.seconds.items()},
    }


def _taken_in(place: Workspace, done: Replay) -> dict[str, Any]:
    counts = questions.counts(place.log, CLAIMS.name).iloc[0].drop("use_case").to_dict()
    return {
        **{str(name): int(value) for name, value in counts.items()},
        "outcomes_recorded": done.outcomes,
        "quarantine_reasons": questions.quarantine(place.log, CLAIMS.name)["reason"].tolist(),
        "broken_invariants": audit.check_invariants(place.log),
        "audit_findings": [finding.what for finding in audit.verify(place.log)],
    }


def _paid_share(place: Workspace) -> dict[str, float]:
    """The share paid of the claims received in each year, by all outcomes there are."""
    told = questions.labelled(place.log, CLAIMS.name, name="disposition")
    years = told["received_at"].dt.strftime("%Y")
    return {str(year): float(share) for year, share in (told["value"] != "deny").groupby(years).mean().items()}


def _by_year(claims: Answered, what: str) -> dict[str, dict[int, Figures]]:
    figures = paid_figures if what == "paid" else amount_figures
    found = {way: {year: figures(claims.of(year), way) for year in YEARS} for way in claims.ways(what)}
    return {way: {year: each for year, each in years.items() if each["claims"]} for way, years in found.items()}


def _by_month(claims: Answered) -> dict[str, Figures]:
    months = claims.claims["received_at"].dt.strftime("%Y-%m")
    return {str(month): automatic_figures(rows) for month, rows in claims.claims.groupby(months)}


def _drift(report: Any) -> dict[str, Any]:
    if report is None:
        return {"verdict": "unknown"}
    distances = {column.name: [column.distance, column.limit] for column in report.columns}
    return {
        "verdict": report.verdict,
        "p_value": report.p_value,
        "moved": report.drifted_columns,
        "distance_and_limit": distances,
    }


# --- the report ----------------------------------------------------------------------------------------------------


def report(found: dict[str, Any]) -> str:
    """The figures as a page."""
    parts = [
        _opening(found),
        _paid_table(found["paid"]),
        _amount_table(found["amount"]),
        _automatic_table(found),
        _promotions(found),
        _drift_table(found["drift"]),
        _cost(found),
    ]
    return "\n\n".join(parts) + "\n"


def _opening(found: dict[str, Any]) -> str:
    taken, every = found["taken_in"], found["every_days"]
    holds = not taken["broken_invariants"] and not taken["audit_findings"]
    return f"""# Real claims, 2012 and 2013, in order of receipt

`python -m benchmarks.claims_quality --every {every}`: {taken["cases"]:,} published claims stored,
{taken["quarantined"]} row to quarantine ({"; ".join(taken["quarantine_reasons"])}).
Claims received in 2010 and 2011 are history; the first models learn from the outcomes known on 2012-01-01.
Challengers are trained every {every} days on what was known by then (at most three years back, 70 % of it; the rest
judges and certifies). **When a claim was closed is an assumption**, since the published file does not say it: see
`flows/published_claims.py`.
The case log's invariants and audit trail {"hold" if holds else "ARE BROKEN"}."""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(years: dict[int, Figures], names: Sequence[str], form: str) -> list[str]:
    return [_shown(years.get(year, {}).get(name), form) for year in YEARS for name in names]


def _shown(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else f"{value:{form}}"


def _paid_table(paid: dict[str, dict[int, Figures]]) -> str:
    names = ("auc", "brier", "ece")
    head = ["probability of being paid"] + [f"{name} {year}" for year in YEARS for name in ("AUC", "Brier", "ECE")]
    rows = [[f"**{way}**" if way == DEPLOYED else way, *_cells(years, names, ".3f")] for way, years in paid.items()]
    told = ", ".join(f"{paid[DEPLOYED][year]['claims']:,} of {year}" for year in YEARS)
    return f"""## Paid or denied

Paid is approved or settled; judged on the claims that have a published disposition ({told}). ECE: ten bins of equal
width. Rows "labels whenever known" learned the baseline's way, with the library's estimator: from every labelled
claim received in those two years, no rows kept back, *also from outcomes that were not known at the time*. The others
use labels only once they were known.

{_table(head, rows)}"""


def _amount_table(amounts: dict[str, dict[int, Figures]]) -> str:
    names = ("mean_absolute_error", "root_mean_squared_error", "bias")
    head = ["expected amount, US dollars"]
    head += [f"{name} {year}" for year in YEARS for name in ("MAE", "RMSE", "bias", "total said / paid")]
    rows = []
    for way, years in amounts.items():
        cells: list[str] = []
        for year in YEARS:
            each = years.get(year, {})
            cells += [*(_shown(each.get(name), ".1f") for name in names), _shown(each.get("total_ratio"), ".2f")]
        rows.append([f"**{way}**" if way == DEPLOYED else way, *cells])
    return f"""## Amount

More than half of the claims are paid nothing, so "always 0", the median, has the smallest absolute error and is
useless as an expectation: read MAE beside the bias and the total.

{_table(head, rows)}"""


def _automatic_table(found: dict[str, Any]) -> str:
    target = found["target"]
    head = ["claims received in", "claims", "decided by policy", "coverage", "outcome known", "wrong"]
    head += ["error (95 % sure)", "certified target"]
    rows = []
    for year, each in found["automatic"].items():
        decided = [f"{each['claims']:,}", f"{each['decided']:,}", f"{each['coverage']:.1%}"]
        sure = f"({_shown(each['error_low'])} to {_shown(each['error_high'])})"
        wrong = [f"{each['told']:,}", f"{each['wrong']}", f"{_shown(each['error'])} {sure}"]
        rows.append([str(year), *decided, *wrong, f"{target['max_error']:.2f}"])
    said = " ".join(_kept(int(year), each, target["max_error"]) for year, each in found["automatic"].items())
    shares = ", ".join(f"{year} is {share:.1%}" for year, share in found["paid_share"].items())
    promised = [each["coverage"] for each in found["certificates"] if each["threshold"] is not None]
    return f"""## Automatic decisions

{_table(head, rows)}

{said}
The certificate says: at most {target["max_error"]:.0%} wrong with probability {target["confidence"]:.0%}, *for claims
like those it was made on* (outcomes known at the training, received over up to three years). Claims change: the share
paid of those received in {shares}. So it is no promise for the months that follow; and the
{len(found["certificates"])} certificates share most of their rows. The coverage on those rows was
{min(promised, default=0):.0%} to {max(promised, default=0):.0%}.
{_verdicts(found["automatic"])}"""


def _kept(year: int, figures: Figures, target: float) -> str:
    error, low, high = figures["error"], figures["error_low"], figures["error_high"]
    if error is None or low is None or high is None:
        return f"{year}: nothing was decided by policy whose outcome is known."
    if low > target:
        return f"**{year}: the certified target did not hold** ({error:.3f} wrong; chance alone does not explain it)."
    if error > target:
        return f"**{year}: more than the target was wrong** ({error:.3f}); chance alone could explain it."
    sure = "" if high <= target else ", though chance alone could hide a failure"
    return f"{year}: the target held ({error:.3f} wrong{sure})."


def _verdicts(automatic: dict[int, Figures]) -> str:
    counts = [
        f"{year}: {each['decided_deny']} deny, {each['decided_approve']} approve" for year, each in automatic.items()
    ]
    return f"By verdict: {'; '.join(counts)}."


def _promotions(found: dict[str, Any]) -> str:
    tried = found["retrainings"]
    counted = Counter((each["model"], each["action"]) for each in tried)
    rows = [[model, action, str(number)] for (model, action), number in sorted(counted.items())]
    refused = [[e["at"], f"{e['model']} {e['version']}", "; ".join(e["reasons"])] for e in tried if e["reasons"]]
    shown = _table(["refused on", "challenger", "why"], refused) if refused else "No challenger was refused."
    ends = _table(
        ["gate at the first and the last training", "value", "interval", "champion", "baseline"], _gates(tried)
    )
    return f"""## Promotions

{_table(["model", "became", "times"], rows)}

{shown}

{ends}"""


def _gates(tried: Sequence[dict[str, Any]]) -> list[list[str]]:
    models = list(dict.fromkeys(each["model"] for each in tried))
    ends = [each for model in models for each in _first_and_last([e for e in tried if e["model"] == model])]
    return [
        [
            f"{each['model']} {each['version']} ({each['at']}): {gate['gate']}",
            _shown(gate["value"]),
            f"{_shown(gate['low'])} to {_shown(gate['high'])}",
            _shown(gate["champion"]),
            _shown(gate["baseline"]),
        ]
        for each in ends
        for gate in each["gates"]
        if gate["low"] is not None
    ]


def _first_and_last(tried: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    return tried if len(tried) < 2 else (tried[0], tried[-1])


def _drift_table(checks: Sequence[dict[str, Any]]) -> str:
    counted = Counter((each["model"], each["verdict"]) for each in checks)
    summary = ", ".join(f"{model}: {verdict} {number} times" for (model, verdict), number in sorted(counted.items()))
    months = sorted({each["at"] for each in checks})
    rows = [[month, *(_drift_cell(each) for each in checks if each["at"] == month)] for month in months]
    return f"""## Drift, on the first of each month

The latest 2,000 claims against what the champion learned from; {summary}.

{_table(["month", *(spec.name for spec in CLAIMS.models)], rows)}"""


def _drift_cell(each: dict[str, Any]) -> str:
    moved = ", ".join(each.get("moved", ()))
    return f"{each['verdict']} ({moved})" if moved else str(each["verdict"])


def _cost(found: dict[str, Any]) -> str:
    took, parts = found["seconds_in_all"], found["seconds"]
    listed = ", ".join(f"{what} {seconds:.0f}" for what, seconds in parts.items())
    trained = pd.Series([each["seconds"] for each in found["retrainings"]])
    return f"""## Time

{took["wall"]:.0f} s ({took["cpu"]:.0f} s of one core); of these: {listed}. Training, judging, registering and promoting
one challenger took {trained.median():.1f} s (median of {len(trained)})."""


if __name__ == "__main__":
    sys.exit(main())
