"""Everything the log knows of one case, and how many there are of what."""

from __future__ import annotations

from typing import Any

import pandas as pd

from aiops_flows.case_log.frames import ask, rows_of
from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.undelivered import GIVEN_UP
from aiops_flows.errors import CaseUnknown

__all__ = ["counts", "trace", "use_cases"]

_OF_CASE = "t.use_case = ? AND t.case_id = ?"
_BY_VERSION = "LEFT JOIN versions AS v ON v.use_case = t.use_case AND v.model = t.model AND v.version = t.version"


def _select(table: str, more: str = "", join: str = "", order: str = "t.seq") -> str:
    return f"""
        SELECT t.*, a.at{more} FROM {table} AS t JOIN audit AS a ON a.use_case = t.use_case AND a.seq = t.seq {join}
        WHERE {_OF_CASE} ORDER BY {order}"""


_FROM_VERSION = ", v.digest, v.dataset_digest, v.code_version, v.run_id"
_PARTS = {
    "case": _select("cases", ", a.batch_id, a.actor"),
    "predictions": _select("predictions", _FROM_VERSION, _BY_VERSION, "t.model, t.revision"),
    "shadow": _select("shadow_predictions", _FROM_VERSION, _BY_VERSION, "t.model, t.version"),
    "reviews": _select("reviews", "", "", "t.round"),
    "readings": _select("readings", "", "", "t.round"),
    "decisions": _select("decisions", ", a.detail", "", "t.revision"),
    "outcomes": _select("outcomes", ", a.actor", "", "t.name, t.known_at"),
    "effects": _select("effects", ", a.actor", "", "t.revision, t.name"),
    "deliveries": """
        SELECT t.*, a.at, a.actor FROM effects AS e
        JOIN deliveries AS t ON t.use_case = e.use_case AND t.effect_id = e.effect_id
        JOIN audit AS a ON a.use_case = t.use_case AND a.seq = t.seq
        WHERE e.use_case = ? AND e.case_id = ? ORDER BY t.seq, t.effect_id""",
}
_HOLDS = """
    SELECT DISTINCT h.use_case, h.number, a.at, h.until, h.reason, h.actor
    FROM reviews AS r JOIN audit AS o ON o.use_case = r.use_case AND o.seq = r.seq
    JOIN holds AS h ON h.use_case IN (r.use_case, '*') AND h.state = 'held'
    JOIN audit AS a ON a.use_case = h.use_case AND a.seq = h.seq
    WHERE r.use_case = ? AND r.case_id = ? AND a.at <= o.at AND (h.until IS NULL OR h.until > o.at)
        AND NOT EXISTS (SELECT 1 FROM holds AS e JOIN audit AS b ON b.use_case = e.use_case AND b.seq = e.seq
            WHERE e.use_case = h.use_case AND e.releases = h.number AND b.at <= o.at)
    ORDER BY a.at, h.use_case, h.number"""
_AUDIT = "SELECT * FROM audit WHERE use_case = ? AND seq = ?"


def trace(log: CaseLog, use_case: str, case_id: str) -> dict[str, Any]:
    """Everything that is stored about a case, as plain data with moments as text.

    Returns:
        ``case`` (one dictionary); ``predictions`` and ``shadow`` (with the ``digest``, ``dataset_digest``,
        ``code_version`` and ``run_id`` of the version); ``reviews``; ``readings``; ``decisions``; ``outcomes``;
        ``effects``; ``deliveries`` (each attempt to send one); ``audit`` (the audit rows that vouch for them, in
        order); ``holds`` (those that were in force when it went to review). Values, scores and bodies are JSON text.

    Raises:
        CaseUnknown: the case is not stored.
    """
    found: dict[str, Any] = {name: rows_of(log, sql, [use_case, case_id]) for name, sql in _PARTS.items()}
    if not found["case"]:
        raise CaseUnknown(f"{use_case} has no case {case_id!r}; check the id, or look into the quarantine")
    seqs = sorted({row["seq"] for rows in found.values() for row in rows})
    found["audit"] = [row for seq in seqs for row in rows_of(log, _AUDIT, [use_case, seq])]
    found["case"] = found["case"][0]
    found["holds"] = rows_of(log, _HOLDS, [use_case, case_id])
    return found


# Holds of all use cases have a chain of their own, under a name that no use case can have.
_USE_CASES = "SELECT use_case FROM audit_heads WHERE seq > 0 AND use_case <> '*' ORDER BY 1"


def use_cases(log: CaseLog) -> list[str]:
    """The names of the use cases that wrote something, sorted."""
    return [row["use_case"] for row in rows_of(log, _USE_CASES, [])]


