"""The fifth schema: holds, agreements of a second person, and the keys by which names of people are compared."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import CheckConstraint, Column, Connection, Integer, Text
from sqlalchemy.dialects import postgresql

from aiops_flows.case_log.migrations.triggers import restart_rules, rules_by_key, unlocked, write_once_holds
from aiops_flows.case_log.names import person_key

revision = "0005"
down_revision = "0004"

_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NAMES = {
    "versions": ("trained_by",),
    "approvals": ("approver",),
    "promotions": ("proposer", "approver"),
    "alarms": ("actor",),
}


def _key(name: str, kind: type[Integer] | Text = _TEXT) -> Column[Any]:
    return Column(name, kind, primary_key=True, nullable=False, autoincrement=False)


def _text(name: str) -> Column[Any]:
    return Column(name, _TEXT, nullable=False)


def _maybe(name: str) -> Column[Any]:
    return Column(name, _TEXT)


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _create_holds() -> None:
    op.create_table(
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
        _maybe("actor_key"),
        CheckConstraint(
            "(state = 'held' AND releases IS NULL)"
            " OR (state = 'released' AND releases IS NOT NULL AND releases < number)",
            name="holds_state",
        ),
        CheckConstraint("trim(actor) <> ''", name="holds_actor_named"),
        sqlite_with_rowid=False,
    )


def _create_agreements() -> None:
    op.create_table(
        "agreements",
        _key("use_case"),
        _key("about"),
        _key("number", Integer),
        _key("actor"),
        _text("reason"),
        _text("evidence"),
        _number("seq"),
        _maybe("actor_key"),
        CheckConstraint("about IN ('alarm', 'hold')", name="agreements_about"),
        CheckConstraint("trim(actor) <> ''", name="agreements_actor_named"),
        sqlite_with_rowid=False,
    )


def _add_key(connection: Connection, table: str, name: str) -> None:
    """Give the names that are stored their keys; digests are not taken over keys, so the record stays whole."""
    op.add_column(table, _maybe(f"{name}_key"))
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    distinct = connection.exec_driver_sql(f"SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL").all()
    with unlocked(connection, table):
        for (written,) in distinct:
            connection.exec_driver_sql(
                f"UPDATE {table} SET {name}_key = {mark} WHERE {name} = {mark}", (person_key(written), written)
            )


def upgrade() -> None:
    """Make the tables, add the columns, fill the keys, and have the database compare by them."""
    connection = op.get_bind()
    dialect = connection.dialect.name
    _create_holds()
    _create_agreements()
    op.add_column("alarms", Column("four_eyes", Integer))
    for table, names in _NAMES.items():
        for name in names:
            _add_key(connection, table, name)
    for statement in (*write_once_holds(dialect), *rules_by_key(dialect), *restart_rules(dialect)):
        connection.exec_driver_sql(statement)
