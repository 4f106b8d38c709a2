"""One write of the log: its lock, its leases, its rows and the audit rows that vouch for them, all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import isfinite
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Row, Table

from aiops_flows.case_log.dialects import Guard, bind, insert_rows
from aiops_flows.case_log.log import CaseLog, translated
from aiops_flows.case_log.moments import moment_text
from aiops_flows.case_log.names import person_keys
from aiops_flows.case_log.tables import AUDIT, keys_of_names
from aiops_flows.errors import CaseUnknown, LeaseLost

__all__ = [
    "GENESIS",
    "Inserted",
    "Transaction",
    "chain_hash",
    "content_digest",
    "lock_all_use_cases",
    "writing",
]

GENESIS: Final = "0" * 64
"""What the first audit row of a use case names as its predecessor."""

_SHOWN = 10
_REALS: Final = {float, type(None)}
# PostgreSQL's clock counts where several machines write; SQLite's is this machine's, and is read in milliseconds only.
_HEAD = {
    "sqlite": "SELECT seq, hash, NULL FROM audit_heads WHERE use_case = ?",
    "postgresql": """
        SELECT seq, hash, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        FROM audit_heads WHERE use_case = ? FOR UPDATE""",
}
# PostgreSQL serves advisory locks in turn, so workers that overlap for ever cannot keep an operator's stop waiting.
_ALL_USE_CASES: Final = 0x61696F7073_01
_SHARE_LOCK = {"sqlite": "", "postgresql": " FOR SHARE"}
_AUDIT_COLUMNS = tuple(column.name for column in AUDIT.columns)


def content_digest(columns: Mapping[str, Sequence[Any]]) -> str:
    """SHA-256 of rows, given as columns in the order of the rows' keys.

    Columns are hashed as one JSON object; one without any value is left out (so a column added later changes nothing),
    one in which all values are equal is written once. Infinity and NaN, for which JSON has no word, are told by name.
    """
    content = {}
    for name, values in columns.items():
        first = values[0]
        if values.count(first) == len(values):
            if first is not None:
                content[str(name)] = first
        else:
            content[str(name)] = values
    told = {name: _told(value) for name, value in content.items()}
    return hashlib.sha256(orjson.dumps(told, default=repr)).hexdigest()


def _told(value: Any) -> Any:
    """A value, or a column of them, as JSON can say it."""
    if value.__class__ is float:
        return value if isfinite(value) else repr(value)
    if value.__class__ in {list, tuple} and float in (kinds := set(map(type, value))):
        plain = kinds <= _REALS and all(map(isfinite, filter(None, value)))
        return value if plain else [_told(each) for each in value]
    return value


def chain_hash(row: Mapping[str, Any]) -> str:
    """SHA-256 over everything an audit row says, the hash of its predecessor included."""
    said = [row[name] for name in _AUDIT_COLUMNS if name != "hash"]
    return hashlib.sha256(orjson.dumps(said, default=repr)).hexdigest()


@dataclass(frozen=True)
class Inserted:
    """What came of the rows that were to be inserted."""

    new: int
    before: list[Row[Any]]
    """Every row of the table under one of the given (first) keys that was there before."""
    left: list[Any]
    """The keys under which nothing is stored: a guard refused them."""


def _by_key(table: Table, columns: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """The same rows in the order of their keys, in which digests are taken (and pages are written once)."""
    names = [column.name for column in table.primary_key if column.name in columns]
    keys = columns[names[0]] if len(names) == 1 else list(zip(*(columns[name] for name in names), strict=True))
    if sorted(keys) == keys:
        return columns
    pick = itemgetter(*sorted(range(len(keys)), key=keys.__getitem__))
    return {name: list(pick(values)) for name, values in columns.items()}


def _with_keys_of_names(
    table: Table, columns: Mapping[str, list[Any]], same: dict[str, Any]
) -> tuple[Mapping[str, list[Any]], dict[str, Any]]:
    """The same rows with the keys by which the database compares the names in them."""
    filled, shared = dict(columns), dict(same)
    for key, name in keys_of_names(table).items():
        if name in columns:
            filled[key] = person_keys(columns[name])
        elif name in same:
            shared[key] = person_keys([same[name]])[0]
    return filled, shared


class Transaction:
    """An open write to one use case; made by `writing`."""

    def __init__(self, log: CaseLog, connection: Connection, use_case: str, *, kind: str, actor: str) -> None:
        self._log = log
        self.connection = connection
        self.dialect = log.dialect
        self.use_case = use_case
        self.kind = kind
        self.actor = actor
        self.batch_id: str | None = None
        self.detail: str | None = None
        self._audit_rows: list[dict[str, Any]] = []
        self.seq, self._head, self.at = self._lock_head()

    def execute(self, statement: str, *values: Any) -> Sequence[Row[Any]]:
        """The rows of a statement, written with ``?`` for a value and ``= ANY(?)`` for a list of keys."""
        found = self.connection.exec_driver_sql(*bind(self.dialect, statement, values))
        return found.all() if found.returns_rows else []

    def read_clock(self) -> None:
        """Date the write anew; it waited for others."""
        self.at = self._lock_head()[2]

    def _lock_head(self) -> tuple[int, str, str]:
        """The head of the use case's audit chain. Holding its lock, no other write to this use case goes on."""
        head = _HEAD[self.dialect]
        found = self.execute(head, self.use_case)
        if not found:
            new = "INSERT INTO audit_heads (use_case, seq, hash) VALUES (?, 0, ?) ON CONFLICT DO NOTHING"
            self.execute(new, self.use_case, GENESIS)
            found = self.execute(head, self.use_case)
        seq, digest, at = found[0]
        return seq, digest, moment_text(self._log.now()) if self._log.clock or not at else at

    def check_leases(self, tokens: Collection[str]) -> None:
        """See that nobody took over the batches named in the tokens, and keep it so until the end of this write.

        Raises:
            LeaseLost: somebody did.
        """
        held = [(batch_id, fence) for batch_id, _, fence in (token.rpartition("#") for token in sorted(set(tokens)))]
        found = self.execute(
            "SELECT batch_id, fence, owner FROM batches WHERE use_case = ? AND batch_id = ANY(?)"
            f" ORDER BY batch_id{_SHARE_LOCK[self.dialect]}",
            self.use_case,
            [batch_id for batch_id, _ in held],
        )
        stored = {batch_id: (str(fence), owner) for batch_id, fence, owner in found}
        for batch_id, fence in held:
            now, owner = stored.get(batch_id, ("none", "nobody: it was never claimed"))
            if now != fence:
                raise LeaseLost(
                    f"batch {batch_id[:12]} of {self.use_case}: this worker writes with fence {fence}, but the log has "
                    f"fence {now}, held by {owner}. Nothing of this write was stored; stop this run, or claim it again"
                )
        self.batch_id = held[0][0] if len(held) == 1 else None
        self.actor = self.actor or stored[held[0][0]][1]

    def insert(
        self,
        table: Table,
        columns: Mapping[str, list[Any]],
        same: Mapping[str, Any] | None = None,
        *guards: Guard,
    ) -> Inserted:
        """Insert the rows whose key is new, under one audit row; give back those that were there before.

        Args:
            table: where to.
            columns: one list a column, of one length; the first is the row's key within the use case.
            same: values that all rows share.
            guards: conditions on the rows' cases, ``case_id`` being the first column.
        """
        key, keys = next(iter(columns.items()))
        if not keys:
            return Inserted(0, [], [])
        columns = _by_key(table, columns)
        same = {"use_case": self.use_case, **(same or {}), "seq": self.seq + 1}
        columns, same = _with_keys_of_names(table, columns, same)
        new = insert_rows(self.connection, table, same, columns, guards)
        before: list[Row[Any]] = []
        left: list[Any] = []
        if new < len(keys):
            stored = self._stored(table, key, keys)
            there = {row._mapping[key] for row in stored}
            left = [value for value in dict.fromkeys(keys) if value not in there]
            before = [row for row in stored if row.seq != self.seq + 1]
            own = [row for row in stored if row.seq == self.seq + 1]
            columns = dict(zip(table.columns.keys(), map(list, zip(*own, strict=True)), strict=False)) if own else {}
        else:
            columns = {**columns, **{name: [value] for name, value in same.items()}}
        if new:
            self._vouch(table, new, columns)
        return Inserted(new, before, left)

    def _stored(self, table: Table, key: str, keys: list[Any]) -> list[Row[Any]]:
        order = ", ".join(column.name for column in table.primary_key)
        names = ", ".join(table.columns.keys())
        statement = f"SELECT {names} FROM {table.name} WHERE use_case = ? AND {key} = ANY(?) ORDER BY {order}"
        return list(self.execute(statement, self.use_case, list(dict.fromkeys(keys))))

    def _vouch(self, table: Table, rows: int, columns: Mapping[str, Sequence[Any]]) -> None:
        computed = {"use_case", "seq", *keys_of_names(table)}
        names = [column.name for column in table.columns if column.name in columns.keys() - computed]
        self.seq += 1
        row = {
            "use_case": self.use_case,
            "seq": self.seq,
            "at": self.at,
            "actor": self.actor,
            "kind": self.kind,
            "table_name": table.name,
            "row_count": rows,
            "batch_id": self.batch_id,
            "detail": self.detail,
            "digest": content_digest({name: columns[name] for name in names}),
            "previous": self._head,
        }
        self._head = row["hash"] = chain_hash(row)
        self._audit_rows.append(row)

    def finish(self) -> tuple[int, str] | None:
        """Append the audit rows; the new head, or None where nothing was written."""
        if not self._audit_rows:
            return None
        marks = ", ".join("?" * len(_AUDIT_COLUMNS))
        for row in self._audit_rows:
            self.execute(
                f"INSERT INTO audit ({', '.join(_AUDIT_COLUMNS)}) VALUES ({marks})", *(row[c] for c in _AUDIT_COLUMNS)
            )
        self.execute("UPDATE audit_heads SET seq = ?, hash = ? WHERE use_case = ?", self.seq, self._head, self.use_case)
        return self.seq, self._head

    def refuse_unknown(self, case_ids: Collection[str], known: Collection[str]) -> None:
        """See that each id is a stored case.

        Raises:
            CaseUnknown: some are not.
        """
        if missing := sorted(set(case_ids) - set(known)):
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise CaseUnknown(
                f"{self.use_case} has no case {', '.join(map(repr, missing[:_SHOWN]))}{more}; "
                "take the cases in first (intake), or check the ids"
            )

    def known_cases(self, case_ids: list[str]) -> set[str]:
        """Those of the ids that are stored cases."""
        statement = "SELECT case_id FROM cases WHERE use_case = ? AND case_id = ANY(?)"
        return {row[0] for row in self.execute(statement, self.use_case, list(dict.fromkeys(case_ids)))}


