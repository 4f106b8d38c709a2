"""What certificates, audit lane, drift checks and monitor say as time goes by, held against what turned out true.

    python -m benchmarks.evidence_in_time [--only claims|electricity|flights|stable] [--data FOLDER]

Each stream is replayed: cases in order of receipt, labels as late as they were, simulated people who make no mistakes
(so that the audit lane can be held against the truth). What does not hold is said.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.replay import History, Replayed, Reviewers, Schedule, Side, read_history, replay
from aiops_flows.replay.figures import Period, records
from aiops_flows.replay.page import kept
from aiops_flows.use_case import UseCase
from benchmarks.streams.electricity import ELECTRICITY, electricity_history
from benchmarks.streams.electricity import FILE as ELECTRICITY_FILE
from benchmarks.streams.flights import FLIGHTS, flights_history
from benchmarks.streams.stable import STABLE, stable_history
from flows.claims import CLAIMS
from flows.published_claims import published_outcomes

__all__ = ["STREAMS", "main"]

RESULTS = Path(__file__).resolve().parent / "results" / "evidence_in_time.md"
CLAIMS_FILE = Path("tsa_claims", "tsa_2010_2013.csv.gz")
_HEADING = "# Evidence as time goes by"


@dataclass(frozen=True)
class Stream:
    """A stream to replay, and how it is told."""

    title: str
    about: str
    use_case: UseCase
    history: Callable[[Path], History]
    start: str | None
    schedule: Schedule
    reviewers: Reviewers
    periods: Sequence[Period]
    money: Callable[[pd.DataFrame], pd.Series[float]] | None = None


def _claims_money(wrong: pd.DataFrame) -> pd.Series[float]:
    """US dollars: what was paid in truth of a claim wrongly denied; how far off the expected amount was of others."""
    said, true = (pd.to_numeric(wrong[f"{side}_amount"], errors="coerce") for side in ("said", "true"))
    return pd.Series(np.where(wrong["verdict"] == "deny", true, (said - true).abs()), index=wrong.index)


STREAMS = {
    "claims": Stream(
        "Published claims of air passengers, 2011 to 2013",
        "41,598 claims that the US Transportation Security Administration published; those received in 2010 are what "
        "was learned from at first. When a claim was closed is an assumption (see `flows/published_claims.py`). The "
        "share of claims that are paid climbs from a fifth to a half: the world changes.",
        CLAIMS,
        lambda data: read_history(CLAIMS, data / CLAIMS_FILE, published_outcomes, amount="amount"),
        "2011-01-01",
        Schedule(),
        Reviewers(capacity_per_day=40.0),
        ("year", "quarter"),
        _claims_money,
    ),
    "electricity": Stream(
        "Electricity prices (Elec2), 1996 to 1998",
        "45,312 half hours, labels known a day later. Concepts change within weeks, and labels follow each other: "
        "the model is trained each four weeks on the last half year.",
        ELECTRICITY,
        lambda data: electricity_history(data / ELECTRICITY_FILE),
        "1996-08-01",
        Schedule(),
        Reviewers(capacity_per_day=20.0, minutes_per_case=2.0),
        ("year", "quarter"),
    ),
    "flights": Stream(
        "Flights from New York (nycflights13), April to December 2013",
        "A seeded 15 % of 336,776 flights; January to March are what was learned from at first; the outcome is known "
        "two days after the prediction. Winter, summer and autumn differ.",
        FLIGHTS,
        lambda _: flights_history(),
        "2013-04-01",
        Schedule(),
        Reviewers(capacity_per_day=40.0, minutes_per_case=2.0),
        ("quarter", "month"),
    ),
    "stable": Stream(
        "A simulated business that never changes, two years",
        "30,000 orders from one distribution, labels one to sixty days late. Nothing may block or roll back.",
        STABLE,
        lambda _: stable_history(),
        None,
        Schedule(),
        Reviewers(capacity_per_day=20.0, minutes_per_case=5.0),
        ("year", "quarter"),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay the streams asked for, print what came of each, and write it into the page of results."""
    asked = _asked(arguments)
    logging.getLogger("aiops_flows").setLevel(logging.ERROR)  # what it warns of is among the events
    for name in [asked.only] if asked.only else list(STREAMS):
        stream, begun = STREAMS[name], time.perf_counter()
        try:
            history = stream.history(asked.data)
        except (OSError, ImportError) as fault:
            print(f"{name}: not replayed, its data is not here: {fault}", file=sys.stderr)
            continue
        done = replay(
            stream.use_case,
            history,
            start=stream.start,
            schedule=stream.schedule,
            reviewers=stream.reviewers,
            money=stream.money,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        text = report(stream, done, time.perf_counter() - begun)
        print(text)
        _keep(name, text)
    return 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(os.environ.get("AIOPS_SHARED_DATA", beside))
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evidence_in_time", description=str(__doc__).split("\n")[0]
    )
    parser.add_argument("--only", choices=list(STREAMS), help="one stream; default all, one after the other")
    parser.add_argument("--data", type=Path, default=data, help="folder of the public data; else AIOPS_SHARED_DATA")
    return parser.parse_args(arguments)


def report(stream: Stream, done: Replayed, seconds: float) -> str:
    """What a replay showed, as a section of the page."""
    side = done.present
    parts = [
        f"## {stream.title}",
        stream.about,
        _conditions(stream),
        *(_table(side.by(period)) for period in stream.periods),
        "\n".join(f"- {_plainly(row)}" for row in records(side.by(stream.periods[0]))),
        _audit(side, stream.periods[-1]),
        _drift(side),
        _monitor(side),
        _promotions(side),
        f"Replayed in {seconds:.0f} s: " + ", ".join(f"{what} {took:.0f}" for what, took in side.seconds.items()) + ".",
    ]
    if side.broken:
        parts.append(f"**The case log is broken**: {'; '.join(side.broken)}")
    return "\n\n".join(parts) + "\n"


