"""Which model versions there are, what they learned from, and the evidence about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from aiops_flows.case_log.dialects import bind
from aiops_flows.case_log.frames import rows_of
from aiops_flows.case_log.log import CaseLog, reading
from aiops_flows.case_log.moments import moment, moment_text
from aiops_flows.case_log.tables import EVIDENCE, VERSIONS
from aiops_flows.case_log.transaction import Transaction, writing
from aiops_flows.errors import ConflictingWrite, VersionUnknown

__all__ = ["VersionRecord", "ask_for_four_eyes", "attach_evidence", "find", "get", "latest", "register", "require"]


@dataclass(frozen=True)
class VersionRecord:
    """A version of a model, with its latest evidence."""

    model: str
    version: int
    digest: str
    """Of the files; a version is loaded only if its files still have it."""
    run_id: str
    dataset_digest: str
    trained_by: str
    trained_at: datetime
    code_version: str
    learned: str
    """JSON text: as of when, where the cut lay, how many rows."""
    certificate: str | None = None
    evidence: str | None = None
    evidence_digest: str | None = None
    four_eyes: bool = False


_COLUMNS = ("digest", "run_id", "dataset_digest", "trained_by", "code_version", "learned", "four_eyes")

_VERSION = """
    SELECT v.*, e.evidence, e.evidence_digest, e.certificate AS new_certificate FROM versions AS v
    LEFT JOIN evidence AS e ON e.use_case = v.use_case AND e.model = v.model AND e.version = v.version
        AND e.round = (SELECT max(round) FROM evidence AS n
            WHERE n.use_case = v.use_case AND n.model = v.model AND n.version = v.version)
    WHERE v.use_case = ? AND v.model = ?"""


def _record(row: Row[Any]) -> VersionRecord:
    return VersionRecord(
        model=row.model,
        version=row.version,
        digest=row.digest,
        run_id=row.run_id,
        dataset_digest=row.dataset_digest,
        trained_by=row.trained_by,
        trained_at=moment(row.trained_at),
        code_version=row.code_version,
        learned=row.learned,
        certificate=row.new_certificate or row.certificate,
        evidence=row.evidence,
        evidence_digest=row.evidence_digest,
        four_eyes=bool(row.four_eyes),
    )


def models(log: CaseLog, use_case: str) -> list[str]:
    """The names of the models of a use case of which any version was registered, in order."""
    rows = rows_of(log, "SELECT DISTINCT model FROM versions WHERE use_case = ? ORDER BY model", [use_case])
    return [str(row["model"]) for row in rows]


def find(connection: Connection, use_case: str, model: str) -> list[VersionRecord]:
    """Every version of the model, newest first."""
    statement = bind(connection.dialect.name, f"{_VERSION} ORDER BY v.version DESC", (use_case, model))
    return [_record(row) for row in connection.exec_driver_sql(*statement)]


def require(connection: Connection, use_case: str, model: str, version: int) -> VersionRecord:
    """The version of that number.

    Raises:
        VersionUnknown: it was not registered.
    """
    statement = bind(connection.dialect.name, f"{_VERSION} AND v.version = ?", (use_case, model, int(version)))
    for row in connection.exec_driver_sql(*statement):
        return _record(row)
    known = [record.version for record in find(connection, use_case, model)]
    raise VersionUnknown(
        f"{use_case} knows no version {version} of {model}; registered are {known[:10] or 'none'}. "
        "Register it by training it (retrain)"
    )


def register(log: CaseLog, use_case: str, record: VersionRecord) -> None:
    """Store a version; the same again changes nothing.

    Raises:
        ConflictingWrite: another version is stored under that number.
    """
    said: dict[str, Any] = {name: getattr(record, name) for name in _COLUMNS if name != "four_eyes"}
    said |= {"four_eyes": int(record.four_eyes), "trained_at": moment_text(record.trained_at)}
    said |= {"certificate": record.certificate}
    with writing(log, use_case, kind="register", actor=record.trained_by) as transaction:
        known = {stored.version: stored for stored in find(transaction.connection, use_case, record.model)}
        if record.version in known:
            _refuse_other(use_case, record, known[record.version])
        else:
            key = {"version": [record.version]}
            transaction.insert(VERSIONS, key, {"model": record.model, **said})
        if record.evidence is not None and record.evidence_digest is not None:
            _attach(transaction, record, record.evidence, record.evidence_digest, record.certificate)


def _refuse_other(use_case: str, record: VersionRecord, stored: VersionRecord) -> None:
    other = [name for name in _COLUMNS if getattr(record, name) != getattr(stored, name)]
    if other:
        raise ConflictingWrite(
            f"version {record.version} of {record.model} in {use_case} is stored with another {', '.join(other)}; "
            "a version never changes, so register a new one"
        )


def attach_evidence(
    log: CaseLog,
    use_case: str,
    model: str,
    version: int,
    *,
    evidence: str,
    evidence_digest: str,
    certificate: str | None = None,
    actor: str = "",
) -> None:
    """Add evidence about a version, or a new certificate to the same evidence; the same again changes nothing.

    Other evidence voids approvals of what was seen before.

    Raises:
        VersionUnknown: the version was not registered.
    """
    with writing(log, use_case, kind="evidence", actor=actor) as transaction:
        record = require(transaction.connection, use_case, model, version)
        _attach(transaction, record, evidence, evidence_digest, certificate)


def _attach(
    transaction: Transaction, record: VersionRecord, evidence: str, evidence_digest: str, certificate: str | None
) -> None:
    key = (transaction.use_case, record.model, record.version)
    found = transaction.execute(
        "SELECT round, evidence_digest, certificate FROM evidence WHERE use_case = ? AND model = ? AND version = ?"
        " ORDER BY round DESC LIMIT 1",
        *key,
    )
    if found and (found[0].evidence_digest, found[0].certificate) == (evidence_digest, certificate):
        return
    said = {"evidence_digest": evidence_digest, "evidence": evidence, "certificate": certificate}
    number = found[0].round + 1 if found else 0
    transaction.insert(EVIDENCE, {"round": [number]}, {"model": record.model, "version": record.version, **said})


def get(log: CaseLog, use_case: str, model: str, version: int) -> VersionRecord:
    """The version of that number.

    Raises:
        VersionUnknown: it was not registered.
    """
    with reading(log) as connection:
        return require(connection, use_case, model, version)


def latest(log: CaseLog, use_case: str, model: str) -> VersionRecord | None:
    """The newest version; None where none was registered."""
    with reading(log) as connection:
        return next(iter(find(connection, use_case, model)), None)


def ask_for_four_eyes(log: CaseLog, use_case: str | None = None) -> bool:
    """Whether any version of a use case (or of all) was registered with four eyes."""
    where, values = ("", ()) if use_case is None else (" AND use_case = ?", (use_case,))
    statement = bind(log.dialect, f"SELECT 1 FROM versions WHERE four_eyes <> 0{where} LIMIT 1", values)
    with reading(log) as connection:
        return connection.exec_driver_sql(*statement).first() is not None
