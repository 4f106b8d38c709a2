"""The third schema: what decisions send to other systems, each attempt at it, and the list of what is still to send."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import CheckConstraint, Column, Float, Integer, Text
from sqlalchemy.dialects import postgresql

from aiops_flows.case_log.migrations.triggers import write_once_outbox

revision = "0003"
down_revision = "0002"

_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _key(name: str, kind: type[Integer] | Text = _TEXT) -> Column[Any]:
    return Column(name, kind, primary_key=True, nullable=False, autoincrement=False)


def _text(name: str) -> Column[Any]:
    return Column(name, _TEXT, nullable=False)


def _maybe(name: str) -> Column[Any]:
    return Column(name, _TEXT)


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _create_effects() -> None:
    op.create_table(
        "effects",
        _key("use_case"),
        _key("case_id"),
        _key("revision", Integer),
        _key("name"),
        _text("effect_id"),
        _maybe("replaces"),
        _maybe("body"),
        _number("seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("effects_by_id", "effects", ["use_case", "effect_id"], unique=True)


def _create_deliveries() -> None:
    op.create_table(
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
        sqlite_with_rowid=False,
    )


def _create_outbox() -> None:
    op.create_table(
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
        Column("expires", Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("outbox_by_due", "outbox", ["use_case", "lost", "due_at"])
    op.create_index("outbox_by_case", "outbox", ["use_case", "case_id", "name", "revision"])


def upgrade() -> None:
    """Add the three tables, and the triggers of those that are written once."""
    _create_effects()
    _create_deliveries()
    _create_outbox()
    for statement in write_once_outbox(op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)
