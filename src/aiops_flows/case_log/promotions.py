"""Who was champion when, who approved it, and moving it: one winner, four eyes where the version asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd
from sqlalchemy import Connection, Row

from aiops_flows.case_log import versions
from aiops_flows.case_log.dialects import bind
from aiops_flows.case_log.frames import rows_of
from aiops_flows.case_log.log import CaseLog, reading
from aiops_flows.case_log.moments import moment, moment_text, moments
from aiops_flows.case_log.names import person_key, same_person
from aiops_flows.case_log.tables import APPROVALS, PROMOTIONS
from aiops_flows.case_log.transaction import writing
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.errors import ChampionChanged, NotApproved, NothingToRollBackTo

__all__ = [
    "Action",
    "Champion",
    "Promotion",
    "approve",
    "approvers",
    "challenger",
    "champion",
    "history",
    "models",
    "record",
    "rollback_target",
]

Action = Literal["promote", "refuse", "rollback"]


@dataclass(frozen=True)
class Champion:
    """The version that decides, and by which promotion it came to do so."""

    model: str
    version: int
    digest: str
    since: datetime
    approver: str | None
    promotion: int


@dataclass(frozen=True)
class Promotion:
    """The record that a version was, or was not, made champion."""

    model: str
    number: int
    at: datetime
    action: str
    version: int
    predecessor: int | None
    proposer: str
    approver: str | None
    reason: str


_HISTORY = """
    SELECT p.*, v.digest FROM promotions AS p JOIN versions AS v
        ON v.use_case = p.use_case AND v.model = p.model AND v.version = p.version
    WHERE p.use_case = ? AND p.model = ? ORDER BY p.number"""


def _history(connection: Connection, use_case: str, model: str) -> list[Row[Any]]:
    statement = bind(connection.dialect.name, _HISTORY, (use_case, model))
    return list(connection.exec_driver_sql(*statement))


def _moves(rows: list[Row[Any]]) -> list[Row[Any]]:
    return [row for row in rows if row.action != "refuse"]


def _withdrawn(rows: list[Row[Any]]) -> set[int]:
    """The versions whose last word is a withdrawal; a later promotion makes one good again."""
    bad: set[int] = set()
    for row in _moves(rows):
        bad.discard(row.version)
        if row.withdrawn_version is not None:
            bad.add(row.withdrawn_version)
    return bad


def champion(log: CaseLog, use_case: str, model: str, at: datetime | None = None) -> Champion | None:
    """The champion now, or at a moment; None where there was none."""
    with reading(log) as connection:
        rows = _moves(_history(connection, use_case, model))
    until = moment_text(at) if at else None
    for row in reversed(rows):
        if until is None or row.at <= until:
            return Champion(model, row.version, row.digest, moment(row.at), row.approver, row.number)
    return None


def models(log: CaseLog, use_case: str) -> list[str]:
    """The names of the models that were ever promoted or refused, sorted."""
    statement = "SELECT DISTINCT model FROM promotions WHERE use_case = ? ORDER BY model"
    return [row["model"] for row in rows_of(log, statement, [use_case])]


def challenger(log: CaseLog, use_case: str, model: str) -> VersionRecord | None:
    """The newest version with evidence that was never champion nor refused; None where there is none."""
    with reading(log) as connection:
        judged = {row.version for row in _history(connection, use_case, model)}
        found = versions.find(connection, use_case, model)
    return next((one for one in found if one.evidence_digest is not None and one.version not in judged), None)


def history(log: CaseLog, use_case: str, model: str) -> pd.DataFrame:
    """Every promotion, refusal and rollback of the model, oldest first.

    Returns:
        Columns ``seq`` (1, 2, ...), ``at``, ``action``, ``version``, ``digest``, ``predecessor``, ``proposer``,
        ``approver``, ``reason``, ``withdrawn_version``, ``evidence_digest``, ``gates`` (JSON text).
    """
    with reading(log) as connection:
        rows = _history(connection, use_case, model)
    frame = pd.DataFrame(
        {
            "seq": [row.number for row in rows],
            "at": moments(row.at for row in rows),
            **{name: [getattr(row, name) for row in rows] for name in ("action", "version", "digest")},
            "predecessor": pd.array([row.predecessor for row in rows], dtype="Int64"),
            **{name: [getattr(row, name) for row in rows] for name in ("proposer", "approver", "reason")},
            "withdrawn_version": pd.array([row.withdrawn_version for row in rows], dtype="Int64"),
            **{name: [getattr(row, name) for row in rows] for name in ("evidence_digest", "gates")},
        }
    )
    return frame.astype({"seq": "int64", "version": "int64"})


def approve(
    log: CaseLog,
    use_case: str,
    model: str,
    version: int,
    *,
    evidence_digest: str,
    approver: str,
    channel: str,
    comment: str = "",
) -> None:
    """Store that a person approves a version on the evidence they saw; the same again changes nothing.

    Raises:
        VersionUnknown: the version was not registered.
        NotApproved: nobody is named, it is the one who trained it, or the evidence has changed since it was seen.
    """
    with writing(log, use_case, kind="approve", actor=approver) as transaction:
        record = versions.require(transaction.connection, use_case, model, version)
        if not person_key(approver) or same_person(approver, record.trained_by):
            raise NotApproved(
                f"version {version} of {model} was trained by {record.trained_by!r} and cannot be approved by "
                f"{approver!r}; ask another person"
            )
        if evidence_digest != record.evidence_digest:
            raise NotApproved(
                f"version {version} of {model}: what was seen has digest {evidence_digest[:12]}, the evidence now has "
                f"{(record.evidence_digest or 'none')[:12]}; look at it again, then approve that"
            )
        said = {"model": model, "version": int(version), "evidence_digest": evidence_digest}
        said |= {"channel": channel, "comment": comment}
        approved = _approvers(transaction.connection, use_case, record)
        if not any(same_person(approver, one) for one in approved):
            transaction.insert(APPROVALS, {"approver": [approver]}, said)


def approvers(log: CaseLog, use_case: str, model: str, version: int, *, evidence_digest: str | None) -> list[str]:
    """Who approved a version on evidence of this digest, sorted."""
    statement = """
        SELECT approver FROM approvals WHERE use_case = ? AND model = ? AND version = ? AND evidence_digest = ?
        ORDER BY approver"""
    found = rows_of(log, statement, [use_case, model, int(version), evidence_digest])
    return [row["approver"] for row in found]


def _approvers(connection: Connection, use_case: str, record: VersionRecord) -> list[str]:
    statement = """
        SELECT approver FROM approvals WHERE use_case = ? AND model = ? AND version = ? AND evidence_digest = ?
        ORDER BY seq"""
    key = (use_case, record.model, record.version, record.evidence_digest or "")
    return [row[0] for row in connection.exec_driver_sql(*bind(connection.dialect.name, statement, key))]


def record(
    log: CaseLog,
    use_case: str,
    model: str,
    *,
    version: int,
    action: Action,
    expected: int | None,
    proposer: str,
    reason: str,
    gates: str = "[]",
    evidence_digest: str | None = None,
) -> Promotion:
    """Make a version champion, refuse to, or roll back to it, if the champion is still the one that was looked at.

    A rollback withdraws the champion it replaces; the same refusal again adds nothing. The database itself refuses
    what breaks these rules.

    Args:
        log: where to.
        use_case: whose model.
        model: which.
        version: the one to promote, refuse or roll back to.
        action: what is done with it.
        expected: version of the champion that was looked at; None where there was none.
        proposer: who does it.
        reason: why.
        gates: JSON text of the gates' results.
        evidence_digest: of the evidence that was looked at; by default the version's latest.

    Raises:
        ChampionChanged: somebody else moved the champion in between.
        NotApproved: the version asks for four eyes, and no other person approved its latest evidence.
        NothingToRollBackTo: the version was never champion, or was withdrawn.
        VersionUnknown: the version was not registered.
    """
    with writing(log, use_case, kind=action, actor=proposer) as transaction:
        found = versions.require(transaction.connection, use_case, model, version)
        rows = _history(transaction.connection, use_case, model)
        now = _moves(rows)[-1].version if _moves(rows) else None
        _refuse_moved(use_case, model, version, action, expected, now)
        if action == "rollback":
            _target(rows, use_case, model, version)
        seen = evidence_digest or found.evidence_digest
        if action == "refuse" and (again := _refused_before(rows, version, now, seen, reason)) is not None:
            return again
        approver = _approver(transaction.connection, use_case, found, proposer, seen, needed=action == "promote")
        said = {
            "model": model,
            "at": transaction.at,
            "action": action,
            "version": int(version),
            "predecessor": now,
            "withdrawn_version": now if action == "rollback" else None,
            "proposer": proposer,
            "approver": approver,
            "reason": reason,
            "gates": gates,
            "evidence_digest": seen,
        }
        number = rows[-1].number + 1 if rows else 1
        transaction.insert(PROMOTIONS, {"number": [number]}, said)
    return Promotion(model, number, moment(transaction.at), action, int(version), now, proposer, approver, reason)


def _refused_before(
    rows: list[Row[Any]], version: int, now: int | None, seen: str | None, reason: str
) -> Promotion | None:
    """The refusal that says the same of the version, where it is the last word on it."""
    last = next((row for row in reversed(rows) if row.version == version), None)
    said = ("refuse", now, seen, reason)
    if last is None or (last.action, last.predecessor, last.evidence_digest, last.reason) != said:
        return None
    who = (last.proposer, last.approver)
    return Promotion(last.model, last.number, moment(last.at), "refuse", version, now, *who, reason)


def _refuse_moved(
    use_case: str, model: str, version: int, action: Action, expected: int | None, now: int | None
) -> None:
    if now != expected:
        raise ChampionChanged(
            f"{use_case}: the champion of {model} is version {now or 'none'}, not {expected or 'none'} as when version "
            f"{version} was looked at; judge it against the present champion"
        )
    if now == version and action != "refuse":
        raise ChampionChanged(
            f"{use_case}: version {version} of {model} is the champion already; nothing is left to do"
        )


def _approver(
    connection: Connection, use_case: str, found: VersionRecord, proposer: str, seen: str | None, *, needed: bool
) -> str | None:
    """Who else approved the version's latest evidence; None where nobody did and nobody needs to."""
    others = [
        one
        for one in _approvers(connection, use_case, found)
        if not same_person(one, proposer) and not same_person(one, found.trained_by)
    ]
    if needed and found.four_eyes and (not others or seen != found.evidence_digest):
        raise NotApproved(
            f"{use_case}: version {found.version} of {found.model} needs the approval of somebody other than "
            f"{proposer!r} (who proposes) and {found.trained_by!r} (who trained), of its evidence "
            f"{(found.evidence_digest or 'none')[:12]}; ask for it (approve), then promote again"
        )
    return others[-1] if others and seen == found.evidence_digest else None