@contextmanager
def writing(
    log: CaseLog, use_case: str, *, kind: str, actor: str = "", tokens: Collection[str] = ()
) -> Iterator[Transaction]:
    """One write to a use case; it is committed at the end of the block, and nothing of it stays after an error.

    Args:
        log: where to.
        use_case: whose chain it goes to.
        kind: what is done, for the audit trail.
        actor: who does it; by default the owner of the lease.
        tokens: leases under which it is written.

    Raises:
        LeaseLost: one of the batches was taken over.
        CaseLogError: the database refused or failed.
    """
    with translated(), log.engine.begin() as connection:
        transaction = Transaction(log, connection, use_case, kind=kind, actor=actor)
        if tokens:
            transaction.check_leases(tokens)
        yield transaction
        head = transaction.finish()
    if head and log.witness:
        with suppress(OSError):  # the write is stored: a full disk beside it must not make it look failed
            log.witness.append(use_case, *head)


def lock_all_use_cases(transaction: Transaction, *, alone: bool = False) -> None:
    """Keep what holds for all use cases as it is until the end of this write.

    Automatic decisions share this lock; whoever stops those of every use case takes it ``alone``, and waits for the
    writes that are under way: its write is dated after them. SQLite has one writer at a time anyway.
    """
    if transaction.dialect == "postgresql":
        shared = "" if alone else "_shared"
        transaction.execute(f"SELECT pg_advisory_xact_lock{shared}(?)", _ALL_USE_CASES)
        if alone:
            transaction.read_clock()
