"""A home folder goes elsewhere, by a backup or a plain copy, and works there without a look at the original."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from prefect.server.database.orm_models import Deployment, FlowRun
from typer.testing import CliRunner

from aiops_flows.case_log import audit, promotions, questions
from aiops_flows.cli import app
from aiops_flows.errors import StackError
from aiops_flows.registry import ARTIFACTS, follow_move
from aiops_flows.settings import Settings
from aiops_flows.stack import record
from aiops_flows.stack.backup import backup, restore
from aiops_flows.stack.moved import PARAMETERS
from aiops_flows.stack.moved import follow_move as follow_prefect
from aiops_flows.stack.processes import spawn
from aiops_flows.stack.record import Stack
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, make_parcels

LATE = PARCELS.models[0]


@contextmanager
def living_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace of another home folder."""
    with monkeypatch.context() as patch:
        patch.setenv("AIOPS_HOME", str(home))
        place = Workspace.here()
        yield place
        place.log.close()


def decides(place: Workspace) -> None:
    """The home folder serves: a champion is loaded from MLflow's files, answers, and a version is trained."""
    champion = promotions.champion(place.log, PARCELS.name, LATE.name)
    assert champion is not None
    shutil.rmtree(place.settings.model_cache)  # so that the files must come from MLflow
    cases = take_in(place, PARCELS, make_parcels(5, seed=77).assign(case_id=[f"new-{n}" for n in range(5)]))
    answered = predict(place, PARCELS, LATE, cases)
    assert answered[f"{LATE.output}_version"].tolist() == [champion.version] * 5
    retrain(place, PARCELS, LATE)
    assert audit.verify(place.log) == []


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, but for the locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".lock", "-shm"))]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_restored_backup_decides_without_the_original(
    at_home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made while the home folder is in use; the restored record is the same, and the original may be gone."""
    before = audit.coverage(at_home.log)
    done = backup(at_home.settings, tmp_path / "backup")
    assert (done.elsewhere, done.files > 10) == ([], True)
    assert [path for path in (tmp_path / "backup").rglob("*") if path.stat().st_mode & 0o077] == []
    at_home.log.close()
    (tmp_path / "home").rename(tmp_path / "gone")
    untouched = contents(tmp_path / "gone")

    with monkeypatch.context() as patch:
        patch.setenv("AIOPS_HOME", str(tmp_path / "second"))
        said = CliRunner().invoke(app, ["restore", str(tmp_path / "backup")])
    assert (said.exit_code, "the audit trail holds" in said.output) == (0, True)

    with living_in(tmp_path / "second", monkeypatch) as place:
        assert audit.coverage(place.log) == before
        decides(place)
    assert contents(tmp_path / "gone") == untouched
    assert not (tmp_path / "home").exists()
    shutil.copytree(tmp_path / "gone", tmp_path / "home")  # for the check of the fixture


def test_a_plain_copy_never_writes_into_the_original(
    at_home: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of a stopped home folder has records, model files and evidence of its own, though both exist."""
    at_home.log.close()
    shutil.copytree(tmp_path / "home", tmp_path / "copy")
    untouched = contents(tmp_path / "home")
    with living_in(tmp_path / "copy", monkeypatch) as place:
        decides(place)
    assert contents(tmp_path / "home") == untouched
    with closing(sqlite3.connect(tmp_path / "copy" / "mlflow.db")) as store:
        assert f"{tmp_path / 'home'}/" not in "\n".join(store.iterdump())


def test_following_a_move_again_changes_nothing(at_home: Workspace, tmp_path: Path) -> None:
    """Also where the same folder is reached by a link."""
    root = (tmp_path / "home" / ARTIFACTS).as_uri()
    assert follow_move(tmp_path / "home" / "mlflow.db", root) != []  # the fixture is a copy itself
    assert follow_move(tmp_path / "home" / "mlflow.db", root) == []
    (tmp_path / "link").symlink_to(tmp_path / "home")
    assert follow_move(tmp_path / "link" / "mlflow.db", (tmp_path / "link" / ARTIFACTS).as_uri()) == []
    assert follow_move(tmp_path / "nothing.db", root) == []
    assert at_home.registry.healthy()


def test_a_copy_does_not_take_the_processes_of_the_original_for_its_own(at_home: Workspace, tmp_path: Path) -> None:
    """Else `down` in the copy would end them, and its runs would go to their server."""
    part = spawn("sleeper", ["sleep", "60"], {}, tmp_path / "logs" / "sleeper.log")
    try:
        record.write(at_home.settings, Stack("one-machine", str(tmp_path), (part,), "http://127.0.0.1:1/api"))
        assert record.read(at_home.settings).runs
        shutil.copytree(tmp_path / "home", tmp_path / "copy")
        assert not record.read(Settings(home=tmp_path / "copy")).parts
    finally:
        from aiops_flows.stack.processes import end

        end([part])


@pytest.mark.parametrize("harm", ["changed", "removed", "added", "no manifest"])
def test_a_backup_that_is_not_whole_is_not_restored(at_home: Workspace, tmp_path: Path, harm: str) -> None:
    """One changed byte, a missing or an additional file: nothing is restored."""
    copy = tmp_path / "backup"
    backup(at_home.settings, copy)
    file = copy / "home" / "case_log.db"
    if harm == "changed":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    elif harm == "removed":
        file.unlink()
    elif harm == "added":
        (copy / "home" / "more").touch()
    else:
        (copy / "manifest.json").unlink()
    with pytest.raises(StackError, match="backup"):
        restore(Settings(home=tmp_path / "second"), copy)
    assert not (tmp_path / "second").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "home"]


