"""What decisions send to other systems: which decisions still have to, and what was planned for them, once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row

from aiops_flows.case_log.arrivals import CASE_IS_STORED
from aiops_flows.case_log.dialects import bind, walk_along_indexes
from aiops_flows.case_log.log import CaseLog, reading
from aiops_flows.case_log.moments import moment_text
from aiops_flows.case_log.tables import EFFECTS
from aiops_flows.case_log.transaction import writing
from aiops_flows.case_log.values import read_values
from aiops_flows.review_policy import SETTLED_ELSEWHERE

__all__ = ["Due", "Planned", "Wanted", "add_effects", "due", "effect_id", "known_ids"]


@dataclass(frozen=True)
class Wanted:
    """An effect by its name, and the decisions that have it."""

    name: str
    verdicts: Sequence[str] = ()
    """Only these; empty: all."""
    since: datetime | None = None
    """Only those made at this moment or later."""


@dataclass(frozen=True)
class Due:
    """Decisions in force that an effect was not planned for yet, and what they rest on."""

    decisions: list[dict[str, Any]] = field(default_factory=list)
    """``case_id``, ``revision``, ``verdict``, ``reason``, ``actor``, ``actor_kind``, ``terms`` (by name), ``names``
    (of what is due)."""
    predictions: dict[tuple[str, str], tuple[Any, float | None, int]] = field(default_factory=dict)
    """By case id and model: value, confidence and version of the prediction that the decision rests on."""
    said: dict[tuple[str, str], Any] = field(default_factory=dict)
    """By case id and name: the outcome that the person gave with the decision."""
    earlier: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """By case id and name of the effect: id and body of the last one that was sent, or will be."""


@dataclass(frozen=True)
class Planned:
    """An effect of one decision; without a body nothing is sent, and it is not asked for again."""

    case_id: str
    revision: int
    name: str
    body: str | None
    """JSON text."""
    replaces: str | None = None
    """The effect of an earlier decision on the case that this one corrects."""


def effect_id(use_case: str, case_id: str, revision: int, name: str) -> str:
    """The id under which a decision has its effect, wherever and however often that is computed: 32 hex digits."""
    return hashlib.sha256(orjson.dumps([use_case, case_id, int(revision), name])).hexdigest()[:32]


_MISSING: Final = """
    NOT EXISTS (SELECT 1 FROM effects AS e WHERE e.use_case = d.use_case AND e.case_id = d.case_id
        AND e.revision = d.revision AND e.name = ?)"""
_AT: Final = "(SELECT a.at FROM audit AS a WHERE a.use_case = d.use_case AND a.seq = d.seq)"
_DUE: Final = """
    SELECT d.case_id, d.revision, d.verdict, d.reason, d.actor, d.actor_kind, d.terms, d.seq, {at} AS at
    FROM decisions AS d
    WHERE d.use_case = ? AND d.case_id > ? AND d.verdict <> '{settled}' AND ({lacking})
        AND NOT EXISTS (SELECT 1 FROM decisions AS n WHERE n.use_case = d.use_case AND n.case_id = d.case_id
            AND n.revision = d.revision + 1)
    ORDER BY d.case_id LIMIT {limit}"""
_PREDICTIONS: Final = """
    SELECT p.case_id, p.model, p.value, p.confidence, p.version, p.seq FROM predictions AS p
    WHERE p.use_case = ? AND p.case_id = ANY(?) ORDER BY p.revision"""
_SAID: Final = """
    SELECT o.case_id, o.name, o.value, a.at FROM outcomes AS o
    JOIN audit AS a ON a.use_case = o.use_case AND a.seq = o.seq
    WHERE o.use_case = ? AND o.case_id = ANY(?)"""
_EARLIER: Final = """
    SELECT case_id, revision, name, effect_id, body FROM effects
    WHERE use_case = ? AND case_id = ANY(?) ORDER BY revision"""


def due(log: CaseLog, use_case: str, wanted: Sequence[Wanted], *, after: str = "", limit: int = 1_000) -> Due:
    """Decisions in force for which an effect was not planned yet, by case id, with what they rest on.

    Each is found by what is missing, not by how far an earlier look came: so none is skipped, in whatever order
    decisions are committed.

    Args:
        log: which log.
        use_case: whose decisions.
        wanted: the effects; a decision is due if it lacks one of those that its verdict has.
        after: only cases whose id comes after this one, to go through all of them in parts.
        limit: at most so many cases.
    """
    lacking, values = _lacking(wanted)
    with reading(log) as connection:
        walk_along_indexes(connection)
        statement = _DUE.format(at=_AT, settled=SETTLED_ELSEWHERE, lacking=lacking, limit=int(limit))
        decided = _ask(log, connection, statement, use_case, after, *values)
        ids = [row.case_id for row in decided]
        if not ids:
            return Due()
        predictions = _ask(log, connection, _PREDICTIONS, use_case, ids)
        outcomes = _ask(log, connection, _SAID, use_case, ids)
        planned = _ask(log, connection, _EARLIER, use_case, ids)
    of_case = {row.case_id: row for row in decided}
    there = {(row.case_id, row.revision, row.name) for row in planned}
    return Due(
        [_decision(row, wanted, there) for row in decided],
        _rested_on([row for row in predictions if row.seq < of_case[row.case_id].seq]),
        _said_with([row for row in outcomes if _came_with(row.at, of_case[row.case_id])]),
        {(row.case_id, row.name): (row.effect_id, row.body) for row in planned if row.body is not None},
    )


def _lacking(wanted: Sequence[Wanted]) -> tuple[str, list[Any]]:
    """The condition that a decision lacks one of the effects it has, with its values."""
    texts: list[str] = []
    values: list[Any] = []
    for one in wanted:
        tests = [_MISSING]
        values.append(one.name)
        if one.verdicts:
            tests.append("d.verdict = ANY(?)")
            values.append(list(one.verdicts))
        if one.since is not None:
            tests.append(f"{_AT} >= ?")
            values.append(moment_text(one.since))
        texts.append(f"({' AND '.join(tests)})")
    return " OR ".join(texts) or "1 = 0", values


def _ask(log: CaseLog, connection: Connection, statement: str, *values: Any) -> Sequence[Row[Any]]:
    return connection.exec_driver_sql(*bind(log.dialect, statement, values)).all()


def _decision(row: Row[Any], wanted: Sequence[Wanted], there: set[tuple[str, int, str]]) -> dict[str, Any]:
    names = [
        one.name
        for one in wanted
        if (row.case_id, row.revision, one.name) not in there
        and (not one.verdicts or row.verdict in one.verdicts)
        and (one.since is None or row.at >= moment_text(one.since))
    ]
    told = {name: row._mapping[name] for name in ("case_id", "revision", "verdict", "reason", "actor", "actor_kind")}
    return {**told, "terms": read_values([row.terms])[0] or {}, "names": names}


def _rested_on(rows: Sequence[Row[Any]]) -> dict[tuple[str, str], tuple[Any, float | None, int]]:
    """The last prediction of each model; the rows come in the order of their revisions."""
    values = read_values(row.value for row in rows)
    pairs = zip(rows, values, strict=True)
    return {(row.case_id, row.model): (value, row.confidence, row.version) for row, value in pairs}


def _came_with(at: str, decision: Row[Any]) -> bool:
    """Whether an outcome was stored with a person's decision, in one transaction."""
    return bool(decision.actor_kind == "person" and at == decision.at)