def _conditions(stream: Stream) -> str:
    policy, plan = stream.use_case.review, stream.schedule
    return (
        f"Certified: at most {policy.error_limit():.0%} wrong among automatic decisions, {policy.confidence:.0%} sure, "
        f"valid for {policy.valid_for.days} days.\nAudited: {policy.audit:.0%}.\n"
        f"Trained every {_days(plan.retrain)}, watched every {_days(plan.monitor)}."
    )


def _days(every: timedelta | None) -> str:
    return "never" if every is None else f"{every.days} days"


def _plainly(row: dict[str, Any]) -> str:
    """Whether the target held, marked where it did not."""
    return re.sub(r"</?span[^>]*>", "**", kept(row))


_HEAD = (
    "received in", "cases", "by policy", "coverage", "certified", "wrong (95 % sure)", "read",
    "audit says (95 % sure)", "holds the truth", "hours", "drift / checks", "alarms", "rolled back",
)  # fmt: skip
_COVERS = {True: "yes", False: "**no**", None: "-"}


def _table(found: pd.DataFrame) -> str:
    money = found["money_wrong"].notna().any()
    lines = [[*_HEAD, *(["money wrongly moved"] if money else [])]]
    lines.append(["---", *["--:"] * (len(lines[0]) - 1)])
    for row in records(found):
        cells = [
            row["period"], f"{row['cases']:,}", f"{row['by_policy']:,}", _share(row["coverage"]),
            _share(row["certified_target"]), _sure(row, "error", "error"), str(row["audit_readings"]),
            _sure(row, "audit_estimate", "audit"), _COVERS[row["audit_covers"]], f"{row['reviewer_hours']:,.0f}",
            f"{row['drift_found']} / {row['drift_checks']}", str(row["alarms"]), str(row["rollbacks"]),
        ]  # fmt: skip
        lines.append([*cells, f"{row['money_wrong'] or 0:,.0f}"] if money else cells)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _sure(row: dict[str, Any], value: str, ends: str) -> str:
    if row[value] is None:
        return "-"
    return f"{row[value]:.1%} ({_share(row[f'{ends}_low'])} to {_share(row[f'{ends}_high'])})"


def _audit(side: Side, period: Period) -> str:
    table = side.by(period)
    told = table[(table["period"] != "all") & table["audit_covers"].notna()]
    held = int(told["audit_covers"].astype(bool).sum())
    return f"Audit lane: its 95 % interval held the error of that {period} in {held} of {len(told)} {period}s."


def _drift(side: Side) -> str:
    checks = records(side.events[side.events["what"].str.startswith("drift check")])
    counted = Counter((row["model"], row["what"].removeprefix("drift check: ")) for row in checks)
    said = [f"{model}: {verdict} {number} times" for (model, verdict), number in sorted(counted.items())]
    return f"Drift: {'; '.join(said) or 'never checked'}."


def _monitor(side: Side) -> str:
    """Alarms by model, kind and action: how many, and what the first one said."""
    told = records(side.events[side.events["what"].isin(["alarm raised", "rolled back"])])
    if not told:
        return "Monitor: no alarm, nothing rolled back, nothing blocked."
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in told:
        kind = row["what"] if row["what"] == "rolled back" else row["detail"].split(": ")[0]
        kinds.setdefault((row["model"], kind), []).append(row)
    lines = [
        f"- {model}: {kind}: {len(rows)} times, first on {rows[0]['at'][:10]}: {_shortly(rows[0]['detail'])}"
        for (model, kind), rows in kinds.items()
    ]
    return "Alarms, and what came of them:\n\n" + "\n".join(lines)


def _promotions(side: Side) -> str:
    """What became of challengers, and of certificates; why the first one was refused by each gate."""
    total = side.total
    refused: dict[str, list[str]] = {}
    for row in records(side.events[side.events["what"] == "refused"]):
        refused.setdefault(row["detail"].split(":")[0], []).append(row["detail"])
    why = [f"- refused by {gate}: {len(said)} times; the first: {_shortly(said[0])}" for gate, said in refused.items()]
    uncertified = sum(each["threshold"] is None for each in side.certificates)
    counted = (
        f"Promoted {total['promotions']} times, refused {total['refusals']} times; {total['certificates']} "
        f"certificates, {uncertified} of them without a threshold (then a person decides all)."
    )
    return "\n".join([counted, *(["", *why] if why else [])])


def _shortly(text: str, most: int = 240) -> str:
    return text if len(text) <= most else f"{text[:most]} ..."


def _keep(name: str, text: str) -> None:
    """Put a section into the page of results, in place of what it said before."""
    sections = dict.fromkeys(STREAMS, "")
    if RESULTS.is_file():
        parts = re.split(r"<!-- (\w+) -->\n", RESULTS.read_text(encoding="utf-8"))[1:]
        sections |= dict(zip(parts[::2], parts[1::2], strict=True))
    sections[name] = text
    said = str(__doc__).split("\n\n")
    opening = f"{_HEADING}\n\nWritten by `python -m benchmarks.evidence_in_time`.\n{said[-1].strip()}\n\n"
    body = "".join(f"<!-- {each} -->\n{part.rstrip()}\n\n" for each, part in sections.items() if part)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(opening + body.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
