"""The triggers of each schema, in the words of both databases; a later schema adds its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection

__all__ = [
    "promotion_rules",
    "restart_rules",
    "rules_by_key",
    "unlocked",
    "write_once",
    "write_once_holds",
    "write_once_lane",
    "write_once_outbox",
]

_BULK: Final = (
    "cases",
    "quarantine",
    "predictions",
    "shadow_predictions",
    "decisions",
    "reviews",
    "outcomes",
)
_SINGLE: Final = {
    "versions": ("use_case", "model", "version"),
    "evidence": ("use_case", "model", "version", "round"),
    "approvals": ("use_case", "model", "version", "evidence_digest", "approver"),
    "promotions": ("use_case", "model", "number"),
    "audit": ("use_case", "seq"),
}
_LANE: Final = {"readings": ("use_case", "case_id", "round"), "alarms": ("use_case", "number")}
_HOLDS: Final = {
    "holds": ("use_case", "number"),
    "agreements": ("use_case", "about", "number", "actor"),
}
_OUTBOX: Final = {"effects": None, "deliveries": ("use_case", "effect_id", "attempt")}


def write_once(dialect: str) -> Iterator[str]:
    """Rows are written once: what would change or delete them is refused."""
    if dialect == "postgresql":
        yield from _write_once_postgresql()
        return
    for table in (*_BULK, *_SINGLE):
        yield from _no_change_sqlite(table)
    for table, key in _SINGLE.items():
        yield _no_replace_sqlite(table, key)
    yield """
        CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads WHEN NEW.seq <= OLD.seq
        BEGIN SELECT RAISE(ABORT, 'audit_heads only goes forward'); END"""
    yield """
        CREATE TRIGGER audit_heads_no_delete BEFORE DELETE ON audit_heads
        BEGIN SELECT RAISE(ABORT, 'audit_heads only goes forward'); END"""


def write_once_lane(dialect: str) -> Iterator[str]:
    """The same for readings and alarms, which the second schema added."""
    yield from _write_once(_LANE, dialect)


def write_once_outbox(dialect: str) -> Iterator[str]:
    """The same for effects and their deliveries, which the third schema added."""
    yield from _write_once(_OUTBOX, dialect)


def write_once_holds(dialect: str) -> Iterator[str]:
    """The same for holds and agreements, which the fifth schema added."""
    yield from _write_once(_HOLDS, dialect)


def _write_once(tables: Mapping[str, tuple[str, ...] | None], dialect: str) -> Iterator[str]:
    """Without a key a table is written in bulk, where a row that is there already is left out."""
    for table, key in tables.items():
        if dialect == "postgresql":
            yield from _no_change_postgresql(table)
        else:
            yield from _no_change_sqlite(table)
            if key:
                yield _no_replace_sqlite(table, key)


def _no_change_sqlite(table: str) -> Iterator[str]:
    for verb in ("UPDATE", "DELETE"):
        yield f"""
            CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} is append-only: rows are never changed or deleted'); END"""


def _no_replace_sqlite(table: str, key: tuple[str, ...]) -> str:
    """INSERT OR REPLACE deletes without firing the triggers of a delete."""
    same = " AND ".join(f"{name} = NEW.{name}" for name in key)
    return f"""
        CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
        WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})
        BEGIN SELECT RAISE(ABORT, '{table} is append-only: this key is there already'); END"""


def _no_change_postgresql(table: str) -> Iterator[str]:
    yield f"""
        CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION case_log_append_only()"""
    yield f"""
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION case_log_append_only()"""


def _write_once_postgresql() -> Iterator[str]:
    yield """
        CREATE FUNCTION case_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '%% is append-only: rows are never changed or deleted', TG_TABLE_NAME; END $$"""
    yield """
        CREATE FUNCTION case_log_head_forward() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.seq <= OLD.seq THEN RAISE EXCEPTION 'audit_heads only goes forward'; END IF;
            RETURN NEW;
        END $$"""
    for table in (*_BULK, *_SINGLE):
        yield from _no_change_postgresql(table)
    yield """
        CREATE TRIGGER audit_heads_forward BEFORE UPDATE ON audit_heads
        FOR EACH ROW EXECUTE FUNCTION case_log_head_forward()"""
    yield """
        CREATE TRIGGER audit_heads_no_delete BEFORE DELETE ON audit_heads
        FOR EACH ROW EXECUTE FUNCTION case_log_append_only()"""
    yield """
        CREATE TRIGGER audit_heads_no_truncate BEFORE TRUNCATE ON audit_heads
        FOR EACH STATEMENT EXECUTE FUNCTION case_log_append_only()"""


