"""The command line shows a case as text, takes what is true with the answer, and tells what was corrected."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aiops_flows.cli.app import app
from aiops_flows.cli.case_text import readable
from aiops_flows.cli.output import show_rows
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.lifecycle import answer_review
from aiops_flows.steps.workspace import Workspace
from tests.integration.steps.test_corrections import put_to_work

SERVICE = ["-u", "tests.integration.steps.test_corrections:SERVICE"]


def run(*command: str) -> str:
    done = CliRunner().invoke(app, [*command], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_case_is_shown_answered_and_counted(
    pristine_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Classes with probabilities, candidates as text; labels and texts are taken, and come back as figures."""
    home = Path(shutil.copytree(pristine_store, tmp_path / "home"))
    monkeypatch.setenv("AIOPS_HOME", str(home))
    first, second = put_to_work(Workspace.here())["case_id"].tolist()[:2]
    seen = run("review", "show", *SERVICE, first)
    assert "probability" in seen
    assert "parcels-note version 1 offers, the best first:" in seen
    assert "elsewhere" in seen
    assert "{" not in seen, "people read text, not JSON"

    (tmp_path / "sent.txt").write_text("to the moon", encoding="utf-8")
    said = ["--verdict", "yes", "--reason", "looked", "--says", "late=lost", "--says", f"note=@{tmp_path / 'sent.txt'}"]
    run("review", "answer", *SERVICE, first, *said)
    found = json.loads(run("corrections", *SERVICE, "--json"))
    assert [(each["label"], each["cases"]) for each in found["new_labels"]] == [("lost", 1)]
    assert (found["writings"][0]["answered"], found["writings"][0]["accepted"]) == (1, 0.0)
    assert "lost" in run("quality", *SERVICE)
    assert "parcels-note" in run("corrections", *SERVICE)

    answer = ["review", "answer", *SERVICE, second, "--verdict", "yes", "--reason", "looked", "--says"]
    for says, fault in (("late", UseCaseError), ("colour=red", UseCaseError), ("note=@nothing.txt", SourceError)):
        with pytest.raises(fault):
            run(*answer, says)
    assert len(json.loads(run("corrections", *SERVICE, "--json"))["writings"]) == 1


def test_the_form_takes_labels_only() -> None:
    """Prefect keeps what is typed into a form, so that texts are refused, and whatever is too long for a label."""
    with pytest.raises(UseCaseError, match="Prefect keeps what is typed"):
        answer_review.fn(SERVICE[1], "P1", "yes", "looked", "ann", says={"note": "Dear customer"})
    form = str(answer_review.parameters.model_dump())
    assert "'maxLength': 100" in form
    assert "pattern" in form


def test_what_a_customer_wrote_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Markup is text, and control characters, direction marks and lone surrogates are shown as such."""
    hostile = "[/bold] [link=http://a.example]x[/link] \x1b[2J\x07 \u202egnp.exe \ud800 é 漢 🙂"
    show_rows([{"text": hostile}], as_json=False)
    seen = capsys.readouterr().out
    assert "[/bold] [link=http://a.example]x[/link] �[2J� �gnp.exe � é 漢 🙂" in seen
    assert "\x1b" not in seen


def test_a_conversation_is_read_turn_by_turn() -> None:
    """Turns stand one below the other; any other field is shown as it is."""
    turns = [{"speaker": "customer", "text": "Where is it?"}, {"speaker": "agent", "text": "On its way."}]
    assert readable(turns) == "customer: Where is it?\nagent: On its way."
    assert readable([1, 2]) == [1, 2]
