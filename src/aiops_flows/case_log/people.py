"""What is asked of people, and what they said; each answer is a frame."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from aiops_flows.case_log.conditions import Conditions, limited, listed
from aiops_flows.case_log.frames import ask
from aiops_flows.case_log.log import CaseLog
from aiops_flows.review_policy import SETTLED_ELSEWHERE

__all__ = ["answered", "open_reviews", "readings"]

_ANSWER = """CASE WHEN r.kind IS NULL THEN
        (SELECT d.seq FROM decisions AS d WHERE d.use_case = r.use_case AND d.case_id = r.case_id
            AND d.revision = coalesce(r.question, -1) + 1)
        ELSE (SELECT g.seq FROM readings AS g WHERE g.use_case = r.use_case AND g.case_id = r.case_id
            AND g.round = r.round) END"""


def open_reviews(
    log: CaseLog,
    use_case: str,
    *,
    limit: int | None = None,
    lane: bool | None = None,
    known_by: datetime | None = None,
) -> pd.DataFrame:
    """The questions that wait for a person, the most urgent first.

    An ordinary one waits for a decision, one of the lane for a reading beside the decision that stands.

    Args:
        log: which log.
        use_case: whose questions.
        limit: at most so many.
        lane: only those of the lane, or only ordinary ones; by default both.
        known_by: those that were open at this moment; by default now.

    Returns:
        Columns ``case_id``, ``round``, ``reason``, ``priority``, ``due_at``, ``opened_at``, ``question`` (the revision
        of the decision that is questioned; missing where there is none yet), ``kind`` (None for an ordinary one, or
        ``audit``, ``second``, ``known``), ``blind`` (whether the person is not to see what was said),
        ``outcome_known`` (whether an outcome of the case was recorded meanwhile).
    """
    where = Conditions(use_case, "r")
    if lane is not None:
        where.require(f"r.kind IS {'NOT ' if lane else ''}NULL")
    where.add("a.at <= ?", known_by)
    if known_by is None:
        where.require(f"({_ANSWER}) IS NULL")
    where.add(
        f"NOT EXISTS (SELECT 1 FROM audit AS b WHERE b.use_case = r.use_case AND b.seq = ({_ANSWER}) AND b.at <= ?)",
        known_by,
    )
    statement = f"""
        SELECT r.case_id, r.round, r.reason, r.priority, r.due_at, a.at AS opened_at, r.question, r.kind, r.blind,
            EXISTS (SELECT 1 FROM outcomes AS k WHERE k.use_case = r.use_case AND k.case_id = r.case_id)
                AS outcome_known
        FROM reviews AS r JOIN audit AS a ON a.use_case = r.use_case AND a.seq = r.seq
        WHERE {where}
        ORDER BY r.priority DESC, r.due_at IS NULL, r.due_at, r.case_id, r.round{limited(limit)}"""
    return ask(log, statement, where.values)


def readings(
    log: CaseLog,
    use_case: str,
    *,
    kinds: Sequence[str] | None = None,
    known_by: datetime | None = None,
    case_ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    """What people said of cases whose decision stood, by case id and round.

    Args:
        log: which log.
        use_case: whose cases.
        kinds: only these of ``audit``, ``second``, ``known``.
        known_by: only those given by this moment.
        case_ids: only of these cases.

    Returns:
        Columns ``case_id``, ``round``, ``kind``, ``verdict``, ``reason``, ``actor``, ``blind``, ``seconds``,
        ``terms`` (by name, those that were said; None where none were), ``question`` (the revision that was in
        question), ``held`` (the terms of that decision), ``opened_at`` (of the review), ``at``.
    """
    where = Conditions(use_case, "g")
    where.add("g.kind = ANY(?)", listed(kinds))
    where.add("g.case_id = ANY(?)", listed(case_ids))
    where.add("a.at <= ?", known_by)
    statement = f"""
        SELECT g.case_id, g.round, g.kind, g.verdict, g.reason, g.actor, g.blind, g.seconds, g.terms, r.question,
            q.terms AS held, o.at AS opened_at, a.at
        FROM readings AS g JOIN audit AS a ON a.use_case = g.use_case AND a.seq = g.seq
        JOIN reviews AS r ON r.use_case = g.use_case AND r.case_id = g.case_id AND r.round = g.round
        JOIN audit AS o ON o.use_case = r.use_case AND o.seq = r.seq
        LEFT JOIN decisions AS q ON q.use_case = r.use_case AND q.case_id = r.case_id AND q.revision = r.question
        WHERE {where} ORDER BY g.case_id, g.round"""
    return ask(log, statement, where.values)


def answered(
    log: CaseLog, use_case: str, *, known_by: datetime | None = None, settled_too: bool = False
) -> pd.DataFrame:
    """What people decided when an ordinary review asked them, by case id and revision.

    Args:
        log: which log.
        use_case: whose cases.
        known_by: only what was decided by this time; default now.
        settled_too: also reviews that were closed because the case was settled elsewhere, which are no verdicts.

    Returns:
        Columns ``case_id``, ``revision``, ``verdict``, ``actor``, ``seconds``, ``terms`` and ``proposed`` (by name;
        None where there are none), ``shown`` (whether it is stored what the person saw), ``round``, ``opened_at`` (of
        the review), ``at``.
    """
    where = Conditions(use_case, "d")
    where.require("d.actor_kind = 'person' AND r.kind IS NULL")
    where.add("a.at <= ?", known_by)
    if not settled_too:
        where.require(f"d.verdict <> '{SETTLED_ELSEWHERE}'")
    statement = f"""
        SELECT d.case_id, d.revision, d.verdict, d.actor, d.seconds, d.terms, d.proposed,
            (d.shown IS NOT NULL AND d.shown <> '') AS shown, r.round, o.at AS opened_at, a.at
        FROM decisions AS d JOIN audit AS a ON a.use_case = d.use_case AND a.seq = d.seq
        JOIN reviews AS r ON r.use_case = d.use_case AND r.case_id = d.case_id AND r.round = d.review_round
        JOIN audit AS o ON o.use_case = r.use_case AND o.seq = r.seq
        WHERE {where} ORDER BY d.case_id, d.revision"""
    return ask(log, statement, where.values)