_OF_MODEL: Final = "use_case = NEW.use_case AND model = NEW.model"
_OF_VERSION: Final = f"{_OF_MODEL} AND version = NEW.version"
_MOVES: Final = f"FROM promotions WHERE {_OF_MODEL} AND action <> 'refuse'"
_CHAMPION: Final = f"(SELECT version {_MOVES} ORDER BY number DESC LIMIT 1)"
_EVIDENCE: Final = f"(SELECT evidence_digest FROM evidence WHERE {_OF_VERSION} ORDER BY round DESC LIMIT 1)"
_WITHDRAWN: Final = f"(SELECT max(number) {_MOVES} AND withdrawn_version = NEW.version)"
_MADE: Final = f"(SELECT max(number) {_MOVES} AND version = NEW.version)"

_FOLLOWS: Final = (
    f"NEW.number <> coalesce((SELECT max(number) FROM promotions WHERE {_OF_MODEL}), 0) + 1"
    f" OR coalesce(NEW.predecessor, -1) <> coalesce({_CHAMPION}, -1)"
)
_FOUR_EYES: Final = (
    f"NEW.action = 'promote' AND EXISTS (SELECT 1 FROM versions WHERE {_OF_VERSION} AND four_eyes <> 0)"
    f" AND (NEW.evidence_digest IS NULL OR NEW.approver IS NULL OR NEW.evidence_digest <> coalesce({_EVIDENCE}, '')"
    f" OR lower(trim(NEW.approver)) = lower(trim(NEW.proposer)) OR lower(trim(NEW.approver)) ="
    f" (SELECT lower(trim(trained_by)) FROM versions WHERE {_OF_VERSION})"
    f" OR NOT EXISTS (SELECT 1 FROM approvals WHERE {_OF_VERSION} AND evidence_digest = NEW.evidence_digest"
    " AND approver = NEW.approver))"
)
_BACK: Final = (
    f"NEW.action = 'rollback' AND (coalesce({_MADE}, 0) <= coalesce({_WITHDRAWN}, 0)"
    " OR NEW.predecessor IS NULL OR coalesce(NEW.withdrawn_version, -1) <> NEW.predecessor)"
)

_RULES: Final = {
    "follows": (_FOLLOWS, "champion changed: number or predecessor is not that of the present champion"),
    "known": (
        f"NOT EXISTS (SELECT 1 FROM versions WHERE {_OF_VERSION})",
        "version unknown: it was never registered",
    ),
    "four_eyes": (
        _FOUR_EYES,
        "four eyes: no approval of this evidence by somebody who neither trained nor proposes the version",
    ),
    "back": (
        _BACK,
        "nothing to roll back to: the version was never champion or was withdrawn, or the present one is not withdrawn",
    ),
}


def promotion_rules(dialect: str) -> Iterator[str]:
    """What a promotion must meet, whoever writes it: order, and four eyes where they are asked for."""
    if dialect == "sqlite":
        for name, (broken, message) in _RULES.items():
            yield f"""
                CREATE TRIGGER promotions_{name} BEFORE INSERT ON promotions WHEN {broken}
                BEGIN SELECT RAISE(ABORT, '{message}'); END"""
        return
    checks = "\n".join(f"IF {broken} THEN RAISE EXCEPTION '{message}'; END IF;" for broken, message in _RULES.values())
    yield f"""
        CREATE FUNCTION case_log_promotion_rules() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN {checks} RETURN NEW; END $$"""
    yield """
        CREATE TRIGGER promotions_rules BEFORE INSERT ON promotions
        FOR EACH ROW EXECUTE FUNCTION case_log_promotion_rules()"""


# --- the fifth schema: names are compared by their keys, and restarting may take two people ------------------------

_APPROVED_BY_KEY: Final = (
    f"EXISTS (SELECT 1 FROM approvals WHERE {_OF_VERSION} AND evidence_digest = NEW.evidence_digest"
    " AND approver = NEW.approver AND approver_key = NEW.approver_key)"
)
_FOUR_EYES_BY_KEY: Final = (
    f"NEW.action = 'promote' AND EXISTS (SELECT 1 FROM versions WHERE {_OF_VERSION} AND four_eyes <> 0)"
    f" AND (NEW.evidence_digest IS NULL OR NEW.approver IS NULL OR NEW.evidence_digest <> coalesce({_EVIDENCE}, '')"
    " OR coalesce(NEW.approver_key, '') = '' OR coalesce(NEW.proposer_key, '') = ''"
    " OR NEW.approver_key = NEW.proposer_key OR lower(trim(NEW.approver)) = lower(trim(NEW.proposer))"
    f" OR NEW.approver_key = (SELECT trained_by_key FROM versions WHERE {_OF_VERSION})"
    f" OR lower(trim(NEW.approver)) = (SELECT lower(trim(trained_by)) FROM versions WHERE {_OF_VERSION})"
    f" OR NOT {_APPROVED_BY_KEY})"
)
_APPROVAL_BY_KEY: Final = (
    "coalesce(NEW.approver_key, '') = ''"
    f" OR NEW.approver_key = (SELECT trained_by_key FROM versions WHERE {_OF_VERSION})"
)