def _said_with(rows: Sequence[Row[Any]]) -> dict[tuple[str, str], Any]:
    values = read_values(row.value for row in rows)
    return {(row.case_id, row.name): value for row, value in zip(rows, values, strict=True)}


_TO_SEND: Final = """
    INSERT INTO outbox (use_case, effect_id, case_id, revision, name, due_at, failures, lost, owner, expires)
    SELECT use_case, effect_id, case_id, revision, name, ?, 0, 0, '', 0 FROM effects
    WHERE use_case = ? AND case_id = ANY(?) AND seq = ? AND body IS NOT NULL RETURNING effect_id"""


def add_effects(log: CaseLog, use_case: str, planned: Sequence[Planned], *, actor: str) -> int:
    """How many effects wait in the outbox now that did not before: those that are new and have a body.

    What was planned first for a decision stays, whatever is planned for it later.

    Args:
        log: where to.
        use_case: whose decisions.
        planned: one for each decision and name.
        actor: who plans.
    """
    columns: dict[str, list[Any]] = {
        "case_id": [one.case_id for one in planned],
        "revision": [int(one.revision) for one in planned],
        "name": [one.name for one in planned],
        "effect_id": [effect_id(use_case, one.case_id, one.revision, one.name) for one in planned],
        "replaces": [one.replaces for one in planned],
        "body": [one.body for one in planned],
    }
    with writing(log, use_case, kind="plan effects", actor=actor) as transaction:
        inserted = transaction.insert(EFFECTS, columns, None, CASE_IS_STORED)
        ids = list(dict.fromkeys(columns["case_id"])) if inserted.new else []
        return len(transaction.execute(_TO_SEND, transaction.at, use_case, ids, transaction.seq))


def known_ids(log: CaseLog, use_case: str) -> dict[str, str | None]:
    """Every effect id that was planned, with its body (JSON text; None where nothing is sent)."""
    with reading(log) as connection:
        rows = _ask(log, connection, "SELECT effect_id, body FROM effects WHERE use_case = ?", use_case)
    return {row.effect_id: row.body for row in rows}