def test_nothing_is_overwritten(at_home: Workspace, tmp_path: Path) -> None:
    """Neither a folder that holds something by a backup, nor a home folder in use by a restore."""
    backup(at_home.settings, tmp_path / "backup")
    with pytest.raises(StackError, match="not empty"):
        backup(at_home.settings, tmp_path / "backup")
    with pytest.raises(StackError, match="not empty"):
        restore(at_home.settings, tmp_path / "backup")
    with pytest.raises(StackError, match="within the home folder"):
        backup(at_home.settings, tmp_path / "home" / "backup")


def test_what_is_elsewhere_is_named_with_the_command_that_copies_it(at_home: Workspace, tmp_path: Path) -> None:
    """A case log in PostgreSQL is not in the backup: that is the answer "no", with the way; no password is shown."""
    url = "postgresql://claims:hush@db.example:5433/aiops_case_log"
    settings = Settings(home=at_home.settings.home, database_url=url)
    (told,) = backup(settings, tmp_path / "backup").elsewhere
    assert "pg_dump --format=custom --host=db.example --port=5433 --username=claims --file=FILE aiops_case_log" in told
    assert "hush" not in told
    assert json.loads((tmp_path / "backup" / "manifest.json").read_text())["files"]


def test_a_closed_case_log_is_one_file(at_home: Workspace, tmp_path: Path) -> None:
    """The write-ahead log is put into the database, so that a plain copy of the file is the record."""
    take_in(at_home, PARCELS, make_parcels(500, seed=3).assign(case_id=[f"many-{n}" for n in range(500)]))
    stored = len(questions.cases(at_home.log, PARCELS.name))
    at_home.log.checkpoint()
    assert (tmp_path / "home" / "case_log.db-wal").stat().st_size == 0
    with closing(sqlite3.connect(f"file:{tmp_path / 'home' / 'case_log.db'}?immutable=1", uri=True)) as alone:
        assert alone.execute("SELECT count(*) FROM cases").fetchone()[0] >= stored


def test_the_end_of_a_process_leaves_the_record_in_one_file(at_home: Workspace, tmp_path: Path) -> None:
    """Nobody has to close a workspace: what a process wrote is in the database when it has ended."""
    script = (
        "from aiops_flows.steps.intake import take_in; from aiops_flows.steps.workspace import Workspace;"
        " from tests.parcels import PARCELS, make_parcels;"
        " take_in(Workspace.here(), PARCELS, make_parcels(50, seed=5).assign(case_id=[f'more-{n}' for n in range(50)]))"
    )
    at_home.log.close()
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True, timeout=120)
    log = tmp_path / "home" / "case_log.db-wal"
    assert not log.exists() or log.stat().st_size == 0


def test_deployments_of_a_copy_read_its_own_inboxes(tmp_path: Path) -> None:
    """Those that are not deployed again as well, and runs that are scheduled; what has run stays as it was."""
    known = {model.__tablename__: model.__table__.c for model in (Deployment, FlowRun)}
    assert all(column in known[name] for name, column in PARAMETERS.items())
    home = tmp_path / "home"
    assert not follow_prefect(home)
    inbox = json.dumps({"source": f"{home}/inbox/claims", "other": f"{home}-2/inbox", "batch": 5})
    with closing(sqlite3.connect(home / "prefect" / "prefect.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE deployment (parameters JSON)")
        database.execute("CREATE TABLE flow_run (parameters JSON, state_type TEXT)")
        database.execute("INSERT INTO deployment VALUES (?)", (inbox,))
        database.executemany("INSERT INTO flow_run VALUES (?, ?)", [(inbox, "SCHEDULED"), (inbox, "COMPLETED")])
    assert not follow_prefect(home)

    shutil.copytree(home, tmp_path / "copy")
    assert follow_prefect(tmp_path / "copy")
    assert not follow_prefect(tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "prefect" / "prefect.db")) as database:
        (deployed,) = database.execute("SELECT parameters FROM deployment").fetchone()
        runs = dict(database.execute("SELECT state_type, parameters FROM flow_run").fetchall())
    expected = {"source": f"{tmp_path / 'copy'}/inbox/claims", "other": f"{home}-2/inbox", "batch": 5}
    assert json.loads(deployed) == json.loads(runs["SCHEDULED"]) == expected
    assert runs["COMPLETED"] == inbox
