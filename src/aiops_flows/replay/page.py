"""The result of a replay as one page for people: tables and plots, nothing from the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from aiops_flows.replay.figures import records
from aiops_flows.replay.plots import pictures

if TYPE_CHECKING:
    from aiops_flows.replay.replaying import Replayed, Side

__all__ = ["kept", "page"]

_SHOWN_CHANGES = 20
_SHOWN_EVENTS = 100
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:84rem;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}table{border-collapse:collapse;font-size:13px}
th,td{padding:.25rem .45rem;border-bottom:1px solid #ddd;text-align:right;vertical-align:top}
th:first-child,td:first-child,.words td,.words th{text-align:left}
td{font-variant-numeric:tabular-nums}
.wide{margin:.8rem 0}thead th{border-bottom:2px solid #888}
tr.all td{font-weight:600;border-top:2px solid #888}.broken{color:#a30000;font-weight:600}.wide{overflow-x:auto}
figure{margin:1rem 0}figcaption{font-weight:600}svg{max-width:100%;height:auto}
"""
_COLUMNS = {
    "period": "received in", "cases": "cases", "by_policy": "by policy", "coverage": "coverage",
    "certified_target": "certified: at most", "told": "truth known", "error": "wrong (95 % sure)",
    "audit_readings": "audited", "audit_estimate": "audit says wrong (95 % sure)",
    "reviewer_hours": "hours of people", "open": "unanswered", "money_wrong": "money wrongly moved",
    "drift": "drift / checks", "promotions": "promoted", "refusals": "refused", "rollbacks": "rolled back",
    "alarms": "alarms", "certificates": "certificates",
}  # fmt: skip
_SHARES = {"coverage", "certified_target"}


def page(replayed: Replayed) -> str:
    """The whole page."""
    sides = replayed.sides
    parts = [_opening(replayed)]
    for name, side in sides.items():
        parts += [f"<h2>The {name} {escape(side.use_case)}</h2>", _verdicts(side), _periods(side)]
    parts.append("<h2>Plots</h2>")
    parts += [
        f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>" for title, svg in pictures(sides).items()
    ]
    if replayed.candidate is not None:
        parts += ["<h2>Decisions that would change</h2>", _changes(replayed)]
    for name, side in sides.items():
        parts += [f"<h2>Certificates, {name}</h2>", _certificates(side), f"<h2>Events, {name}</h2>", _events(side)]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Replay</title>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _opening(replayed: Replayed) -> str:
    people, plan = replayed.reviewers, replayed.schedule
    retrained = "never again" if plan.retrain is None else f"every {plan.retrain.days} days"
    what = "the present use case" + (" and a candidate beside it" if replayed.candidate else "")
    return (
        f"<h1>Replay of {escape(replayed.present.use_case)}, {replayed.start.date()} to {replayed.end.date()}</h1>"
        f"<p>A history in time order through {what}: batches of {plan.batch.days} days, trained at the start and "
        f"{retrained}, each outcome recorded only once it was known. "
        f"<strong>The people are simulated</strong>: {people.capacity_per_day:g} answers a day, "
        f"{people.error:.0%} of them wrong, {people.minutes_per_case:g} minutes each. "
        "Cases received before the start are what was learned from. "
        "“Wrong” is told by every outcome that is ever known; what the audit lane says is told by the simulated "
        "readers alone. A certificate speaks of cases like those it was made on: where the world changed, it may fail, "
        "and this page says so.</p>"
    )


def kept(row: Mapping[str, Any], worst: str = "class='broken'") -> str:
    """Whether the certified target held in a period, in plain words."""
    name, error, target = row["period"], row["error"], row["certified_target"]
    if error is None:
        return f"{name}: policy decided nothing whose outcome is known."
    low, high = row["error_low"], row["error_high"]
    if low is None:
        return f"{name}: the mean loss was {error:.3f}, the target {target:g}."
    if low > target:
        said = f"{name}: the certified target did not hold: {error:.1%} wrong, at most {target:.0%} was certified, "
        return f"<span {worst}>{said}and chance alone does not explain it.</span>"
    if error > target:
        return f"{name}: {error:.1%} wrong, more than the {target:.0%} certified; chance alone could explain it."
    sure = "" if high <= target else ", though chance alone could hide a failure"
    return f"{name}: the target of {target:.0%} held ({error:.1%} wrong{sure})."


def _verdicts(side: Side) -> str:
    said = [kept(row) for row in records(side.periods)]
    broken = "".join(f"<p class='broken'>The case log is broken: {escape(each)}</p>" for each in side.broken)
    return broken + "<ul>" + "".join(f"<li>{each}</li>" for each in said) + "</ul>"


def _periods(side: Side) -> str:
    rows = []
    for row in records(side.periods):
        row["error"] = _with_interval(row["error"], row["error_low"], row["error_high"])
        row["audit_estimate"] = _with_interval(row["audit_estimate"], row["audit_low"], row["audit_high"])
        row["drift"] = f"{row['drift_found']} / {row['drift_checks']}"
        rows.append([_shown(name, row[name]) for name in _COLUMNS])
    return _table(list(_COLUMNS.values()), rows, last="all")


def _with_interval(value: Any, low: Any, high: Any) -> str | None:
    if value is None:
        return None
    return f"{value:.1%}" if low is None else f"{value:.1%} ({low:.1%} to {high:.1%})"


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name in _SHARES:
        return f"{value:.1%}"
    if isinstance(value, float):
        return f"{value:,.0f}" if name == "money_wrong" else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], last: str = "", *, words: bool = False) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = []
    for number, row in enumerate(rows):
        mark = f" class='{last}'" if last and number == len(rows) - 1 else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>")
    kind = " class='words'" if words else ""
    return (
        f"<div class='wide'><table{kind}><thead><tr>{cells}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _changes(replayed: Replayed) -> str:
    counted = [[row["present"], row["candidate"], f"{row['cases']:,}"] for row in records(replayed.moves)]
    rows = [
        [
            str(row["case_id"]),
            row["received_at"][:10],
            row["present"],
            row["candidate"],
            _shown("", row["truth"]),
        ]
        for row in records(replayed.changes.head(_SHOWN_CHANGES))
    ]
    more = len(replayed.changes) - len(rows)
    note = f"<p>{more:,} more are in changes.csv.</p>" if more > 0 else ""
    return (
        f"<p>{len(replayed.changes):,} cases would be decided otherwise, by policy in place of a person, or by a "
        "person in place of policy.</p>"
        + _table(["present", "candidate", "cases"], counted, words=True)
        + _table(["case", "received", "present", "candidate", "turned out true"], rows, words=True)
        + note
    )


def _certificates(side: Side) -> str:
    rows = [
        [
            f"{each['at']:%Y-%m-%d}",
            f"{each['model']} {each['version']}",
            "none" if each["threshold"] is None else f"{each['threshold']:.4f}",
            f"{each['coverage']:.1%}",
            f"{each['labels_used']:,}",
            str(each["reason"]),
        ]
        for each in side.certificates
    ]
    return _table(["on", "version", "from confidence", "coverage", "labels", "what it says"], rows, words=True)


def _events(side: Side) -> str:
    told = side.events[~side.events["what"].isin(["drift check: no drift", "trained", "certificate"])]
    rows = [
        [row["at"][:10], row["what"], f"{row['model']} {_shown('', row['version'])}", row["detail"]]
        for row in records(told.head(_SHOWN_EVENTS))
    ]
    more = len(told) - len(rows)
    note = f"<p>{more:,} more are in events.csv.</p>" if more > 0 else ""
    return _table(["on", "what", "model", "why"], rows, words=True) + note
