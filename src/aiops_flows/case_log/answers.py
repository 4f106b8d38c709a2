"""Writing what people say: decisions, and readings of cases whose decision stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row

from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.moments import moment
from aiops_flows.case_log.names import same_person
from aiops_flows.case_log.reviews import LaneKind, effective_decisions, open_audits, open_ordinary
from aiops_flows.case_log.tables import DECISIONS, OUTCOMES, READINGS
from aiops_flows.case_log.transaction import Transaction, writing
from aiops_flows.case_log.values import mapping_text, read_values, value_texts
from aiops_flows.errors import AlreadyDecided, ConflictingWrite

__all__ = ["Decision", "Reading", "decide", "read_case"]


@dataclass(frozen=True)
class Decision:
    """A verdict on a case that is stored now."""

    case_id: str
    revision: int
    verdict: str
    reason: str
    actor: str
    at: datetime
    terms: Mapping[str, Any] | None = None
    """What it says beyond its verdict; None where the use case has no terms."""


@dataclass(frozen=True)
class Reading:
    """What a person said of a case whose decision stands, stored now."""

    case_id: str
    round: int
    kind: LaneKind
    verdict: str
    agreed: bool | None
    """Whether it is the verdict that was in question; None for a case whose truth is known."""
    decision: Decision | None = None
    """The correction that came of it."""
    replaced: str | None = None
    """The verdict that the correction replaced; None where nothing was corrected."""

    def __str__(self) -> str:
        """What the answer did, in words; nothing of the case, nor of why it was asked where the decision stands."""
        if self.decision is None:
            return f"your answer {self.verdict} is stored, and the decision stands"
        same = self.decision.verdict == self.replaced
        of_what = f"what {self.replaced} rested on" if same else str(self.replaced)
        why = f"the {self.kind} disagreed with {of_what}"
        return f"the decision is now {self.decision.verdict}, revision {self.decision.revision}, because {why}"


@dataclass(frozen=True)
class _Said:
    """What an answer says, whatever it is stored as."""

    verdict: str
    reason: str
    actor: str
    seconds: float | None
    shown: str | None
    channel: str
    terms: Mapping[str, Any] | None
    """As they were said, which may be some of them only."""
    proposed: Mapping[str, Any] | None

    @property
    def columns(self) -> dict[str, Any]:
        """What both tables keep."""
        seconds = None if self.seconds is None else float(self.seconds)
        said = {name: getattr(self, name) for name in ("verdict", "reason", "actor", "shown", "channel")}
        return {**said, "seconds": seconds}

    def whole_terms(self, held: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """All terms of a decision: what was said, else what held before, else what was proposed."""
        known = (held or {}) if self.proposed is None else self.proposed
        kept = {name: value for name, value in (held or {}).items() if name in known}
        return {**(self.proposed or {}), **kept, **(self.terms or {})} or None


def _add_decision(
    transaction: Transaction, case_id: str, said: _Said, effective: Row[Any] | None, answers: int | None, *, anew: bool
) -> Decision:
    """The decision, stored; ``anew`` where it answers what was proposed, and does not amend the decision that holds."""
    revision = 0 if effective is None else effective.revision + 1
    held = None if anew or effective is None else read_values([effective.terms])[0]
    terms = said.whole_terms(held)
    place = {
        "revision": revision,
        "actor_kind": "person",
        "replaces": None if effective is None else effective.revision,
        "review_round": answers,
        "terms": mapping_text(terms),
        "proposed": mapping_text(said.proposed),
    }
    transaction.insert(DECISIONS, {"case_id": [case_id]}, {**said.columns, **place})
    return Decision(case_id, revision, said.verdict, said.reason, said.actor, moment(transaction.at), terms)


def _add_reading(transaction: Transaction, case_id: str, said: _Said, review: Row[Any], *, blind: bool) -> None:
    place = {"round": review.round, "kind": review.kind, "blind": int(blind), "terms": mapping_text(said.terms or None)}
    transaction.insert(READINGS, {"case_id": [case_id]}, {**said.columns, **place})


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
    seconds: float | None = None,
    round: int | None = None,  # noqa: A002 - the word of the table
    outcomes: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
    proposed: Mapping[str, Any] | None = None,
) -> Decision:
    """A person's decision, which answers the open ordinary review of the case where there is one.

    It is the reading of an open audit review of the case as well, blind where the review that it answers was.

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
        seconds: how long the person took.
        round: the ordinary review that must be open still; by default whichever is.
        outcomes: name -> what the person says is true; stored in the same transaction, known at its moment.
        terms: name -> what the decision says beyond its verdict. What is not said is taken over: from the proposal
            where a review is answered or nothing was decided, from the decision that holds where that is corrected.
        proposed: the terms that were proposed, kept with the decision.

    Raises:
        CaseUnknown: the case is not stored.
        AlreadyDecided: it has an effective decision other than ``replaces``, and no open review questions it.
        ConflictingWrite: ``replaces`` names a revision, or ``round`` an ordinary review, that is not there or not open;
            or another value of an outcome became known at this very moment.
    """
    said = _Said(verdict, reason, actor, seconds, shown, channel, terms, proposed)
    with writing(log, use_case, kind="decide", actor=actor) as transaction:
        transaction.refuse_unknown([case_id], transaction.known_cases([case_id]))
        effective = effective_decisions(transaction, [case_id]).get(case_id)
        review = open_ordinary(transaction, [case_id]).get(case_id)
        _refuse_replacing(use_case, case_id, effective, replaces, questioned=review is not None)
        open_round = None if review is None else review.round
        _refuse_round(use_case, case_id, round, open_round)
        decision = _add_decision(transaction, case_id, said, effective, open_round, anew=review is not None)
        for audit in open_audits(transaction, case_id):
            _add_reading(transaction, case_id, said, audit, blind=review is not None and bool(review.blind))
        _add_outcomes(transaction, case_id, outcomes or {})
        return decision


def _add_outcomes(transaction: Transaction, case_id: str, outcomes: Mapping[str, Any]) -> None:
    """What a person says is true, known at the moment of the transaction: that of the decision beside it."""
    if not outcomes:
        return
    columns: dict[str, list[Any]] = {
        "case_id": [case_id] * len(outcomes),
        "name": list(outcomes),
        "value": [text or "null" for text in value_texts(list(outcomes.values()))],
    }
    now = {"known_at": transaction.at, "event_at": transaction.at}
    told = dict(zip(columns["name"], columns["value"], strict=True))
    before = transaction.insert(OUTCOMES, columns, now).before
    if clash := [row.name for row in before if row.known_at == transaction.at and row.value != told.get(row.name)]:
        raise ConflictingWrite(
            f"{transaction.use_case} case {case_id!r}: another value of {clash[0]} became known at this very moment; "
            "nothing was stored, answer again"
        )


def _refuse_round(use_case: str, case_id: str, asked: int | None, open_round: int | None) -> None:
    if asked is not None and asked != open_round:
        now = "none is" if open_round is None else f"{open_round} is"
        raise ConflictingWrite(
            f"{use_case} case {case_id!r}: review {asked} is no ordinary review that is open ({now}); look at the case "
            "again, and answer a review of the lane as a reading"
        )


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


_LANE = """
    SELECT r.round, r.kind, r.blind, g.actor AS reader, q.verdict, q.actor FROM reviews AS r
    LEFT JOIN readings AS g ON g.use_case = r.use_case AND g.case_id = r.case_id AND g.round = r.round
    LEFT JOIN decisions AS q ON q.use_case = r.use_case AND q.case_id = r.case_id AND q.revision = r.question
    WHERE r.use_case = ? AND r.case_id = ? AND r.kind IS NOT NULL ORDER BY r.round"""


def read_case(
    log: CaseLog,
    use_case: str,
    case_id: str,
    *,
    round: int | None = None,  # noqa: A002 - the word of the table
    verdict: str,
    reason: str,
    actor: str,
    seconds: float | None = None,
    shown: str | None = None,
    channel: str,
    outcomes: Mapping[str, Any] | None = None,
    corrects: bool = False,
    terms: Mapping[str, Any] | None = None,
    proposed: Mapping[str, Any] | None = None,
) -> Reading:
    """A person's reading of a case whose decision stands, which answers an open review of the lane.

    An audit that says another verdict than the decision by policy that holds corrects it in the same transaction; so
    does one that ``corrects`` what it rests on.

    Args:
        log: where to.
        use_case: whose case.
        case_id: which.
        round: the review of the lane that is answered; by default the oldest that is open.
        verdict: the answer.
        reason: why.
        actor: who reads.
        seconds: how long the person took.
        shown: what the person saw, or its digest.
        channel: by which way the answer came: desk, form, command line, Python.
        outcomes: name -> what the person says is true; stored with an audit. Of a second reading and of a case whose
            truth is known it is not: there the person is what is looked at.
        corrects: whether an audit says that the decision is wrong even where the verdict is the same.
        terms: name -> what the person says beyond the verdict; the reading keeps it as it was said, and a correction
            takes what was not said from the decision that it corrects.
        proposed: the terms that were proposed, kept with a correction.

    Raises:
        CaseUnknown: the case is not stored.
        AlreadyDecided: the review has its reading.
        ConflictingWrite: the case has no such review, or is read a second time by the person who decided it.
    """
    said = _Said(verdict, reason, actor, seconds, shown, channel, terms, proposed)
    with writing(log, use_case, kind="read", actor=actor) as transaction:
        transaction.refuse_unknown([case_id], transaction.known_cases([case_id]))
        review = _lane_review(use_case, case_id, transaction.execute(_LANE, use_case, case_id), round)
        if review.kind == "second" and same_person(actor, review.actor):
            raise ConflictingWrite(
                f"{use_case} case {case_id!r} was decided by {review.actor!r}, who cannot read it a second time; "
                "ask another person"
            )
        _add_reading(transaction, case_id, said, review, blind=bool(review.blind))
        decision, replaced = None, None
        if review.kind == "audit":
            decision, replaced = _correction(transaction, case_id, said, review.round, corrects=corrects)
            _add_outcomes(transaction, case_id, outcomes or {})
    agreed = None if review.kind == "known" else review.verdict == verdict and not corrects
    return Reading(case_id, review.round, cast("LaneKind", review.kind), verdict, agreed, decision, replaced)


def _correction(
    transaction: Transaction, case_id: str, said: _Said, answers: int, *, corrects: bool
) -> tuple[Decision, str] | tuple[None, None]:
    """The decision that an audit makes where it contradicts policy, and the verdict that it replaces.

    A recall may have decided since the audit was opened.
    """
    effective = effective_decisions(transaction, [case_id])[case_id]
    if effective.actor_kind != "policy" or (effective.verdict == said.verdict and not corrects):
        return None, None
    return _add_decision(transaction, case_id, said, effective, answers, anew=False), str(effective.verdict)


def _lane_review(use_case: str, case_id: str, rows: Sequence[Row[Any]], asked: int | None) -> Row[Any]:
    """The review that is answered: the one named, or the oldest that waits."""
    named = [row for row in rows if asked is None or row.round == asked]
    if not named:
        which = "no review of the lane" if asked is None else f"no review {asked} of the lane"
        raise ConflictingWrite(
            f"{use_case} case {case_id!r} has {which}, so there is nothing to read; "
            "ask for the open reviews again, or decide the case"
        )
    waiting = [row for row in named if row.reader is None]
    if not waiting:
        raise AlreadyDecided(
            f"{use_case} case {case_id!r}: review {named[-1].round} was already read by {named[-1].reader}; "
            "a reading is given once"
        )
    return waiting[0]
