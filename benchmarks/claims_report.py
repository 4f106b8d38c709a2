"""The page about a replay of the published claims, for people."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from aiops_flows.use_case import ModelSpec
from benchmarks.claims_figures import DEPLOYED, Figures
from flows.claims import CLAIMS

__all__ = ["YEARS", "report"]

YEARS = (2012, 2013)


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

Written by `python -m benchmarks.claims_quality --every {every}`.

Published rows stored as claims: {taken["cases"]:,}; in quarantine: {taken["quarantined"]}.
The case log's invariants and audit trail {"hold" if holds else "ARE BROKEN"}.
Claims received in 2010 and 2011 are history; the first models learn from the outcomes known on 2012-01-01.
From then on challengers are trained every {every} days on the outcomes known by then: of claims received at most three
years back, 70 % to learn from, the rest to judge and certify on.
**When a claim was closed is an assumption**, since the published file does not say it: see
`flows/published_claims.py`."""


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

Paid is approved or settled; judged on the claims that have a published disposition ({told}).
ECE has ten bins of equal width.
Rows "labels whenever known" learned the baseline's way, with the library's estimator: from every labelled
claim received in those two years, no rows kept back, *also from outcomes that were not known at the time*.
The others use labels only once they were known.

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
    said = "\n".join(_kept(int(year), each, target["max_error"]) for year, each in found["automatic"].items())
    promised = [each["coverage"] for each in found["certificates"] if each["threshold"] is not None]
    shares = ", ".join(f"{share:.1%} ({year})" for year, share in found["paid_share"].items())
    return f"""## Automatic decisions

{_table(head, rows)}

{said}
{_verdicts(found["automatic"])}
The certificate says: at most {target["max_error"]:.0%} wrong with probability {target["confidence"]:.0%}, *for claims
like those it was made on*, whose outcome was known at the training and which were received over up to three years.
Claims change: the share paid, by year of receipt, is {shares}.
So the certificate is no promise for the months that follow a change: the first champion under its first certificate,
on claims that no model ever learned from, by all outcomes that ever became known:

{_table(["received in", "would decide", "wrong", "error"], _quarters(found["unseen_by_quarter"]))}

The {len(found["certificates"])} certificates share most of their rows; their coverage on those went from
{_shown(promised[0] if promised else None, ".0%")} to {_shown(promised[-1] if promised else None, ".0%")}."""


def _quarters(quarters: Mapping[str, Figures]) -> list[list[str]]:
    return [
        [quarter, f"{each['told']}", f"{each['wrong']}", _shown(each["error"], ".2f")]
        for quarter, each in quarters.items()
    ]


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
    judged = CLAIMS.model(CLAIMS.judged_by)
    shown = [each for each in checks if each["model"] == judged.name]
    rows = [[f"{each['at']}, version {each['version']}", each["verdict"], *_distances(judged, each)] for each in shown]
    return f"""## Drift, on the first of each month

The latest 2,000 claims against what the champion learned from; {summary}.
Shown for {judged.name}: distance (Jensen-Shannon) and the limit of chance.
* marks what moved, by its values or its missing ones.

{_table(["month", "verdict", *judged.drift_columns], rows)}"""


def _distances(spec: ModelSpec, check: dict[str, Any]) -> list[str]:
    found, moved = check.get("distance_and_limit", {}), check.get("moved", ())
    cells = [(name, *found.get(name, (None, None))) for name in spec.drift_columns]
    return [f"{_shown(distance)} / {_shown(limit)}{' *' if name in moved else ''}" for name, distance, limit in cells]


def _cost(found: dict[str, Any]) -> str:
    took, parts = found["seconds_in_all"], found["seconds"]
    listed = ", ".join(f"{what} {seconds:.0f}" for what, seconds in parts.items())
    trained = pd.Series([each["seconds"] for each in found["retrainings"]])
    return f"""## Time

{took["wall"]:.0f} s ({took["cpu"]:.0f} s of one core) on {os.cpu_count()} shared cores; of these: {listed}.
Training, judging, registering and promoting one challenger took {trained.median():.1f} s (median of {len(trained)})."""
