"""What SQLite and PostgreSQL say differently: clocks, locks, and many rows at once.

Statements are written once, with ``?`` for a value and ``= ANY(?)`` for a list of keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Float, Integer, Table

__all__ = ["Guard", "bind", "clock", "insert_rows", "walk_along_indexes"]

Dialect = Literal["sqlite", "postgresql"]


@dataclass(frozen=True)
class Guard:
    """A condition on the rows to insert: their case must be, or must not be, in a table."""

    table: str
    present: bool


def clock(dialect: str) -> str:
    """The database's own clock, as seconds since 1970."""
    if dialect == "sqlite":
        return "((julianday('now') - 2440587.5) * 86400.0)"
    return "extract(epoch FROM clock_timestamp())::double precision"


def walk_along_indexes(connection: Connection) -> None:
    """Have PostgreSQL, in this transaction, follow an index in order up to a limit instead of sorting all there is.

    While its statistics are behind, as in a table that has just grown, it takes every table for a small one. What is
    switched off counts as very dear, which would have it compile statements of a millisecond for fifty (``jit``).
    """
    if connection.dialect.name == "postgresql":
        for way in ("enable_sort", "enable_bitmapscan", "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"):
            connection.exec_driver_sql(f"SET LOCAL {way} = off")


@lru_cache(maxsize=512)
def _translated(statement: str, dialect: str) -> str:
    if dialect == "sqlite":
        return statement.replace("= ANY(?)", "IN (SELECT value FROM json_each(?))")
    return statement.replace("%", "%%").replace("= ANY(?)", "= ANY(%b::text[])").replace("?", "%s")


def bind(dialect: str, statement: str, values: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """The statement and its values as the driver of the database takes them."""
    if dialect == "sqlite":
        values = [orjson.dumps(value).decode() if isinstance(value, list) else value for value in values]
    return _translated(statement, dialect), tuple(values)


def insert_rows(
    connection: Connection,
    table: Table,
    same: Mapping[str, Any],
    columns: Mapping[str, Sequence[Any]],
    guards: tuple[Guard, ...],
) -> int:
    """How many rows were new; those under a key that is there already, or that a guard refuses, are left out.

    Args:
        connection: in a transaction.
        table: where to.
        same: values that all rows share, ``use_case`` the first of them.
        columns: the other columns, all of one length, ``case_id`` the first where there are guards.
        guards: conditions on the case.
    """
    if connection.dialect.name == "sqlite":
        statement = _sqlite_insert(table, tuple(same), tuple(columns), guards)
        rows = list(zip(*map(repeat, same.values()), *columns.values(), strict=False))
        return connection.exec_driver_sql(statement, rows).rowcount
    # An empty or all-missing list has no type of its own on the wire: it is sent as one missing value for all rows.
    empty = [name for name, values in columns.items() if not any(value is not None for value in values)]
    same = {**same, **dict.fromkeys(empty)}
    columns = {name: values for name, values in columns.items() if name not in empty}
    statement = _postgresql_insert(table, tuple(same), tuple(columns), guards)
    return connection.exec_driver_sql(
        statement, (*same.values(), *columns.values(), *repeat(same["use_case"], len(guards)))
    ).rowcount


@lru_cache(maxsize=128)
def _sqlite_insert(table: Table, same: tuple[str, ...], columns: tuple[str, ...], guards: tuple[Guard, ...]) -> str:
    names = (*same, *columns)
    marks = ", ".join(f"?{number}" for number in range(1, len(names) + 1))
    case = f"?{len(same) + 1}"
    tests = [
        f"{'' if guard.present else 'NOT '}EXISTS"
        f" (SELECT 1 FROM {guard.table} WHERE use_case = ?1 AND case_id = {case})"
        for guard in guards
    ]
    rows = f"SELECT {marks} WHERE {' AND '.join(tests)}" if tests else f"VALUES ({marks})"
    return f"INSERT INTO {table.name} ({', '.join(names)}) {rows} ON CONFLICT DO NOTHING"


def _postgresql_type(table: Table, column: str) -> str:
    kind = table.c[column].type
    return "bigint" if isinstance(kind, Integer) else "double precision" if isinstance(kind, Float) else "text"


@lru_cache(maxsize=128)
def _postgresql_insert(table: Table, same: tuple[str, ...], columns: tuple[str, ...], guards: tuple[Guard, ...]) -> str:
    fixed = ", ".join(f"%s::{_postgresql_type(table, name)}" for name in same)
    arrays = ", ".join(f"%b::{_postgresql_type(table, name)}[]" for name in columns)
    given = ", ".join(columns)
    joins = [
        f"LEFT JOIN LATERAL (SELECT true AS there FROM {guard.table} AS k WHERE k.use_case = %s"
        f" AND k.case_id = given.case_id LIMIT 1) AS guard{number} ON true"
        for number, guard in enumerate(guards)
    ]
    tests = [f"guard{number}.there IS {'NOT ' if guard.present else ''}NULL" for number, guard in enumerate(guards)]
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    return (
        f"INSERT INTO {table.name} ({', '.join((*same, *columns))})"
        f" SELECT {fixed}, {', '.join(f'given.{name}' for name in columns)}"
        f" FROM unnest({arrays}) AS given ({given}) {' '.join(joins)}{where} ON CONFLICT DO NOTHING"
    )
