"""Opening a log makes its tables, once, whoever comes first, and refuses what a newer version made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from aiops_flows.case_log import CaseLog, audit, questions, writes
from aiops_flows.case_log.schema import REVISIONS, VERSION_TABLE, upgrade
from aiops_flows.case_log.tables import APPEND_ONLY, METADATA
from aiops_flows.errors import CaseLogError, SchemaMismatch
from tests.integration.case_log.life import LIVED, answer, counted, draw, is_whole, live, raw, read

ROOT = Path(__file__).parents[3]


def test_migrations_make_the_tables_that_the_code_knows(case_log: CaseLog) -> None:
    """An empty database, migrated, differs in nothing from the declared tables."""
    with case_log.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []


def test_every_migration_is_known() -> None:
    """The list of schemas that this library knows is that of the migrations it ships."""
    folder = Path(str(sys.modules["aiops_flows.case_log.schema"].__file__)).parent / "migrations" / "versions"
    assert [path.name.split("_")[0] for path in sorted(folder.glob("0*.py"))] == list(REVISIONS)


def test_opening_again_changes_nothing(database_url: str) -> None:
    """What was written is there when the log is opened again."""
    with CaseLog.open(database_url) as log:
        live(log, "claims")
    with CaseLog.open(database_url) as log:
        live(log, "claims")
        assert is_whole(log)


def test_two_processes_may_open_a_fresh_database_at_once(database_url: str) -> None:
    """Each of several processes that come first finds a whole schema and writes."""
    script = (
        "import sys; from aiops_flows.case_log import CaseLog; from tests.integration.case_log.life import live;"
        " log = CaseLog.open(sys.argv[1]); live(log, sys.argv[2]); log.close()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, database_url, f"claims-{number}"], cwd=ROOT)
        for number in range(3)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    with CaseLog.open(database_url) as log:
        assert is_whole(log)


def make_first_schema(url: str) -> None:
    """A database as the first version of this library left it, rows and all."""
    if url.startswith("sqlite"):
        Path(f"{url.removeprefix('sqlite:///')}.witness").touch()  # it lay beside the first schema already
    address = url.replace("postgresql:", "postgresql+psycopg:")
    with create_engine(address).begin() as connection:
        upgrade(connection, "0001")
        for statement in (ROOT / "tests/integration/case_log/schema_0001.sql").read_text().split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


def test_a_database_of_the_first_schema_is_brought_up_to_date(database_url: str) -> None:
    """Rows written under the first schema keep their digests: the record is whole, answers as before, and goes on."""
    make_first_schema(database_url)
    with CaseLog.open(database_url) as log:
        assert is_whole(log)
        head = audit.head(log)["claims"]
        assert head == (14, "95ee72eb1846302411f2953009d36c3dd3514008c1e1e6873fc7a79f2f330389")
        before = LIVED | {"decided_by_policy": 5, "decided_by_person": 2, "open_reviews": 4, "open_audits": 0}
        assert counted(log, "claims") == before
        assert questions.open_reviews(log, "claims")["kind"].isna().all()
        answer(log, "case-001")
        writes.open_lane(log, "claims", draw(["case-003", "case-000"]), kind="audit")
        assert read(log, "case-003", "deny").decision is not None
        assert is_whole(log)
    with CaseLog.open(database_url) as log:
        assert counted(log, "claims") == before | {"decided_by_policy": 3, "decided_by_person": 4, "open_reviews": 3}


def test_a_newer_database_is_refused(database_url: str) -> None:
    """A schema this version does not know is not touched, and the message says what to install."""
    with CaseLog.open(database_url) as log:
        raw(log, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer version"):
        CaseLog.open(database_url)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_other_urls_are_refused(url: str) -> None:
    """What is no place for a log is refused with an example of one."""
    with pytest.raises(CaseLogError, match=r"[eE]xpected"):
        CaseLog.open(url)


def test_a_server_that_is_away_is_told_without_its_password() -> None:
    """An unreachable database is one of our errors, and the password does not show."""
    with pytest.raises(CaseLogError) as caught:
        CaseLog.open("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)


def test_the_password_is_not_in_the_name(case_log: CaseLog) -> None:
    """A log can be printed."""
    assert repr(case_log).startswith("CaseLog('")
    assert len(APPEND_ONLY) == 18


@pytest.mark.parametrize("pragma", [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)])
def test_sqlite_is_set_to_lose_nothing(tmp_path: Path, pragma: tuple[str, object]) -> None:
    """WAL, a sync at each commit, and foreign keys are in force on every connection."""
    with CaseLog.open(f"sqlite:///{tmp_path / 'new' / 'case_log.db'}") as log, log.engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma[0]}").scalar() == pragma[1]
    assert (tmp_path / "new" / "case_log.db.witness").exists() is False


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_is_set_to_lose_nothing(database_url: str) -> None:
    """A commit is acknowledged once it is on disk, whatever the server's own setting is (here it is off)."""
    with CaseLog.open(database_url) as log, log.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
