"""What must hold in the log whatever was killed, repeated or raced."""

from __future__ import annotations

from typing import Final

from aiops_flows.case_log.frames import rows_of
from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.tables import AUDITED

__all__ = ["check_invariants"]

_OF_A_CASE: Final = ("predictions", "shadow_predictions", "decisions", "reviews", "readings", "outcomes", "effects")
_SHOWN: Final = 5

# Holds of all use cases have a chain of their own, whose numbers do not compare with those of a use case's.
_UNDER_A_HOLD: Final = """
    SELECT h.use_case, CAST(a.seq AS text) AS place FROM holds AS h JOIN audit AS a ON a.use_case = h.use_case
        AND a.seq > h.seq AND a.table_name = 'decisions' AND a.kind IN ('review', 'recall')
        AND (h.until IS NULL OR a.at < h.until)
    WHERE h.state = 'held' AND NOT EXISTS (SELECT 1 FROM holds AS r
        WHERE r.use_case = h.use_case AND r.releases = h.number AND r.seq < a.seq)"""

_RULES: Final = {
    "more than one decision, or a gap between revisions": """
        SELECT use_case, case_id AS place FROM decisions GROUP BY use_case, case_id
        HAVING count(*) <> max(revision) + 1""",
    "a decision that replaces one that is not there": """
        SELECT d.use_case, d.case_id AS place FROM decisions AS d WHERE d.replaces IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM decisions AS e WHERE e.use_case = d.use_case AND e.case_id = d.case_id
            AND e.revision = d.replaces)""",
    "a first review beside a first decision by policy": """
        SELECT d.use_case, d.case_id AS place FROM decisions AS d JOIN reviews AS r
            ON r.use_case = d.use_case AND r.case_id = d.case_id AND r.round = 0 AND r.question IS NULL
        WHERE d.revision = 0 AND d.actor_kind = 'policy'""",
    "two reviews of one question": """
        SELECT use_case, case_id AS place FROM reviews GROUP BY use_case, case_id, coalesce(question, -1),
            coalesce(kind, '') HAVING count(*) > 1""",
    "a reading that answers no review of its kind": """
        SELECT g.use_case, g.case_id AS place FROM readings AS g WHERE NOT EXISTS (
            SELECT 1 FROM reviews AS r WHERE r.use_case = g.use_case AND r.case_id = g.case_id
            AND r.round = g.round AND r.kind = g.kind)""",
    "a review of the lane that questions no decision": """
        SELECT r.use_case, r.case_id AS place FROM reviews AS r WHERE r.kind IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM decisions AS d WHERE d.use_case = r.use_case AND d.case_id = r.case_id
            AND d.revision = r.question)""",
    "a gap between the numbers of alarms": """
        SELECT use_case, CAST(max(number) AS text) AS place FROM alarms GROUP BY use_case
        HAVING count(*) <> max(number)""",
    "an alarm that was cleared twice, or never raised": """
        SELECT a.use_case, CAST(a.clears AS text) AS place FROM alarms AS a
        LEFT JOIN alarms AS b ON b.use_case = a.use_case AND b.number = a.clears AND b.state = 'raised'
        WHERE a.state = 'cleared' GROUP BY a.use_case, a.clears HAVING count(*) > 1 OR count(b.number) = 0""",
    "a gap between the numbers of holds": """
        SELECT use_case, CAST(max(number) AS text) AS place FROM holds GROUP BY use_case
        HAVING count(*) <> max(number)""",
    "a hold that was released twice, or never made": """
        SELECT a.use_case, CAST(a.releases AS text) AS place FROM holds AS a
        LEFT JOIN holds AS b ON b.use_case = a.use_case AND b.number = a.releases AND b.state = 'held'
        WHERE a.state = 'released' GROUP BY a.use_case, a.releases HAVING count(*) > 1 OR count(b.number) = 0""",
    "an automatic decision that was made under a hold": _UNDER_A_HOLD,
    "a gap between the revisions of a prediction": """
        SELECT use_case, case_id AS place FROM predictions GROUP BY use_case, case_id, model
        HAVING count(*) <> max(revision) + 1""",
    "two promotions of one model that follow the same champion": """
        SELECT use_case, model AS place FROM promotions WHERE action <> 'refuse' AND predecessor IS NULL
        GROUP BY use_case, model HAVING count(*) > 1""",
    "an effect of a decision that is not there": """
        SELECT e.use_case, e.case_id AS place FROM effects AS e WHERE NOT EXISTS (
            SELECT 1 FROM decisions AS d WHERE d.use_case = e.use_case AND d.case_id = e.case_id
            AND d.revision = e.revision)""",
    "an effect that neither waits, nor arrived, nor was given up": """
        SELECT e.use_case, e.effect_id AS place FROM effects AS e WHERE e.body IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.use_case = e.use_case AND o.effect_id = e.effect_id)
            AND NOT EXISTS (SELECT 1 FROM deliveries AS s WHERE s.use_case = e.use_case AND s.effect_id = e.effect_id
                AND s.state IN ('delivered', 'given up'))""",
    "an effect that waits without being planned": """
        SELECT o.use_case, o.effect_id AS place FROM outbox AS o WHERE NOT EXISTS (SELECT 1 FROM effects AS e
            WHERE e.use_case = o.use_case AND e.effect_id = o.effect_id AND e.body IS NOT NULL)""",
    "a delivery of no effect, or a gap between attempts": """
        SELECT s.use_case, s.effect_id AS place FROM deliveries AS s LEFT JOIN effects AS e
            ON e.use_case = s.use_case AND e.effect_id = s.effect_id
        GROUP BY s.use_case, s.effect_id HAVING count(*) <> max(s.attempt) OR count(e.effect_id) = 0""",
    "an audit head that is not the last audit row": """
        SELECT h.use_case, CAST(h.seq AS text) AS place FROM audit_heads AS h
        WHERE h.seq <> (SELECT coalesce(max(seq), 0) FROM audit AS a WHERE a.use_case = h.use_case)""",
}


