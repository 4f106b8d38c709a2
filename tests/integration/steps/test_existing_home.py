"""A question makes nothing: with a mistyped home folder or database it says what it expected; and rights are narrow."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from aiops_flows.cli import app
from aiops_flows.errors import CaseLogMissing
from aiops_flows.steps.examining import examine
from aiops_flows.steps.workspace import Workspace

MAKING = {"demo", "up", "new", "conform", "drill", "run", "serve", "history", "restore"}
"""Commands that are there to make something; every other one must find what it asks about."""
WORDS = {
    "use_case": "tests.parcels:PARCELS",
    "case_id": "P-1",
    "model": "late",
    "version": "1",
    "number": "1",
    "source": "somewhere.csv",
    "sink": "out",
    "verdict": "send",
    "reason": "r",
    "folder": "backup",
    "until": "2030-01-01",
}


def commands(of: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the command line, with its words."""
    for name, each in of.commands.items():
        if hasattr(each, "commands"):
            yield from commands(each, (*path, name))
        else:
            yield (*path, name), each


def asked(path: tuple[str, ...], command: Any) -> list[str]:
    """A command with what it requires."""
    words = list(path)
    for parameter in command.params:
        if parameter.required:
            value = WORDS.get(str(parameter.name), "x")
            words += [parameter.opts[0], value] if parameter.param_type_name == "option" else [value]
    switches = {"as_json": "--json", "everything": "--all"}
    return words + [switches[parameter.name] for parameter in command.params if parameter.name in switches]


QUESTIONS = {" ".join(path): asked(path, command) for path, command in commands(get_command(app))}
QUESTIONS = {name: words for name, words in QUESTIONS.items() if name.split()[0] not in MAKING}


@contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    """Within it a folder is the current one."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that does not exist."""
    for name in ("AIOPS_DATABASE_URL", "AIOPS_MLFLOW_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIOPS_HOME", str(tmp_path / "mistyped"))
    return tmp_path / "mistyped"


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_about_a_missing_home_makes_nothing(question: str, nowhere: Path) -> None:
    """It names the folder it expected, ends with an error, and leaves no folder and no database."""
    level = logging.getLogger("aiops_flows").level
    with standing_in(nowhere.parent):
        done = CliRunner().invoke(app, QUESTIONS[question])
    assert logging.getLogger("aiops_flows").level == level
    assert list(nowhere.parent.iterdir()) == []
    if question == "down":  # nothing runs for a home folder that does not exist
        assert done.exit_code == 0
        return
    assert done.exit_code != 0
    said = f"{done.output} {done.exception}"
    assert str(nowhere) in said.replace("\n", "")
    assert "AIOPS_HOME" in said


def test_a_database_that_is_no_case_log_stays_as_it_is(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistyped database URL puts no tables into somebody else's database, and its password is not shown."""
    other = nowhere.parent / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    before = other.read_bytes()
    monkeypatch.setenv("AIOPS_DATABASE_URL", f"sqlite:///{other}")
    with pytest.raises(CaseLogMissing, match=r"other\.db holds no case log.*AIOPS_DATABASE_URL"):
        Workspace.existing()
    assert other.read_bytes() == before
    assert list(nowhere.parent.iterdir()) == [other]


@pytest.mark.postgres
def test_a_postgresql_database_without_a_case_log_stays_empty(
    nowhere: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither tables nor a home folder are made by a question."""
    monkeypatch.setenv("AIOPS_DATABASE_URL", postgres_url)
    for _ in range(2):
        with pytest.raises(CaseLogMissing, match="holds no case log"):
            Workspace.existing()
    assert not nowhere.exists()


def test_what_is_made_belongs_to_its_owner_alone(nowhere: Path) -> None:
    """Whatever the umask is and however open an existing home folder is; doctor tells of the folder."""
    nowhere.mkdir(mode=0o755)
    nowhere.chmod(0o755)
    before = os.umask(0)
    try:
        place = Workspace.here()
        with place.log.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE audit_heads SET seq = 0")  # so that there is a write-ahead log
        place.registry.close_leftovers()
        (home,) = [each for each in examine() if each.what == "home"]
        place.log.close()
    finally:
        os.umask(before)
    assert {path.name for path in nowhere.iterdir()} >= {"case_log.db", "mlflow.db", "mlflow-artifacts"}
    assert [path.name for path in nowhere.iterdir() if path.stat().st_mode & 0o077] == []
    assert (home.verdict, "can be read by others" in home.found) == ("look", True)
