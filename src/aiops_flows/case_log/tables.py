"""The tables of the case log, for both databases; their moments are ISO 8601 text in UTC that sorts as time does.

Every table but `batches`, `outbox` and `audit_heads` is append-only, by trigger. Each row of such a table carries
``seq``, the number of the audit row that vouches for it; who wrote it and when stands there. ``use_case`` begins every
key.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Column, Float, ForeignKeyConstraint, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects import postgresql

__all__ = ["APPEND_ONLY", "CASE_TABLES", "METADATA", "keys_of_names"]

METADATA = MetaData()

# Ordering must be that of code points on both databases: digests are taken over rows in the order of their keys.
_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_REAL = Float(53)


def _key(name: str, kind: type[Integer] | Text = _TEXT) -> Column[Any]:
    return Column(name, kind, primary_key=True, nullable=False, autoincrement=False)


def _text(name: str) -> Column[Any]:
    return Column(name, _TEXT, nullable=False)


def _maybe(name: str) -> Column[Any]:
    return Column(name, _TEXT)


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _key_of(name: str) -> Column[Any]:
    """The key by which a name in another column is compared; computed from it, so no digest is taken over it."""
    return Column(f"{name}_key", _TEXT, info={"key_of": name})


def _table(
    name: str, *parts: Column[Any] | CheckConstraint | ForeignKeyConstraint | Index, rowid: bool = False
) -> Table:
    return Table(name, METADATA, *parts, sqlite_with_rowid=rowid)


# A wide row under a random key is cheapest appended, with its key in an index of its own; the narrow ones are not.
CASES = _table(
    "cases",
    _key("use_case"),
    _key("case_id"),
    _text("received_at"),
    _text("body"),
    _text("digest"),
    _number("seq"),
    Index("cases_by_seq", "use_case", "seq"),
    rowid=True,
)

QUARANTINE = _table(
    "quarantine",
    _key("use_case"),
    _key("digest"),
    _key("stage"),
    _maybe("case_id"),
    _text("reason"),
    _text("raw"),
    _text("source"),
    _number("attempts"),
    _number("seq"),
    rowid=True,
)

PREDICTIONS = _table(
    "predictions",
    _key("use_case"),
    _key("case_id"),
    _key("model"),
    _key("revision", Integer),
    _number("version"),
    _maybe("value"),
    Column("confidence", _REAL),
    _maybe("scores"),
    _number("seq"),
)

SHADOW_PREDICTIONS = _table(
    "shadow_predictions",
    _key("use_case"),
    _key("case_id"),
    _key("model"),
    _key("version", Integer),
    _maybe("value"),
    Column("confidence", _REAL),
    _maybe("scores"),
    _number("seq"),
)

DECISIONS = _table(
    "decisions",
    _key("use_case"),
    _key("case_id"),
    _key("revision", Integer),
    _text("verdict"),
    _text("reason"),
    _text("actor"),
    _text("actor_kind"),
    _maybe("policy_version"),
    Column("replaces", Integer),
    Column("review_round", Integer),
    _maybe("shown"),
    _maybe("channel"),
    _number("seq"),
    Column("audit_probability", _REAL),
    Column("seconds", _REAL),
    _maybe("terms"),
    _maybe("proposed"),
    CheckConstraint("actor_kind IN ('policy', 'person')", name="decisions_actor_kind"),
    CheckConstraint(
        "(revision = 0 AND replaces IS NULL) OR (revision > 0 AND replaces IS NOT NULL AND replaces = revision - 1)",
        name="decisions_one_effective",
    ),
)

REVIEWS = _table(
    "reviews",
    _key("use_case"),
    _key("case_id"),
    _key("round", Integer),
    _text("reason"),
    Column("priority", _REAL, nullable=False),
    _maybe("due_at"),
    Column("question", Integer),
    _maybe("policy_version"),
    _number("seq"),
    _maybe("kind"),
    Column("blind", Integer),
)

READINGS = _table(
    "readings",
    _key("use_case"),
    _key("case_id"),
    _key("round", Integer),
    _text("kind"),
    _text("verdict"),
    _text("reason"),
    _text("actor"),
    _number("blind"),
    Column("seconds", _REAL),
    _maybe("shown"),
    _maybe("channel"),
    _number("seq"),
    _maybe("terms"),
    ForeignKeyConstraint(["use_case", "case_id", "round"], ["reviews.use_case", "reviews.case_id", "reviews.round"]),
    CheckConstraint("kind IN ('audit', 'second', 'known')", name="readings_kind"),
)

OUTCOMES = _table(
    "outcomes",
    _key("use_case"),
    _key("case_id"),
    _key("name"),
    _key("known_at"),
    _maybe("event_at"),
    _text("value"),
    _number("seq"),
)

VERSIONS = _table(
    "versions",
    _key("use_case"),
    _key("model"),
    _key("version", Integer),
    _text("digest"),
    _text("run_id"),
    _text("dataset_digest"),
    _text("trained_by"),
    _text("trained_at"),
    _text("code_version"),
    _text("learned"),
    _maybe("certificate"),
    _number("four_eyes"),
    _number("seq"),
    _key_of("trained_by"),
)


def _of_version() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["use_case", "model", "version"], ["versions.use_case", "versions.model", "versions.version"]
    )


EVIDENCE = _table(
    "evidence",
    _key("use_case"),
    _key("model"),
    _key("version", Integer),
    _key("round", Integer),
    _text("evidence_digest"),
    _text("evidence"),
    _maybe("certificate"),
    _number("seq"),
    _of_version(),
)

APPROVALS = _table(
    "approvals",
    _key("use_case"),
    _key("model"),
    _key("version", Integer),
    _key("evidence_digest"),
    _key("approver"),
    _text("channel"),
    _text("comment"),
    _number("seq"),
    _key_of("approver"),
    _of_version(),
    CheckConstraint("trim(approver) <> ''", name="approvals_approver_named"),
)

PROMOTIONS = _table(
    "promotions",
    _key("use_case"),
    _key("model"),
    _key("number", Integer),
    _text("at"),
    _text("action"),
    _number("version"),
    Column("predecessor", Integer),
    Column("withdrawn_version", Integer),
    _text("proposer"),
    _maybe("approver"),
    _text("reason"),
    _text("gates"),
    _maybe("evidence_digest"),
    _number("seq"),
    _key_of("proposer"),
    _key_of("approver"),
    _of_version(),
    CheckConstraint("action IN ('promote', 'refuse', 'rollback')", name="promotions_action"),
    CheckConstraint("trim(proposer) <> ''", name="promotions_proposer_named"),
)

ALARMS = _table(
    "alarms",
    _key("use_case"),
    _key("number", Integer),
    _text("state"),
    Column("clears", Integer),
    _text("model"),
    Column("version", Integer),
    _text("kind"),
    _maybe("segment"),
    _text("action"),
    _text("reason"),
    _text("evidence"),
    _text("actor"),
    _number("seq"),
    Column("four_eyes", Integer),
    _key_of("actor"),
    CheckConstraint(
        "(state = 'raised' AND clears IS NULL) OR (state = 'cleared' AND clears IS NOT NULL AND clears < number)",
        name="alarms_state",
    ),
)

HOLDS = _table(
    "holds",
    _key("use_case"),
    _key("number", Integer),
    _text("state"),
    Column("releases", Integer),
    _number("effects"),
    _maybe("until"),
    _number("four_eyes"),
    _text("reason"),
    _text("evidence"),
    _text("actor"),
    _number("seq"),
    _key_of("actor"),
    CheckConstraint(
        "(state = 'held' AND releases IS NULL) OR (state = 'released' AND releases IS NOT NULL AND releases < number)",
        name="holds_state",
    ),
    CheckConstraint("trim(actor) <> ''", name="holds_actor_named"),
)

AGREEMENTS = _table(
    "agreements",
    _key("use_case"),
    _key("about"),
    _key("number", Integer),
    _key("actor"),
    _text("reason"),
    _text("evidence"),
    _number("seq"),
    _key_of("actor"),
    CheckConstraint("about IN ('alarm', 'hold')", name="agreements_about"),
    CheckConstraint("trim(actor) <> ''", name="agreements_actor_named"),
)
"""Who agreed that an alarm be cleared or a hold released, where that takes two people."""

EFFECTS = _table(
    "effects",
    _key("use_case"),
    _key("case_id"),
    _key("revision", Integer),
    _key("name"),
    _text("effect_id"),
    _maybe("replaces"),
    _maybe("body"),
    _number("seq"),
    Index("effects_by_id", "use_case", "effect_id", unique=True),
)

DELIVERIES = _table(
    "deliveries",
    _key("use_case"),
    _key("effect_id"),
    _key("attempt", Integer),
    _text("state"),
    _text("reason"),
    _text("sink"),
    _maybe("next_at"),
    _number("seq"),
    CheckConstraint("state IN ('delivered', 'failed', 'given up', 'asked again')", name="deliveries_state"),
)

OUTBOX = _table(
    "outbox",
    _key("use_case"),
    _key("effect_id"),
    _text("case_id"),
    _number("revision"),
    _text("name"),
    _text("due_at"),
    _number("failures"),
    _number("lost"),
    _text("owner"),
    Column("expires", _REAL, nullable=False),
    Index("outbox_by_due", "use_case", "lost", "due_at"),
    Index("outbox_by_case", "use_case", "case_id", "name", "revision"),
)

AUDIT = _table(
    "audit",
    _key("use_case"),
    _key("seq", Integer),
    _text("at"),
    _text("actor"),
    _text("kind"),
    _text("table_name"),
    _number("row_count"),
    _maybe("batch_id"),
    _maybe("detail"),
    _text("digest"),
    _text("previous"),
    _text("hash"),
    Index("audit_by_batch", "use_case", "batch_id"),
)

AUDIT_HEADS = _table("audit_heads", _key("use_case"), _number("seq"), _text("hash"))

BATCHES = _table(
    "batches",
    _key("use_case"),
    _key("batch_id"),
    _text("source"),
    _text("owner"),
    _number("fence"),
    _number("attempts"),
    Column("expires", _REAL, nullable=False),
    _text("state"),
    CheckConstraint("state IN ('open', 'done')", name="batches_state"),
)

CASE_TABLES = (CASES, QUARANTINE, PREDICTIONS, SHADOW_PREDICTIONS, DECISIONS, REVIEWS, READINGS, OUTCOMES, EFFECTS)
AUDITED = (*CASE_TABLES, VERSIONS, EVIDENCE, APPROVALS, PROMOTIONS, ALARMS, HOLDS, AGREEMENTS, DELIVERIES)
APPEND_ONLY = (*AUDITED, AUDIT)


def keys_of_names(table: Table) -> dict[str, str]:
    """Column of a table that holds the key of a name -> the column that holds the name."""
    return {column.name: column.info["key_of"] for column in table.columns if "key_of" in column.info}
