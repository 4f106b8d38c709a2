"""Writing questions to people: again after a recall, and in the lane beside decisions that stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.moments import moment_texts
from aiops_flows.case_log.tables import REVIEWS
from aiops_flows.case_log.transaction import Transaction, writing

__all__ = [
    "LaneKind",
    "Reviews",
    "effective_decisions",
    "open_audits",
    "open_lane",
    "open_ordinary",
    "reopen",
    "review_columns",
]

LaneKind = Literal["audit", "second", "known"]
"""Why a person reads a case whose decision stands.

``audit``: policy decided it, and it was drawn; ``second``: another person decided it; ``known``: its truth is known.
"""


@dataclass(frozen=True)
class Reviews:
    """Questions to put to people, as columns of one length."""

    case_ids: Sequence[str] = ()
    reasons: Sequence[str] = ()
    priorities: Sequence[float] = ()
    due_at: Sequence[datetime | str | None] = ()
    questions: Sequence[int] = ()
    """The revision of the decision that each puts in question; only for `reopen`."""
    kinds: Sequence[str | None] = ()
    """None for an ordinary review; may be left out, as the call that writes them says it."""
    blind: Sequence[bool] = ()
    """Whether the person is not to see what was said of the case; left out, only the lane is blind."""


def review_columns(reviews: Reviews, kind: LaneKind | None = None) -> dict[str, list[Any]]:
    """The reviews as columns of their table.

    Raises:
        ValueError: one of them is said to be of another kind than this write's.
    """
    if other := set(reviews.kinds) - {kind}:
        raise ValueError(f"reviews of kind {sorted(map(str, other))} cannot be written where {kind!r} is expected")
    columns: dict[str, list[Any]] = {
        "case_id": list(reviews.case_ids),
        "reason": list(reviews.reasons),
        "priority": [float(priority) for priority in reviews.priorities],
        "due_at": [text or None for text in moment_texts(list(reviews.due_at), "")],
    }
    if kind is not None:
        columns["kind"] = [kind] * len(columns["case_id"])
    if reviews.blind or kind is not None:
        columns["blind"] = [int(blind) for blind in reviews.blind or [True] * len(columns["case_id"])]
    return columns


_DECIDED = """
    SELECT case_id, revision, verdict, reason, actor, actor_kind, terms, seq FROM decisions
    WHERE use_case = ? AND case_id = ANY(?) ORDER BY revision"""

_OPEN = """
    SELECT case_id, round, reason, question, blind FROM reviews AS r
    WHERE use_case = ? AND case_id = ANY(?) AND kind IS NULL
        AND NOT EXISTS (SELECT 1 FROM decisions AS d WHERE d.use_case = r.use_case AND d.case_id = r.case_id
            AND d.revision = coalesce(r.question, -1) + 1)
    ORDER BY round"""

_AUDITS = """
    SELECT round, kind, blind FROM reviews AS r WHERE use_case = ? AND case_id = ? AND kind = 'audit'
        AND NOT EXISTS (SELECT 1 FROM readings AS g
            WHERE g.use_case = r.use_case AND g.case_id = r.case_id AND g.round = r.round)
    ORDER BY round"""


def effective_decisions(transaction: Transaction, case_ids: list[str]) -> dict[str, Row[Any]]:
    """By case id, the decision that holds."""
    return {row.case_id: row for row in transaction.execute(_DECIDED, transaction.use_case, case_ids)}


def open_ordinary(transaction: Transaction, case_ids: list[str]) -> dict[str, Row[Any]]:
    """By case id, the ordinary review that waits for its decision."""
    return {row.case_id: row for row in transaction.execute(_OPEN, transaction.use_case, case_ids)}


def open_audits(transaction: Transaction, case_id: str) -> Sequence[Row[Any]]:
    """The audit reviews of a case that wait for their reading."""
    return transaction.execute(_AUDITS, transaction.use_case, case_id)


def reopen(log: CaseLog, use_case: str, reviews: Reviews, *, actor: str = "recall") -> int:
    """How many cases wait for a person again, with the question whether the revision named should stand.

    A case whose decision changed since, or which has an open ordinary review, is left alone.
    """
    ids = list(reviews.case_ids)
    questions = dict(zip(ids, map(int, reviews.questions), strict=True))
    columns = review_columns(reviews)
    with writing(log, use_case, kind="recall", actor=actor) as transaction:
        effective, waiting = effective_decisions(transaction, ids), open_ordinary(transaction, ids)
        asked = {
            case_id: revision
            for case_id, revision in questions.items()
            if case_id in effective and effective[case_id].revision == revision and case_id not in waiting
        }
        return _ask(transaction, columns, asked)


def open_lane(log: CaseLog, use_case: str, reviews: Reviews, *, kind: LaneKind, actor: str = "policy") -> int:
    """How many cases wait for a reading now, beside the decision that holds.

    An audit is of a case that policy decided, a second reading of one that a person decided, a known one of any that
    was decided. Other cases, and those that ever had a review of that kind, are left alone.
    """
    ids = list(reviews.case_ids)
    columns = review_columns(reviews, kind)
    by = {"audit": {"policy"}, "second": {"person"}, "known": {"policy", "person"}}[kind]
    with writing(log, use_case, kind="lane", actor=actor) as transaction:
        had = _cases_of_kind(transaction, ids, kind)
        effective = effective_decisions(transaction, ids)
        asked = {i: row.revision for i, row in effective.items() if row.actor_kind in by and i not in had}
        return _ask(transaction, columns, asked)


def _ask(transaction: Transaction, columns: Mapping[str, list[Any]], questions: Mapping[str, int]) -> int:
    """How many reviews were opened: one a case among the questions, which name the revision in question."""
    rounds = _next_rounds(transaction, list(questions))
    first = {case_id: place for place, case_id in reversed(list(enumerate(columns["case_id"])))}
    places = [first[case_id] for case_id in questions]
    chosen = {name: [column[place] for place in places] for name, column in columns.items()}
    chosen["round"] = [rounds.get(case_id, 0) for case_id in questions]
    chosen["question"] = list(questions.values())
    return transaction.insert(REVIEWS, chosen).new


def _cases_of_kind(transaction: Transaction, case_ids: list[str], kind: str) -> Collection[str]:
    statement = "SELECT DISTINCT case_id FROM reviews WHERE use_case = ? AND case_id = ANY(?) AND kind = ?"
    return {row[0] for row in transaction.execute(statement, transaction.use_case, case_ids, kind)}


def _next_rounds(transaction: Transaction, case_ids: list[str]) -> dict[str, int]:
    rows = transaction.execute(
        "SELECT case_id, max(round) + 1 FROM reviews WHERE use_case = ? AND case_id = ANY(?) GROUP BY case_id",
        transaction.use_case,
        case_ids,
    )
    return {row[0]: row[1] for row in rows}
