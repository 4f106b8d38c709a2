"""The second schema: the audit lane beside automatic decisions, the readings of people, and alarms."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import CheckConstraint, Column, Float, ForeignKeyConstraint, Integer, Text
from sqlalchemy.dialects import postgresql

from aiops_flows.case_log.migrations.triggers import write_once_lane

revision = "0002"
down_revision = "0001"

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


def _create_readings() -> None:
    op.create_table(
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
        ForeignKeyConstraint(
            ["use_case", "case_id", "round"], ["reviews.use_case", "reviews.case_id", "reviews.round"]
        ),
        CheckConstraint("kind IN ('audit', 'second', 'known')", name="readings_kind"),
        sqlite_with_rowid=False,
    )


def _create_alarms() -> None:
    op.create_table(
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
        CheckConstraint(
            "(state = 'raised' AND clears IS NULL) OR (state = 'cleared' AND clears IS NOT NULL AND clears < number)",
            name="alarms_state",
        ),
        sqlite_with_rowid=False,
    )


def upgrade() -> None:
    """Add the columns of the lane, and the two tables with their triggers."""
    op.add_column("decisions", Column("audit_probability", _REAL))
    op.add_column("decisions", Column("seconds", _REAL))
    op.add_column("reviews", _maybe("kind"))
    op.add_column("reviews", Column("blind", Integer))
    _create_readings()
    _create_alarms()
    for statement in write_once_lane(op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement)