def _rules() -> dict[str, str]:
    rules = dict(_RULES)
    for table in _OF_A_CASE:
        rules[f"{table} without a case"] = f"""
            SELECT t.use_case, t.case_id AS place FROM {table} AS t WHERE NOT EXISTS (
                SELECT 1 FROM cases AS c WHERE c.use_case = t.use_case AND c.case_id = t.case_id)"""
    for table in (audited.name for audited in AUDITED):
        rules[f"{table} whose audit row does not count them"] = f"""
            SELECT t.use_case, CAST(t.seq AS text) AS place
            FROM (SELECT use_case, seq, count(*) AS n FROM {table} GROUP BY use_case, seq) AS t
            LEFT JOIN audit AS a ON a.use_case = t.use_case AND a.seq = t.seq AND a.table_name = '{table}'
            WHERE coalesce(a.row_count, -1) <> t.n"""
        rules[f"audit rows of {table} without rows"] = f"""
            SELECT a.use_case, CAST(a.seq AS text) AS place FROM audit AS a
            LEFT JOIN (SELECT DISTINCT use_case, seq FROM {table}) AS t
                ON t.use_case = a.use_case AND t.seq = a.seq
            WHERE a.table_name = '{table}' AND t.seq IS NULL"""
    return rules


def check_invariants(log: CaseLog) -> list[str]:
    """What does not hold, one line each; empty when the log is sound.

    A case has at most one decision in force, no row is without its case or its audit row, and no first review stands
    beside a first decision by policy. It compares counts and keys; `aiops_flows.case_log.audit.verify` reads the
    contents too.
    """
    broken = []
    for rule, statement in _rules().items():
        if found := rows_of(log, statement, []):
            places = ", ".join(f"{row['use_case']}/{row['place']}" for row in found[:_SHOWN])
            broken.append(f"{rule}: {len(found)} ({places}{', ...' if len(found) > _SHOWN else ''})")
    return broken
