"""Writing verdicts: by policy, by a person, and again after a recall; and the questions put to people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row

from aiops_flows.case_log.arrivals import CASE_IS_STORED
from aiops_flows.case_log.dialects import Guard
from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.moments import moment, moment_texts
from aiops_flows.case_log.tables import DECISIONS, REVIEWS
from aiops_flows.case_log.transaction import Transaction, writing
from aiops_flows.errors import AlreadyDecided, ChampionChanged, ConflictingWrite

__all__ = [
    "Decision",
    "Decisions",
    "Reviews",
    "StoredVerdict",
    "VerdictsAdded",
    "add_verdicts",
    "decide",
    "redecide",
    "reopen",
]

_NO_REVIEW = Guard("reviews", present=False)
_NO_DECISION = Guard("decisions", present=False)


@dataclass(frozen=True)
class Decisions:
    """Verdicts to write, as columns of one length."""

    case_ids: Sequence[str] = ()
    verdicts: Sequence[str] = ()
    reasons: Sequence[str] = ()
    replaces: Sequence[int] = ()
    """The revision that each replaces; only for `redecide`."""


@dataclass(frozen=True)
class Reviews:
    """Questions to put to people, as columns of one length."""

    case_ids: Sequence[str] = ()
    reasons: Sequence[str] = ()
    priorities: Sequence[float] = ()
    due_at: Sequence[datetime | str | None] = ()
    questions: Sequence[int] = ()
    """The revision of the decision that each puts in question; only for `reopen`."""


@dataclass(frozen=True)
class StoredVerdict:
    """What holds for a case that had a verdict, or waits for a person, before."""

    verdict: str | None
    """None while a person must answer."""
    reason: str
    by: str | None
    """``policy`` or ``person``; None while a person must answer."""
    revision: int | None = None


@dataclass(frozen=True)
class VerdictsAdded:
    """What came of verdicts and reviews that were to be stored."""

    decided: int
    reviewed: int
    stored: dict[str, StoredVerdict] = field(default_factory=dict)
    """By case id, what holds for those that had a decision or a review before."""


@dataclass(frozen=True)
class Decision:
    """A verdict on a case that is stored now."""

    case_id: str
    revision: int
    verdict: str
    reason: str
    actor: str
    at: datetime


def _review_columns(reviews: Reviews) -> dict[str, list[Any]]:
    return {
        "case_id": list(reviews.case_ids),
        "reason": list(reviews.reasons),
        "priority": [float(priority) for priority in reviews.priorities],
        "due_at": [text or None for text in moment_texts(list(reviews.due_at), "")],
    }


def add_verdicts(
    log: CaseLog,
    use_case: str,
    *,
    policy_version: str,
    certificate: str | None = None,
    decisions: Decisions | None = None,
    reviews: Reviews | None = None,
    rests_on: Mapping[str, int] | None = None,
    tokens: Collection[str] = (),
) -> VerdictsAdded:
    """How many cases were decided by policy and how many wait for a person now, in one transaction.

    A case that has a decision or a review already is left alone.

    Args:
        log: where to.
        use_case: whose cases.
        policy_version: what decided.
        certificate: what the policy rests on; it is kept in the audit row.
        decisions: first verdicts.
        reviews: first questions; of cases other than the decisions'.
        rests_on: model -> version that must be its champion still, or nothing is decided.
        tokens: leases under which it is written.

    Raises:
        ChampionChanged: a version that the decisions rest on is no longer champion; nothing was written.
        LeaseLost: one of the batches was taken over.
        CaseUnknown: one of the cases is not stored.
    """
    decisions, reviews = decisions or Decisions(), reviews or Reviews()
    with writing(log, use_case, kind="review", tokens=tokens) as transaction:
        _refuse_replaced(transaction, rests_on or {})
        transaction.detail = orjson.dumps({"policy": policy_version, "certificate": certificate}).decode()
        verdicts = {
            "case_id": list(decisions.case_ids),
            "verdict": list(decisions.verdicts),
            "reason": list(decisions.reasons),
        }
        policy = {"revision": 0, "actor": "policy", "actor_kind": "policy", "policy_version": policy_version}
        decided = transaction.insert(DECISIONS, verdicts, policy, CASE_IS_STORED, _NO_REVIEW)
        asked = {"round": 0, "policy_version": policy_version}
        opened = transaction.insert(REVIEWS, _review_columns(reviews), asked, CASE_IS_STORED, _NO_DECISION)
        if decided.new + opened.new == len(decisions.case_ids) + len(reviews.case_ids):
            return VerdictsAdded(decided.new, opened.new)
        before = [
            *(row.case_id for row in (*decided.before, *opened.before)),
            *decided.left,
            *opened.left,
        ]
        return VerdictsAdded(decided.new, opened.new, _stored(transaction, list(dict.fromkeys(before))))


_CHAMPION = """
    SELECT version FROM promotions WHERE use_case = ? AND model = ? AND action <> 'refuse'
    ORDER BY number DESC LIMIT 1"""


def _refuse_replaced(transaction: Transaction, rests_on: Mapping[str, int]) -> None:
    """See that the versions are champions; no promotion or rollback comes before the end of this write."""
    for model, version in rests_on.items():
        found = transaction.execute(_CHAMPION, transaction.use_case, model)
        if not found or found[0].version != version:
            now = f"version {found[0].version}" if found else "none"
            raise ChampionChanged(
                f"{transaction.use_case}: version {version} of {model} is no longer champion ({now} is); nothing was "
                "decided by it, so propose again"
            )


_DECIDED = """
    SELECT case_id, revision, verdict, reason, actor, actor_kind, seq FROM decisions
    WHERE use_case = ? AND case_id = ANY(?) ORDER BY revision"""

_OPEN = """
    SELECT case_id, round, reason, question FROM reviews AS r WHERE use_case = ? AND case_id = ANY(?)
        AND NOT EXISTS (SELECT 1 FROM decisions AS d WHERE d.use_case = r.use_case AND d.case_id = r.case_id
            AND d.revision = coalesce(r.question, -1) + 1)
    ORDER BY round"""


def _effective(transaction: Transaction, case_ids: list[str]) -> dict[str, Row[Any]]:
    return {row.case_id: row for row in transaction.execute(_DECIDED, transaction.use_case, case_ids)}


def _open(transaction: Transaction, case_ids: list[str]) -> dict[str, Row[Any]]:
    return {row.case_id: row for row in transaction.execute(_OPEN, transaction.use_case, case_ids)}


def _stored(transaction: Transaction, case_ids: list[str]) -> dict[str, StoredVerdict]:
    stored = {case_id: StoredVerdict(None, row.reason, None) for case_id, row in _open(transaction, case_ids).items()}
    for case_id, row in _effective(transaction, case_ids).items():
        stored[case_id] = StoredVerdict(row.verdict, row.reason, row.actor_kind, row.revision)
    transaction.refuse_unknown(case_ids, stored)
    return stored


def decide(
    log: CaseLog,
    use_case: str,
    case_id: str,
    *,
    verdict: str,
    reason: str,
    actor: str,
    replaces: int | None = None,
    shown: str | None = None,
    channel: str,
) -> Decision:
    """A person's decision, which answers the open review of the case where there is one.

    Args:
        log: where to.
        use_case: whose case.
        case_id: which.
        verdict: the answer.
        reason: why.
        actor: who decides.
        replaces: revision of the decision that is corrected; not needed where an open review questions it.
        shown: what the person saw, or its digest.
        channel: by which way the answer came: desk, form, command line, Python.

    Raises:
        CaseUnknown: the case is not stored.
        AlreadyDecided: it has an effective decision other than ``replaces``, and no open review questions it.
        ConflictingWrite: ``replaces`` names a revision that is not there.
    """
    with writing(log, use_case, kind="decide", actor=actor) as transaction:
        transaction.refuse_unknown([case_id], transaction.known_cases([case_id]))
        effective = _effective(transaction, [case_id]).get(case_id)
        review = _open(transaction, [case_id]).get(case_id)
        _refuse_replacing(use_case, case_id, effective, replaces, questioned=review is not None)
        revision = 0 if effective is None else effective.revision + 1
        columns = {"case_id": [case_id], "verdict": [verdict], "reason": [reason]}
        said = {
            "revision": revision,
            "actor": actor,
            "actor_kind": "person",
            "replaces": None if effective is None else effective.revision,
            "review_round": None if review is None else review.round,
            "shown": shown,
            "channel": channel,
        }
        transaction.insert(DECISIONS, columns, said)
        return Decision(case_id, revision, verdict, reason, actor, moment(transaction.at))


def _refuse_replacing(
    use_case: str, case_id: str, effective: Row[Any] | None, replaces: int | None, *, questioned: bool
) -> None:
    if effective is None:
        if replaces is not None:
            raise ConflictingWrite(
                f"{use_case} case {case_id!r} has no decision, so there is no revision {replaces} to replace; "
                "leave replaces out"
            )
        return
    if replaces == effective.revision or (replaces is None and questioned):
        return
    raise AlreadyDecided(
        f"{use_case} case {case_id!r} was already decided {effective.verdict!r} by {effective.actor} "
        f"(revision {effective.revision}); to correct it, say replaces={effective.revision}"
    )


def redecide(
    log: CaseLog,
    use_case: str,
    decisions: Decisions,
    *,
    actor: str = "recall",
    policy_version: str,
    certificate: str | None = None,
    rests_on: Mapping[str, int] | None = None,
) -> int:
    """How many cases got a new decision by policy in place of the one named; where another came between, it stays.

    Raises:
        ChampionChanged: a version that the decisions rest on is no longer champion; nothing was written.
        ConflictingWrite: a decision that is to be replaced is not there.
    """
    ids = list(decisions.case_ids)
    replaces = [int(revision) for revision in decisions.replaces]
    with writing(log, use_case, kind="recall", actor=actor) as transaction:
        _refuse_replaced(transaction, rests_on or {})
        transaction.detail = orjson.dumps({"policy": policy_version, "certificate": certificate}).decode()
        effective = _effective(transaction, ids)
        places = [place for place, case_id in enumerate(ids) if _revision(effective, case_id) == replaces[place]]
        ahead = [i for i, revision in zip(ids, replaces, strict=True) if _revision(effective, i) < revision]
        if ahead:
            raise ConflictingWrite(
                f"{use_case}: {len(ahead)} decisions to replace are not there, case {ahead[0]!r} among them; "
                "ask for the effective decisions again"
            )
        columns: dict[str, list[Any]] = {
            "case_id": [ids[place] for place in places],
            "revision": [replaces[place] + 1 for place in places],
            "replaces": [replaces[place] for place in places],
            "verdict": [decisions.verdicts[place] for place in places],
            "reason": [decisions.reasons[place] for place in places],
        }
        same = {"actor": actor, "actor_kind": "policy", "policy_version": policy_version}
        return transaction.insert(DECISIONS, columns, same).new


def _revision(effective: dict[str, Row[Any]], case_id: str) -> int:
    return effective[case_id].revision if case_id in effective else -1


def reopen(log: CaseLog, use_case: str, reviews: Reviews, *, actor: str = "recall") -> int:
    """How many cases wait for a person again, with the question whether the revision named should stand.

    A case whose decision changed since, or which has an open review, is left alone.
    """
    ids = list(reviews.case_ids)
    questions = [int(revision) for revision in reviews.questions]
    columns = _review_columns(reviews)
    with writing(log, use_case, kind="recall", actor=actor) as transaction:
        effective, waiting = _effective(transaction, ids), _open(transaction, ids)
        rounds = _next_rounds(transaction, ids)
        places = [
            place
            for place, case_id in enumerate(ids)
            if case_id not in waiting and _revision(effective, case_id) == questions[place]
        ]
        chosen = {name: [column[place] for place in places] for name, column in columns.items()}
        chosen["round"] = [rounds.get(case_id, 0) for case_id in chosen["case_id"]]
        chosen["question"] = [questions[place] for place in places]
        return transaction.insert(REVIEWS, chosen).new


def _next_rounds(transaction: Transaction, case_ids: list[str]) -> dict[str, int]:
    rows = transaction.execute(
        "SELECT case_id, max(round) + 1 FROM reviews WHERE use_case = ? AND case_id = ANY(?) GROUP BY case_id",
        transaction.use_case,
        case_ids,
    )
    return {row[0]: row[1] for row in rows}
