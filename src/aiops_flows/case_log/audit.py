"""Whether the record is whole: every row vouched for by its audit row, every audit row by the one after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, select

from aiops_flows.case_log.invariants import check_invariants
from aiops_flows.case_log.log import CaseLog, reading
from aiops_flows.case_log.tables import AUDIT, AUDIT_HEADS, AUDITED
from aiops_flows.case_log.transaction import GENESIS, chain_hash, content_digest

__all__ = ["Finding", "check_invariants", "head", "verify"]

_AT_ONCE = 10_000

Trail = dict[str, dict[int, Mapping[str, Any]]]


@dataclass(frozen=True, order=True)
class Finding:
    """A place where the record is not what was written."""

    use_case: str
    seq: int
    """Number of the audit row that shows it."""
    what: str


def head(log: CaseLog) -> dict[str, tuple[int, str]]:
    """The last audit row of each use case: its number and hash. Written down elsewhere, they vouch for all before."""
    with reading(log) as connection:
        return {name: (seq, digest) for name, (seq, digest) in _heads(connection).items() if seq}


def verify(log: CaseLog) -> list[Finding]:
    """Every place where the record is not what was written, the first place of each use case first.

    Recomputes the digest of the rows under each audit row and the chain of the audit rows, and compares the end of the
    chain with its head and with the witness file, where there is one. Reads everything.
    """
    with reading(log) as connection:
        trail: Trail = {}
        odd: list[Finding] = []
        for row in connection.execute(select(AUDIT).order_by(AUDIT.c.use_case, AUDIT.c.seq)).mappings():
            if isinstance(row["seq"], int):
                trail.setdefault(str(row["use_case"]), {})[row["seq"]] = dict(row)
            else:  # SQLite takes anything for a number
                odd.append(Finding(str(row["use_case"]), 0, f"an audit row has the number {row['seq']!r}"))
        findings = [finding for name, rows in trail.items() for finding in _check_chain(name, rows.values())]
        findings += _check_heads(trail, _heads(connection))
        vouched: set[tuple[str, int]] = set()
        for table in AUDITED:
            findings += _check_table(connection, table, trail, vouched)
    findings += [
        Finding(name, seq, f"the {row['row_count']} rows of {row['table_name']} that were written are gone")
        for name, rows in trail.items()
        for seq, row in rows.items()
        if (name, seq) not in vouched
    ]
    return sorted({*odd, *findings, *_check_witness(log, trail)})


def _heads(connection: Connection) -> dict[str, tuple[int, str]]:
    return {row.use_case: (row.seq, row.hash) for row in connection.execute(select(AUDIT_HEADS))}


def _check_chain(use_case: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    previous, expected = GENESIS, 1
    for row in rows:
        seq = row["seq"]
        if seq != expected:
            missing = (
                f"audit row {expected} is missing" if seq == expected + 1 else f"{expected} to {seq - 1} are missing"
            )
            yield Finding(use_case, expected, missing)
        elif row["previous"] != previous:
            yield Finding(use_case, seq, f"audit row {seq} does not follow the row before it")
        if chain_hash(row) != row["hash"]:
            yield Finding(use_case, seq, f"audit row {seq} was changed: it does not have its own hash")
        previous, expected = row["hash"], seq + 1


def _check_heads(trail: Trail, heads: Mapping[str, tuple[int, str]]) -> Iterator[Finding]:
    for use_case in {*trail, *heads}:
        seq, digest = heads.get(use_case, (0, GENESIS))
        last = max(trail.get(use_case, {}), default=0)
        if seq > last:
            yield Finding(
                use_case, last + 1, f"the audit trail ends at {last}, but its head is {seq}: its end was cut off"
            )
        elif seq < last:
            yield Finding(use_case, seq + 1, f"the audit trail goes on to {last}, but its head is {seq}")
        elif last and trail[use_case][last]["hash"] != digest:
            yield Finding(use_case, last, f"the hash of audit row {last} is not the one of the head")


def _check_table(
    connection: Connection, table: Table, trail: Trail, vouched: set[tuple[str, int]]
) -> Iterator[Finding]:
    key = [column for column in table.primary_key if column.name != "use_case"]
    statement = select(table).order_by(table.c.use_case, table.c.seq, *key)
    names = table.columns.keys()
    place = itemgetter(names.index("use_case"), names.index("seq"))
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(statement)
    for (use_case, seq), group in groupby(rows, key=place):
        columns = dict(zip(names, zip(*group, strict=True), strict=True))
        del columns["use_case"], columns["seq"]
        row = trail.get(use_case, {}).get(seq)
        found = len(next(iter(columns.values())))
        if row is None or row["table_name"] != table.name:
            place_of = seq if isinstance(seq, int) else 0
            yield Finding(str(use_case), place_of, f"{found} rows of {table.name} have no audit row")
            continue
        vouched.add((use_case, seq))
        if found != row["row_count"]:
            yield Finding(use_case, seq, f"{row['row_count']} rows of {table.name} were written, {found} are there")
        elif content_digest(columns) != row["digest"]:
            yield Finding(use_case, seq, f"a row of {table.name} was changed ({found} were written together)")


def _check_witness(log: CaseLog, trail: Trail) -> Iterator[Finding]:
    if log.witness is None:
        return
    for use_case, seq, digest in log.witness.heads():
        row = trail.get(use_case, {}).get(seq)
        if row is None:
            last = max(trail.get(use_case, {}), default=0)
            if last < seq:
                yield Finding(use_case, last + 1, "the witness file saw audit rows after the last: the end was cut off")
        elif row["hash"] != digest:
            yield Finding(use_case, seq, f"the witness file saw another audit row {seq}: the trail was rewritten")
