"""Whoever changes the record, with whatever rights, is found out, and the first bad place is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from aiops_flows.case_log import CaseLog, audit, writes
from aiops_flows.case_log.invariants import check_invariants
from aiops_flows.case_log.tables import AUDIT
from aiops_flows.case_log.transaction import chain_hash
from tests.integration.case_log.life import MODEL, live, names, superuser, take_in

CASES = 4  # audit rows of one life: version, evidence, approval, promotion, then the cases
HERE = "use_case = 'claims' AND case_id = 'case-003'"


@pytest.fixture
def lived(database_url: str, tmp_path: Path) -> Iterator[CaseLog]:
    """A log with a life in it that is about to be tampered with, so nothing is checked afterwards."""
    with CaseLog.open(database_url, witness=tmp_path / "witness") as log:
        live(log, "claims")
        live(log, "other")
        assert audit.verify(log) == []
        yield log


def found(log: CaseLog) -> list[tuple[str, int, str]]:
    return [(one.use_case, one.seq, one.what) for one in audit.verify(log)]


def seq_of(log: CaseLog, table: str) -> int:
    from sqlalchemy import text

    with log.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT min(seq) FROM {table} WHERE use_case = 'claims'")).scalar_one())


EDITS = {
    "cases": "UPDATE cases SET body = '{}' WHERE " + HERE,
    "received": "UPDATE cases SET received_at = '2025-03-01T00:00:00.000000Z' WHERE " + HERE,
    "predictions": "UPDATE predictions SET confidence = 0.7500001 WHERE " + HERE,
    "version": "UPDATE predictions SET version = 2 WHERE " + HERE,
    "decisions": "UPDATE decisions SET verdict = 'deny' WHERE " + HERE,
    "reviews": "UPDATE reviews SET reason = '' WHERE case_id = 'case-008'",
    "outcomes": "UPDATE outcomes SET value = '9' WHERE case_id = 'case-001'",
    "quarantine": "UPDATE quarantine SET reason = 'mine'",
    "versions": "UPDATE versions SET four_eyes = 0",
    "evidence": "UPDATE evidence SET evidence = '[]'",
    "approvals": "UPDATE approvals SET approver = 'eve'",
    "promotions": "UPDATE promotions SET proposer = 'eve'",
    "probability": "UPDATE decisions SET audit_probability = 1 WHERE case_id = 'case-002'",
    "blind": "UPDATE reviews SET blind = 0 WHERE case_id = 'case-008'",
    "readings": "UPDATE readings SET verdict = 'settle' WHERE case_id = 'case-000'",
    "alarms": "UPDATE alarms SET evidence = '[]' WHERE number = 1",
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_row_is_found(lived: CaseLog, what: str) -> None:
    """A changed value in any table is found at the audit row that vouched for it."""
    table = EDITS[what].split()[1]
    superuser(lived, EDITS[what])
    first = found(lived)[0]
    assert first[:2] == ("claims", seq_of(lived, table))
    assert f"a row of {table} was changed" in first[2]


@pytest.mark.parametrize("table", ["cases", "predictions", "decisions"])
def test_a_deleted_row_is_found(lived: CaseLog, table: str) -> None:
    """A row that is gone is missed by number."""
    seq = seq_of(lived, table)
    superuser(lived, f"DELETE FROM {table} WHERE {HERE}")
    use_case, place, what = found(lived)[0]
    assert (use_case, place) == ("claims", seq)
    assert "were written" in what
    assert check_invariants(lived) != []


def test_a_number_that_json_cannot_say_is_found(database_url: str, tmp_path: Path) -> None:
    """Infinity in the place of nothing is a change, though JSON has one word for both."""
    with CaseLog.open(database_url, witness=tmp_path / "witness") as log:
        take_in(log, names(2))
        writes.add_predictions(
            log, "claims", model=MODEL, version=1, case_ids=names(2), values=["a", "b"], confidences=[None, 0.5]
        )
        assert found(log) == []
        infinity = "9e999" if log.dialect == "sqlite" else "'Infinity'"
        superuser(log, f"UPDATE predictions SET confidence = {infinity} WHERE confidence IS NULL")
        assert [what for _, _, what in found(log)] == ["a row of predictions was changed (2 were written together)"]


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE cases SET body = x'00ff' WHERE " + HERE,
        "UPDATE predictions SET confidence = 'much' WHERE " + HERE,
        "UPDATE decisions SET seq = 'x' WHERE " + HERE,
        "UPDATE audit SET actor = x'00ff' WHERE use_case = 'claims' AND seq = 5",
        "UPDATE audit SET seq = 'x' WHERE use_case = 'claims' AND seq = 5",
    ],
)
def test_a_value_of_another_type_is_found(tmp_path: Path, edit: str) -> None:
    """SQLite lets a superuser put anything anywhere: verify says so, and does not fall over it."""
    with CaseLog.open(f"sqlite:///{tmp_path / 'case_log.db'}") as log:
        live(log, "claims")
        superuser(log, edit)
        assert found(log) != []


def test_a_deleted_write_is_found(lived: CaseLog) -> None:
    """A write whose rows are all gone is missed, though no row is left to look at."""
    seq = seq_of(lived, "outcomes")
    superuser(lived, "DELETE FROM outcomes WHERE use_case = 'claims'")
    assert found(lived) == [("claims", seq, "the 3 rows of outcomes that were written are gone")]


def test_an_inserted_row_is_found(lived: CaseLog) -> None:
    """A row slipped in, under a number that was used or one that was not, has nobody to vouch for it."""
    seq = seq_of(lived, "outcomes")
    columns = "(use_case, case_id, name, known_at, value, seq)"
    superuser(lived, f"INSERT INTO outcomes {columns} VALUES ('claims', 'case-009', 'paid', '2026', '1', {seq})")
    assert found(lived)[0] == ("claims", seq, "3 rows of outcomes were written, 4 are there")
    superuser(
        lived,
        "DELETE FROM outcomes WHERE case_id = 'case-009'",
        f"INSERT INTO outcomes {columns} VALUES ('claims', 'case-009', 'paid', '2026', '1', 99)",
    )
    assert found(lived)[0] == ("claims", 99, "1 rows of outcomes have no audit row")


def test_swapped_rows_are_found(lived: CaseLog) -> None:
    """Two cases that exchange their content are found, though every value is still there."""
    superuser(
        lived,
        "UPDATE cases SET body = (SELECT c.body FROM cases AS c WHERE c.use_case = 'claims' AND c.case_id = 'case-004')"
        f" WHERE {HERE}",
    )
    assert found(lived)[0][:2] == ("claims", seq_of(lived, "cases"))


@pytest.mark.parametrize(
    "column", ["at", "actor", "kind", "row_count", "digest", "hash", "batch_id", "detail", "previous"]
)
def test_an_edited_audit_row_is_found(lived: CaseLog, column: str) -> None:
    """Every column of an audit row is under its hash."""
    other = "7" if column == "row_count" else "'x'"
    superuser(lived, f"UPDATE audit SET {column} = {other} WHERE use_case = 'claims' AND seq = 5")
    assert found(lived)[0][:2] == ("claims", 5)


def test_an_audit_row_that_was_forged_with_its_hash_is_found(lived: CaseLog) -> None:
    """Who edits a row and computes its hash anew is found by the row after it, which names the old hash."""
    with lived.engine.connect() as connection:
        statement = select(AUDIT).where(AUDIT.c.use_case == "claims", AUDIT.c.seq == 5)
        row = dict(connection.execute(statement).mappings().one())
    row["actor"] = "somebody else"
    superuser(
        lived,
        f"UPDATE audit SET actor = '{row['actor']}', hash = '{chain_hash(row)}' WHERE use_case = 'claims' AND seq = 5",
    )
    assert found(lived)[0][:2] in {("claims", 5), ("claims", 6)}


def test_a_deleted_audit_row_is_found(lived: CaseLog) -> None:
    """A gap in the audit trail is found where it begins."""
    superuser(lived, "DELETE FROM audit WHERE use_case = 'claims' AND seq = 6")
    assert ("claims", 6, "audit row 6 is missing") in found(lived)
    assert found(lived)[0][:2] == ("claims", 6)


def test_reordered_audit_rows_are_found(lived: CaseLog) -> None:
    """Two audit rows that exchange their places no longer follow one another."""
    superuser(
        lived,
        "UPDATE audit SET seq = 1000 WHERE use_case = 'claims' AND seq = 5",
        "UPDATE audit SET seq = 5 WHERE use_case = 'claims' AND seq = 6",
        "UPDATE audit SET seq = 6 WHERE use_case = 'claims' AND seq = 1000",
    )
    assert found(lived)[0][:2] == ("claims", 5)


def cut_off(log: CaseLog, *, seq: int) -> list[str]:
    tables = ("cases", "quarantine", "predictions", "decisions", "reviews", "readings", "outcomes", "promotions")
    others = ("alarms", "holds", "agreements", "audit")
    return [f"DELETE FROM {table} WHERE use_case = 'claims' AND seq > {seq}" for table in (*tables, *others)]


def test_a_cut_off_end_is_found(lived: CaseLog) -> None:
    """When the last writes are gone with their audit rows, the head still knows of them."""
    superuser(lived, *cut_off(lived, seq=7))
    assert found(lived)[0][:2] == ("claims", 8)


def test_a_cut_off_end_with_its_head_is_found_by_the_witness(lived: CaseLog) -> None:
    """Who cuts off the end and mends the head is found by the witness file, and only by it."""
    head = "(SELECT hash FROM audit WHERE use_case = 'claims' AND seq = 7)"
    superuser(lived, *cut_off(lived, seq=7), f"UPDATE audit_heads SET seq = 7, hash = {head} WHERE use_case = 'claims'")
    assert found(lived)[0][:2] == ("claims", 8)
    assert "witness" in found(lived)[0][2]
    lived.witness = None
    assert found(lived) == []


def test_a_rewritten_trail_is_found_by_the_witness(database_url: str, tmp_path: Path) -> None:
    """A database that was made anew, whole in itself, is not the one that the witness saw."""
    with CaseLog.open(database_url, witness=tmp_path / "witness") as log:
        take_in(log, names(3))
        superuser(log, "DELETE FROM cases", "DELETE FROM audit", "DELETE FROM audit_heads")
        log.witness, witness = None, log.witness
        take_in(log, names(3), note="forged")
        assert found(log) == []
        log.witness = witness
        assert found(log) == [("claims", 1, "the witness file saw another audit row 1: the trail was rewritten")]


def test_a_torn_line_of_the_witness_is_no_finding(lived: CaseLog) -> None:
    """A crash in the middle of a line of the witness does not cry wolf."""
    assert lived.witness is not None
    with lived.witness.path.open("a", encoding="utf-8") as file:
        file.write("claims 99 abc")
    assert found(lived) == []


def test_a_log_that_cannot_write_its_witness_goes_on(database_url: str, tmp_path: Path) -> None:
    """Where the witness cannot be written the write stands; beside SQLite the missing file is a finding."""
    (tmp_path / "a file").touch()
    with CaseLog.open(database_url, witness=tmp_path / "a file" / "witness") as log:
        assert take_in(log, names(2)).new == 2
        assert len(found(log)) == (log.dialect == "sqlite")


def test_a_witness_that_was_removed_is_found(lived: CaseLog) -> None:
    """Beside a SQLite file, where it always is; another machine may never have written to a PostgreSQL database."""
    assert lived.witness is not None
    lived.witness.path.unlink()
    assert [what for _, _, what in found(lived)] == (
        ["the witness file witness is missing: it may have been removed with rows it saw"]
        if lived.dialect == "sqlite"
        else []
    )


def forge(log: CaseLog, seq: int, **changed: str) -> None:
    """Change an audit row, and give it the hash of its new content."""
    from sqlalchemy import select

    with log.engine.connect() as connection:
        where = (AUDIT.c.use_case == "claims") & (AUDIT.c.seq == seq)
        row = dict(connection.execute(select(AUDIT).where(where)).mappings().one()) | changed
    values = ", ".join(f"{name} = '{value}'" for name, value in {**changed, "hash": chain_hash(row)}.items())
    superuser(log, f"UPDATE audit SET {values} WHERE use_case = 'claims' AND seq = {seq}")


@pytest.mark.parametrize("seq", [1, 5, 6])
@pytest.mark.parametrize("column", ["actor", "previous"])
def test_a_forged_audit_row_is_named_itself(lived: CaseLog, seq: int, column: str) -> None:
    """Whoever computes the hash anew is found by the rows beside it; not the honest row after it is named."""
    forge(lived, seq, **{column: "0123" * 16})
    lived.witness = None
    assert [(use_case, place) for use_case, place, _ in found(lived)] == [("claims", seq)]


def test_the_last_audit_row_forged_is_named_itself(lived: CaseLog) -> None:
    """It is compared with the head of the trail."""
    last, _ = audit.head(lived)["claims"]
    forge(lived, last, actor="eve")
    lived.witness = None
    assert {(use_case, place) for use_case, place, _ in found(lived)} == {("claims", last)}


def test_coverage_says_what_was_read(lived: CaseLog) -> None:
    """Rows, cases, since when and up to which head: a record that was emptied does not pass for one that holds."""
    claims, other = audit.coverage(lived)
    assert (claims.use_case, other.use_case) == ("claims", "other")
    assert claims.head == audit.head(lived)["claims"][1]
    assert claims.audit_rows == audit.head(lived)["claims"][0]
    assert claims.rows > claims.cases > 0
    assert claims.witnessed > 0
    assert claims.since <= claims.until


def test_the_first_bad_place_comes_first(lived: CaseLog) -> None:
    """Findings are told in the order of the trail."""
    superuser(lived, EDITS["decisions"], EDITS["cases"], EDITS["outcomes"])
    places = [seq for use_case, seq, _ in found(lived) if use_case == "claims"]
    assert places == sorted(places)
    assert places[0] == seq_of(lived, "cases")