def _another_agreed(about: str, number: str) -> str:
    """The condition that somebody other than who writes the row agreed before."""
    return (
        f"EXISTS (SELECT 1 FROM agreements AS g WHERE g.use_case = NEW.use_case AND g.about = '{about}'"
        f" AND g.number = {number} AND g.actor_key <> NEW.actor_key)"
    )


_STOPPING_ALARM: Final = """EXISTS (SELECT 1 FROM alarms AS r WHERE r.use_case = NEW.use_case AND r.number = NEW.clears
    AND r.action = 'to people' AND (coalesce(r.four_eyes, 0) <> 0 OR EXISTS (SELECT 1 FROM versions AS v
        WHERE v.use_case = r.use_case AND v.model = r.model AND (r.version IS NULL OR v.version = r.version)
        AND v.four_eyes <> 0)))"""
_HELD: Final = (
    "EXISTS (SELECT 1 FROM holds AS h WHERE h.use_case = NEW.use_case AND h.number = NEW.releases AND h.state = 'held'"
)

_RELEASED: Final = "EXISTS (SELECT 1 FROM holds AS h WHERE h.use_case = NEW.use_case AND h.releases = NEW.releases)"
_NAMELESS: Final = "coalesce(NEW.actor_key, '') = ''"
_ALARM_AGREED: Final = _another_agreed("alarm", "NEW.clears")
_HOLD_AGREED: Final = _another_agreed("hold", "NEW.releases")

_RESTART_RULES: Final = {
    "alarms": {
        "two_people": (
            f"NEW.state = 'cleared' AND {_STOPPING_ALARM} AND ({_NAMELESS} OR NOT {_ALARM_AGREED})",
            "four eyes: clearing this alarm takes the agreement of another person",
        ),
    },
    "holds": {
        "named": (_NAMELESS, "a hold needs the name of who acts"),
        "known": (f"NEW.state = 'released' AND NOT {_HELD})", "there is no such hold to release"),
        "once": (
            f"NEW.state = 'released' AND {_RELEASED}",
            "this hold is released already",
        ),
        "two_people": (
            f"NEW.state = 'released' AND {_HELD} AND h.four_eyes <> 0) AND NOT {_HOLD_AGREED}",
            "four eyes: releasing this hold takes the agreement of another person",
        ),
    },
    "agreements": {"named": (_NAMELESS, "an agreement needs the name of who agrees")},
}


def rules_by_key(dialect: str) -> Iterator[str]:
    """Promotions and approvals anew: the names in them are compared by their keys."""
    rules = _RULES | {"four_eyes": (_FOUR_EYES_BY_KEY, _RULES["four_eyes"][1])}
    approval = (_APPROVAL_BY_KEY, "four eyes: who trained the version cannot approve it, and nobody without a name")
    if dialect == "sqlite":
        yield "DROP TRIGGER promotions_four_eyes"
        yield _refusing_sqlite("promotions", "four_eyes", *rules["four_eyes"])
        yield _refusing_sqlite("approvals", "four_eyes", *approval)
        return
    yield "DROP TRIGGER promotions_rules ON promotions"
    yield "DROP FUNCTION case_log_promotion_rules()"
    yield from _refusing_postgresql("promotions", rules, function="case_log_promotion_rules")
    yield from _refusing_postgresql("approvals", {"four_eyes": approval}, function="case_log_approval_rules")


def restart_rules(dialect: str) -> Iterator[str]:
    """What clearing an alarm and releasing a hold must meet, whoever writes it."""
    for table, rules in _RESTART_RULES.items():
        if dialect == "sqlite":
            for name, (broken, message) in rules.items():
                yield _refusing_sqlite(table, name, broken, message)
        else:
            yield from _refusing_postgresql(table, rules, function=f"case_log_{table}_rules")


def _refusing_sqlite(table: str, name: str, broken: str, message: str) -> str:
    return f"""
        CREATE TRIGGER {table}_{name} BEFORE INSERT ON {table} WHEN {broken}
        BEGIN SELECT RAISE(ABORT, '{message}'); END"""


def _refusing_postgresql(table: str, rules: Mapping[str, tuple[str, str]], *, function: str) -> Iterator[str]:
    checks = "\n".join(f"IF {broken} THEN RAISE EXCEPTION '{message}'; END IF;" for broken, message in rules.values())
    yield f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN {checks} RETURN NEW; END $$"""
    yield f"""
        CREATE TRIGGER {table}_rules BEFORE INSERT ON {table}
        FOR EACH ROW EXECUTE FUNCTION {function}()"""


@contextmanager
def unlocked(connection: Connection, table: str) -> Iterator[None]:
    """Within it a migration may fill a new column of rows that are otherwise never changed."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP TRIGGER {table}_no_update")
        yield
        connection.exec_driver_sql(next(iter(_no_change_sqlite(table))))
    else:
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_change")
        yield
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER {table}_no_change")
