"""The commands about effects, and the task: what they say, and what they leave behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiops_flows.cli import app
from aiops_flows.errors import NotDelivered
from aiops_flows.steps.examining import examine
from aiops_flows.steps.workspace import Workspace
from aiops_flows.tasks import deliver
from tests.integration.steps.test_outbox import ORDERS, Memory, decide, take
from tests.integration.steps.test_sinks import Receiver, receiver

__all__ = ["receiver"]  # the fixture

PATH = f"{Memory.__module__}:ORDERS"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace of a fresh home folder, in which three orders were decided."""
    monkeypatch.setenv("AIOPS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AIOPS_DATABASE_URL", raising=False)
    place = Workspace.here()
    decide(place, take(place, 3))
    yield place
    place.log.close()


def run(*words: str) -> tuple[int, str]:
    """The exit code and the output of a command."""
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def refused(_: str) -> Exception:
    return NotDelivered("answered 400", for_good=True)


def test_effects_are_sent_by_command(here: Workspace, tmp_path: Path) -> None:
    """The command sends what is due once; then every effect has arrived."""
    code, said = run("effects", "deliver", str(tmp_path / "out"), "-u", PATH, "--name", "order", "--json")
    assert (code, json.loads(said)[0]["delivered"]) == (0, 3)
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert run("effects", "list", "-u", "orders") == (0, "every effect has arrived\n")
    assert here.log.dialect == "sqlite"


def test_what_was_given_up_is_listed_shown_and_tried_again(here: Workspace, tmp_path: Path) -> None:
    """It stands in the list and in what doctor and status say, until somebody asks for it again."""
    deliver.fn(ORDERS, Memory(refused))
    code, said = run("effects", "list", "-u", "orders", "--json")
    assert code == 0
    assert [(row["state"], row["reason"]) for row in json.loads(said)] == [("given up", "answered 400")] * 3
    assert {"what": "effects", "verdict": "look"}.items() <= next(
        vars(found) for found in examine() if found.what == "effects"
    ).items()
    assert json.loads(run("status", "--json")[1])[0]["effects_given_up"] == 3
    assert run("effects", "retry", "-u", "orders")[0] == 2, "neither named nor --all"
    assert json.loads(run("effects", "retry", "--all", "-u", "orders", "--reason", "mended", "--json")[1]) == [
        {"use_case": "orders", "tried_again": 3}
    ]
    listed = json.loads(run("effects", "list", "-u", "orders", "--json")[1])
    assert [row["state"] for row in listed] == ["waits"] * 3
    assert deliver.fn(ORDERS, str(tmp_path / "out")).delivered == 3


def test_a_delivery_that_gives_up_says_so_by_its_exit_code(here: Workspace, receiver: Receiver) -> None:
    """Whoever runs the command from a scheduler learns of it."""
    receiver.status = 404
    code, said = run("effects", "deliver", receiver.url, "-u", PATH, "--json")
    assert (code, json.loads(said)[0]["given_up"], here.settings.actor != "") == (1, 3, True)