_UNDECIDED = """
        SELECT c.use_case, count(*) AS n FROM cases AS c
        WHERE NOT EXISTS (SELECT 1 FROM decisions AS d WHERE d.use_case = c.use_case AND d.case_id = c.case_id)
            AND NOT EXISTS (SELECT 1 FROM reviews AS r WHERE r.use_case = c.use_case AND r.case_id = c.case_id)
            AND {not}EXISTS (SELECT 1 FROM audit AS a JOIN batches AS b
                ON b.use_case = a.use_case AND (b.batch_id = a.batch_id OR b.batch_id LIKE a.batch_id || '/%')
                WHERE a.use_case = c.use_case AND a.seq = c.seq AND b.state = 'open')
        GROUP BY 1"""
_OPEN = """
        SELECT r.use_case, count(*) AS n FROM reviews AS r WHERE r.kind IS NULL AND {of} AND NOT EXISTS (SELECT 1
            FROM decisions AS d WHERE d.use_case = r.use_case AND d.case_id = r.case_id
            AND d.revision = coalesce(r.question, -1) + 1)
        GROUP BY 1"""
_HAS_OUTCOME = "EXISTS (SELECT 1 FROM outcomes AS o WHERE o.use_case = r.use_case AND o.case_id = r.case_id)"
_COUNTS = {
    "cases": "SELECT use_case, count(*) AS n FROM cases GROUP BY 1",
    "history": _UNDECIDED.replace("{not}", "NOT "),
    "unfinished": _UNDECIDED.replace("{not}", ""),
    "decided_by_policy": """
        SELECT d.use_case, count(*) AS n FROM decisions AS d WHERE d.actor_kind = 'policy' AND NOT EXISTS (SELECT 1
            FROM decisions AS n WHERE n.use_case = d.use_case AND n.case_id = d.case_id AND n.revision = d.revision + 1)
        GROUP BY 1""",
    "decided_by_person": """
        SELECT d.use_case, count(*) AS n FROM decisions AS d WHERE d.actor_kind = 'person' AND NOT EXISTS (SELECT 1
            FROM decisions AS n WHERE n.use_case = d.use_case AND n.case_id = d.case_id AND n.revision = d.revision + 1)
        GROUP BY 1""",
    "waiting": _OPEN.replace("{of}", "r.question IS NULL"),
    "waiting_with_outcome": _OPEN.replace("{of}", f"r.question IS NULL AND {_HAS_OUTCOME}"),
    "asked_again": _OPEN.replace("{of}", "r.question IS NOT NULL"),
    "open_reviews": _OPEN.replace("{of}", "1 = 1"),
    "open_audits": """
        SELECT r.use_case, count(*) AS n FROM reviews AS r WHERE r.kind IS NOT NULL AND NOT EXISTS (SELECT 1
            FROM readings AS g WHERE g.use_case = r.use_case AND g.case_id = r.case_id AND g.round = r.round)
        GROUP BY 1""",
    "quarantined": "SELECT use_case, count(*) AS n FROM quarantine GROUP BY 1",
    "outcomes": "SELECT use_case, count(*) AS n FROM outcomes GROUP BY 1",
    "open_batches": "SELECT use_case, count(*) AS n FROM batches WHERE state = 'open' GROUP BY 1",
    "effects_waiting": "SELECT use_case, count(*) AS n FROM outbox GROUP BY 1",
    "effects_given_up": f"SELECT q.use_case, count(*) AS n FROM ({GIVEN_UP}) AS q WHERE NOT q.replaced GROUP BY 1",
}


def counts(log: CaseLog, use_case: str | None = None) -> pd.DataFrame:
    """How many cases there are in each state, and how much work is open, one row a use case (all, or the one named).

    Every case is in exactly one state: ``cases`` = ``history`` + ``unfinished`` + ``decided_by_policy`` +
    ``decided_by_person`` + ``waiting``. The other columns count work, not states.

    Returns:
        Columns ``use_case``, ``cases``, ``history`` (neither decided nor in review, and no worker will take them up),
        ``unfinished`` (a worker still has to), ``decided_by_policy`` and ``decided_by_person`` (by the decision in
        force), ``waiting`` (for a first decision by a person), ``waiting_with_outcome`` (of these, an outcome is
        recorded already), ``asked_again`` (decided, and a person is asked whether that should stand),
        ``open_reviews`` (``waiting`` + ``asked_again``), ``open_audits`` (audits that are still to come),
        ``quarantined``, ``outcomes``, ``open_batches``, ``effects_waiting`` (still to be sent), ``effects_given_up``
        (not tried any more).
    """
    names = [use_case] if use_case is not None else use_cases(log)
    table = pd.DataFrame({"use_case": pd.Series(names, dtype=object)})
    for name, statement in _COUNTS.items():
        found = ask(log, statement, [])
        of = dict(zip(found["use_case"], found["n"], strict=True))
        table[name] = [int(of.get(one, 0)) for one in names]
    return table
