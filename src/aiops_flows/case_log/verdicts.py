"""Writing verdicts by policy, first ones and again after a recall, with the questions that go to people instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Row

from aiops_flows.case_log.arrivals import CASE_IS_STORED
from aiops_flows.case_log.dialects import Guard
from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.permission import Permission, refuse_stopped
from aiops_flows.case_log.reviews import Reviews, effective_decisions, open_ordinary, review_columns
from aiops_flows.case_log.tables import DECISIONS, REVIEWS
from aiops_flows.case_log.transaction import Inserted, Transaction, writing
from aiops_flows.case_log.values import floats, read_values
from aiops_flows.errors import ConflictingWrite

__all__ = ["Decisions", "StoredVerdict", "VerdictsAdded", "add_verdicts", "redecide"]

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
    audit_probabilities: Sequence[float | None] = ()
    """With which probability a person reads the case as well; only for `add_verdicts`, and may be left out."""
    terms: Sequence[str | None] = ()
    """What each says beyond its verdict, as a JSON object; may be left out."""


@dataclass(frozen=True)
class StoredVerdict:
    """What holds for a case that had a verdict, or waits for a person, before."""

    verdict: str | None
    """None while a person must answer."""
    reason: str
    by: str | None
    """``policy`` or ``person``; None while a person must answer."""
    revision: int | None = None
    terms: Mapping[str, Any] | None = None
    """What it says beyond its verdict; None where nothing was stored."""


@dataclass(frozen=True)
class VerdictsAdded:
    """What came of verdicts and reviews that were to be stored."""

    decided: int
    reviewed: int
    stored: dict[str, StoredVerdict] = field(default_factory=dict)
    """By case id, what holds for those that had a decision or a review before."""
    audited: int = 0
    """How many of those decided now wait for an audit."""


def add_verdicts(
    log: CaseLog,
    use_case: str,
    *,
    policy_version: str,
    certificate: str | None = None,
    decisions: Decisions | None = None,
    reviews: Reviews | None = None,
    permission: Permission | None = None,
    tokens: Collection[str] = (),
    audits: Reviews | None = None,
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
        permission: what let policy decide when the verdicts were planned. Where there are verdicts, no hold is in
            force, and the champions, the certificate and the alarms are still those, or nothing is written.
        tokens: leases under which it is written.
        audits: questions beside the decisions, of the cases that a person reads as well; those of cases that this
            call did not decide are left out.

    Raises:
        AutomationStopped: policy may not decide any more; nothing was written.
        ChampionChanged: a version that the decisions rest on is no longer champion; nothing was written.
        LeaseLost: one of the batches was taken over.
        CaseUnknown: one of the cases is not stored.
    """
    decisions, reviews = decisions or Decisions(), reviews or Reviews()
    with writing(log, use_case, kind="review", tokens=tokens) as transaction:
        if len(decisions.case_ids):
            refuse_stopped(transaction, permission)
        transaction.detail = orjson.dumps({"policy": policy_version, "certificate": certificate}).decode()
        policy = {"revision": 0, "actor": "policy", "actor_kind": "policy", "policy_version": policy_version}
        decided = transaction.insert(DECISIONS, _verdict_columns(decisions), policy, CASE_IS_STORED, _NO_REVIEW)
        asked = {"round": 0, "policy_version": policy_version}
        opened = transaction.insert(REVIEWS, review_columns(reviews), asked, CASE_IS_STORED, _NO_DECISION)
        audited = _open_audits(transaction, audits, decisions, decided, asked) if audits else 0
        if decided.new + opened.new == len(decisions.case_ids) + len(reviews.case_ids):
            return VerdictsAdded(decided.new, opened.new, audited=audited)
        before = [
            *(row.case_id for row in (*decided.before, *opened.before)),
            *decided.left,
            *opened.left,
        ]
        return VerdictsAdded(decided.new, opened.new, _stored(transaction, list(dict.fromkeys(before))), audited)


def _verdict_columns(decisions: Decisions) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        "case_id": list(decisions.case_ids),
        "verdict": list(decisions.verdicts),
        "reason": list(decisions.reasons),
    }
    probabilities = list(decisions.audit_probabilities)
    if probabilities.count(None) < len(probabilities):
        columns["audit_probability"] = floats(probabilities)
    return columns | _terms(decisions.terms)


def _terms(texts: Sequence[str | None]) -> dict[str, list[Any]]:
    """The column of terms, where any are said."""
    return {"terms": list(texts)} if any(texts) else {}


def _open_audits(
    transaction: Transaction, audits: Reviews, decisions: Decisions, decided: Inserted, asked: Mapping[str, Any]
) -> int:
    """How many of the cases that were decided now wait for a person's reading beside the decision."""
    columns = review_columns(audits, "audit")
    now = set(decisions.case_ids).difference((row.case_id for row in decided.before), decided.left)
    places = [place for place, case_id in enumerate(columns["case_id"]) if case_id in now]
    chosen = {name: [column[place] for place in places] for name, column in columns.items()}
    return transaction.insert(REVIEWS, chosen, {**asked, "question": 0}).new


def _stored(transaction: Transaction, case_ids: list[str]) -> dict[str, StoredVerdict]:
    waiting = open_ordinary(transaction, case_ids)
    stored = {case_id: StoredVerdict(None, row.reason, None) for case_id, row in waiting.items()}
    for case_id, row in effective_decisions(transaction, case_ids).items():
        stored[case_id] = StoredVerdict(
            row.verdict, row.reason, row.actor_kind, row.revision, read_values([row.terms])[0]
        )
    transaction.refuse_unknown(case_ids, stored)
    return stored


def redecide(
    log: CaseLog,
    use_case: str,
    decisions: Decisions,
    *,
    actor: str = "recall",
    policy_version: str,
    certificate: str | None = None,
    permission: Permission | None = None,
) -> int:
    """How many cases got a new decision by policy in place of the one named; where another came between, it stays.

    Raises:
        AutomationStopped: policy may not decide any more; nothing was written.
        ChampionChanged: a version that the decisions rest on is no longer champion; nothing was written.
        ConflictingWrite: a decision that is to be replaced is not there.
    """
    ids = list(decisions.case_ids)
    replaces = [int(revision) for revision in decisions.replaces]
    with writing(log, use_case, kind="recall", actor=actor) as transaction:
        refuse_stopped(transaction, permission)
        transaction.detail = orjson.dumps({"policy": policy_version, "certificate": certificate}).decode()
        effective = effective_decisions(transaction, ids)
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
        columns |= _terms([decisions.terms[place] for place in places] if decisions.terms else [])
        same = {"actor": actor, "actor_kind": "policy", "policy_version": policy_version}
        return transaction.insert(DECISIONS, columns, same).new


def _revision(effective: dict[str, Row[Any]], case_id: str) -> int:
    return effective[case_id].revision if case_id in effective else -1
