"""What automatic decisions rest on: the predictions that were there when they were written, and the certificates."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from aiops_flows.case_log.conditions import Conditions, limited
from aiops_flows.case_log.frames import ask
from aiops_flows.case_log.log import CaseLog

__all__ = ["automatic_revisions", "certificates", "rested_on"]


def automatic_revisions(
    log: CaseLog, use_case: str, *, since: datetime | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Every decision that policy ever wrote, first ones and those after a recall, the latest first.

    Returns:
        Columns ``case_id``, ``revision``, ``verdict``, ``policy_version``, ``at``, ``terms`` (by name; None where there
        are none), ``detail`` (JSON text of the audit row: ``policy``, ``certificate``).
    """
    where = Conditions(use_case, "d")
    where.require("d.actor_kind = 'policy'")
    where.add("a.at >= ?", since)
    statement = f"""
        SELECT d.case_id, d.revision, d.verdict, d.policy_version, a.at, d.terms, a.detail
        FROM decisions AS d JOIN audit AS a ON a.use_case = d.use_case AND a.seq = d.seq
        WHERE {where} ORDER BY d.seq DESC, d.case_id{limited(limit)}"""
    return ask(log, statement, where.values)


def rested_on(log: CaseLog, use_case: str, *, model: str, since: datetime | None = None) -> pd.DataFrame:
    """The prediction of a model that each automatic decision rests on: the latest that was there when it was written.

    Returns:
        Columns ``case_id``, ``revision`` (of the decision), ``version``, ``value``, ``confidence``, ``scores`` (JSON
        text; missing for quantities).
    """
    where = Conditions(use_case, "d")
    where.require("d.actor_kind = 'policy'")
    where.add("a.at >= ?", since)
    statement = f"""
        SELECT d.case_id, d.revision, p.version, p.value, p.confidence, p.scores
        FROM decisions AS d JOIN audit AS a ON a.use_case = d.use_case AND a.seq = d.seq
        JOIN predictions AS p ON p.use_case = d.use_case AND p.case_id = d.case_id AND p.model = ?
            AND p.revision = (SELECT max(q.revision) FROM predictions AS q WHERE q.use_case = d.use_case
                AND q.case_id = d.case_id AND q.model = ? AND q.seq < d.seq)
        WHERE {where} ORDER BY d.case_id, d.revision"""
    return ask(log, statement, [model, model, *where.values])


def certificates(log: CaseLog, use_case: str) -> list[str]:
    """Every certificate that a version of the use case ever had, as JSON text, the latest last."""
    statement = """
        SELECT certificate FROM versions WHERE use_case = ? AND certificate IS NOT NULL
        UNION ALL
        SELECT certificate FROM (SELECT certificate FROM evidence
            WHERE use_case = ? AND certificate IS NOT NULL ORDER BY seq) AS kept"""
    return list(ask(log, statement, [use_case, use_case])["certificate"])