def rollback_target(log: CaseLog, use_case: str, model: str, to: int | None = None) -> VersionRecord:
    """The version to roll back to: the last champion that was not withdrawn, or the one named.

    Raises:
        NothingToRollBackTo: there is none, or the one named was never champion, is it now, or was withdrawn.
    """
    with reading(log) as connection:
        version = _target(_history(connection, use_case, model), use_case, model, to)
        return versions.require(connection, use_case, model, version)


def _target(rows: list[Row[Any]], use_case: str, model: str, to: int | None) -> int:
    moves = _moves(rows)
    now = moves[-1].version if moves else None
    bad = _withdrawn(rows)
    left: list[int] = list(
        dict.fromkeys(row.version for row in reversed(moves) if row.version != now and row.version not in bad)
    )
    if to is not None and to in left:
        return to
    if to is None and left:
        return left[0]
    wanted = "an earlier champion" if to is None else f"version {to}"
    raise NothingToRollBackTo(
        f"{use_case}: {model} cannot go back to {wanted}. The champion is {_named(now)}; earlier champions not "
        f"withdrawn: {left or 'none'}; withdrawn: {sorted(bad) or 'none'}. Train a new version (retrain)"
    )


def _named(version: int | None) -> str:
    return "none" if version is None else f"version {version}"
