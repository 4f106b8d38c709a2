"""The first schema: every table, its append-only triggers, and the rules of promotions as triggers."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import CheckConstraint, Column, Float, ForeignKeyConstraint, Index, Integer, Text
from sqlalchemy.dialects import postgresql

from aiops_flows.case_log.migrations.triggers import promotion_rules, write_once

revision = "0001"
down_revision = None

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


def _of_version() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["use_case", "model", "version"], ["versions.use_case", "versions.model", "versions.version"]
    )


def _create(
    name: str, *parts: Column[Any] | CheckConstraint | ForeignKeyConstraint | Index, rowid: bool = False
) -> None:
    op.create_table(name, *parts, sqlite_with_rowid=rowid)


def _create_cases() -> None:
    _create(
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
    _create(
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
    _create(
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
    _create(
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


def _create_verdicts() -> None:
    _create(
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
        CheckConstraint("actor_kind IN ('policy', 'person')", name="decisions_actor_kind"),
        CheckConstraint(
            "(revision = 0 AND replaces IS NULL)"
            " OR (revision > 0 AND replaces IS NOT NULL AND replaces = revision - 1)",
            name="decisions_one_effective",
        ),
    )
    _create(
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
    )
    _create(
        "outcomes",
        _key("use_case"),
        _key("case_id"),
        _key("name"),
        _key("known_at"),
        _maybe("event_at"),
        _text("value"),
        _number("seq"),
    )


def _create_versions() -> None:
    _create(
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
    )
    _create(
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
    _create(
        "approvals",
        _key("use_case"),
        _key("model"),
        _key("version", Integer),
        _key("evidence_digest"),
        _key("approver"),
        _text("channel"),
        _text("comment"),
        _number("seq"),
        _of_version(),
        CheckConstraint("trim(approver) <> ''", name="approvals_approver_named"),
    )
    _create(
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
        _of_version(),
        CheckConstraint("action IN ('promote', 'refuse', 'rollback')", name="promotions_action"),
        CheckConstraint("trim(proposer) <> ''", name="promotions_proposer_named"),
    )


def _create_bookkeeping() -> None:
    _create(
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
    _create("audit_heads", _key("use_case"), _number("seq"), _text("hash"))

    _create(
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


def upgrade() -> None:
    """Make every table and trigger."""
    _create_cases()
    _create_verdicts()
    _create_versions()
    _create_bookkeeping()
    dialect = op.get_bind().dialect.name
    for statement in (*write_once(dialect), *promotion_rules(dialect)):
        op.get_bind().exec_driver_sql(statement)
