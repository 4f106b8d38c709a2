"""Whether the record is whole: every row vouched for by its audit row, every audit row by the one after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, func, select

from aiops_flows.case_log.invariants import check_invariants
from aiops_flows.case_log.log import CaseLog, reading
from aiops_flows.case_log.names import person_keys
from aiops_flows.case_log.tables import AUDIT, AUDIT_HEADS, AUDITED, CASES, keys_of_names
from aiops_flows.case_log.transaction import GENESIS, chain_hash, content_digest

__all__ = [
    "Covered",
    "Finding",
    "automatic_since",
    "check_invariants",
    "coverage",
    "head",
    "latest_detail",
    "latest_seq",
    "verify",
]

_AT_ONCE = 10_000

Trail = dict[str, dict[int, Mapping[str, Any]]]


@dataclass(frozen=True, order=True)
class Finding:
    """A place where the record is not what was written."""

    use_case: str
    seq: int
    """Number of the audit row that shows it."""
    what: str


@dataclass(frozen=True)
class Covered:
    """What was verified of one use case."""

    use_case: str
    cases: int
    rows: int
    """Of all tables, cases included."""
    audit_rows: int
    since: str
    """When the first of them was written."""
    until: str
    head: str
    """The hash of the last audit row."""
    witnessed: int
    """Heads that the witness file of this machine remembers."""


def head(log: CaseLog) -> dict[str, tuple[int, str]]:
    """The last audit row of each use case: its number and hash. Written down elsewhere, they vouch for all before."""
    with reading(log) as connection:
        return {name: (seq, digest) for name, (seq, digest) in _heads(connection).items() if seq}


def automatic_since(log: CaseLog, use_case: str, seq: int) -> int:
    """How many automatic decisions of a use case were committed after the audit row of a number."""
    statement = select(func.coalesce(func.sum(AUDIT.c.row_count), 0)).where(
        AUDIT.c.use_case == use_case,
        AUDIT.c.seq > seq,
        AUDIT.c.table_name == "decisions",
        AUDIT.c.kind.in_(["review", "recall"]),
    )
    with reading(log) as connection:
        return int(connection.execute(statement).scalar_one())


def latest_seq(log: CaseLog, use_case: str, *, kind: str) -> int:
    """The number of the latest audit row of a kind; 0 where there is none."""
    statement = select(func.coalesce(func.max(AUDIT.c.seq), 0)).where(
        AUDIT.c.use_case == use_case, AUDIT.c.kind == kind
    )
    with reading(log) as connection:
        return int(connection.execute(statement).scalar_one())


def latest_detail(log: CaseLog, use_case: str, *, kind: str) -> str | None:
    """The detail of the latest audit row of a kind, JSON text; None where there is none."""
    statement = (
        select(AUDIT.c.detail)
        .where(AUDIT.c.use_case == use_case, AUDIT.c.kind == kind)
        .order_by(AUDIT.c.seq.desc())
        .limit(1)
    )
    with reading(log) as connection:
        return connection.execute(statement).scalar()


def coverage(log: CaseLog) -> list[Covered]:
    """What `verify` reads, one entry a use case."""
    cases = select(CASES.c.use_case, func.count()).group_by(CASES.c.use_case)
    trail = select(
        AUDIT.c.use_case, func.count(), func.sum(AUDIT.c.row_count), func.min(AUDIT.c.at), func.max(AUDIT.c.at)
    ).group_by(AUDIT.c.use_case)
    with reading(log) as connection:
        heads = _heads(connection)
        counts = {str(name): int(number) for name, number in connection.execute(cases)}
        rows = connection.execute(trail.order_by(AUDIT.c.use_case)).all()
    witnessed = Counter(name for name, _, _ in log.witness.heads()) if log.witness else Counter[str]()
    return [
        Covered(
            use_case=str(name),
            cases=counts.get(str(name), 0),
            rows=int(stored),
            audit_rows=int(audit_rows),
            since=str(first),
            until=str(last),
            head=heads.get(name, (0, GENESIS))[1],
            witnessed=witnessed[str(name)],
        )
        for name, audit_rows, stored, first, last in rows
    ]


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
        heads = _heads(connection)
        findings = [
            finding
            for name, rows in trail.items()
            for finding in _check_chain(name, list(rows.values()), heads.get(name, (0, GENESIS))[1])
        ]
        findings += _check_heads(trail, heads)
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


def _check_chain(use_case: str, rows: Sequence[Mapping[str, Any]], head: str) -> Iterator[Finding]:
    """Rows that are missing, were changed, or were changed and given a new hash; ``head`` is the hash of the last."""
    before: Mapping[str, Any] | None = None
    expected = 1
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        seq = row["seq"]
        if seq != expected:
            missing = (
                f"audit row {expected} is missing" if seq == expected + 1 else f"{expected} to {seq - 1} are missing"
            )
            yield Finding(use_case, expected, missing)
        elif row["previous"] != (before["hash"] if before else GENESIS) and _is_whole(row):
            # Both rows have the hash of their own content, so one of them was forged: the one that the rest of the
            # chain, which goes on from the later row, does not confirm.
            confirmed = after is None or after["previous"] == row["hash"]
            confirmed = confirmed if after is not None else row["hash"] == head
            forged = before["seq"] if before and confirmed else seq
            if before is None or not confirmed or _is_whole(before):
                yield Finding(use_case, forged, f"audit row {forged} was forged: the rows beside it name another hash")
        if not _is_whole(row):
            yield Finding(use_case, seq, f"audit row {seq} was changed: it does not have its own hash")
        before, expected = row, seq + 1


def _is_whole(row: Mapping[str, Any]) -> bool:
    """Whether an audit row has the hash of its own content."""
    return chain_hash(row) == str(row["hash"])


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
    keys_of = keys_of_names(table)
    place = itemgetter(names.index("use_case"), names.index("seq"))
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(statement)
    for (use_case, seq), group in groupby(rows, key=place):
        columns = dict(zip(names, zip(*group, strict=True), strict=True))
        del columns["use_case"], columns["seq"]
        wrong = [name for key, name in keys_of.items() if list(columns.pop(key)) != person_keys(columns[name])]
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
        elif wrong:
            yield Finding(use_case, seq, f"a row of {table.name} does not have the key of its {' or '.join(wrong)}")


def _check_witness(log: CaseLog, trail: Trail) -> Iterator[Finding]:
    if log.witness is None:
        return
    if trail and log.dialect == "sqlite" and not log.witness.path.exists():
        first = min(trail)
        missing = f"the witness file {log.witness.path.name} is missing: it may have been removed with rows it saw"
        yield Finding(first, max(trail[first]), missing)
        return
    for use_case, seq, digest in log.witness.heads():
        row = trail.get(use_case, {}).get(seq)
        if row is None:
            last = max(trail.get(use_case, {}), default=0)
            if last < seq:
                yield Finding(use_case, last + 1, "the witness file saw audit rows after the last: the end was cut off")
        elif row["hash"] != digest:
            yield Finding(use_case, seq, f"the witness file saw another audit row {seq}: the trail was rewritten")
