"""What commands print fits the terminal, and breaks no id, digest or path apart."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from aiops_flows import progress
from aiops_flows.cli import output
from aiops_flows.cli.output import show_rows, working

DIGEST = "0597f265315437372be1f0ecbb41b1b5826dcd70cd1292eb1fb0019508077e52"
ROWS = [
    {"case_id": "L2025110200002", "digest": DIGEST, "reason": "no rule of the policy decides this case " * 3},
    {"case_id": "L2025110300002", "digest": DIGEST, "reason": "of another kind"},
]


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> str:
    """What a terminal of that width shows of the rows."""
    screen = Console(width=width, force_terminal=True, color_system=None, file=io.StringIO())
    monkeypatch.setattr(output, "console", lambda _least=0: screen)
    show_rows(ROWS, as_json=False)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue() + capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_an_id_or_digest_is_never_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    """On a narrow terminal a row becomes a block; texts break between words, on every width."""
    text = printed(monkeypatch, capsys, width)
    assert text.count(DIGEST) == 2
    assert text.count("L2025110200002") == 1
    assert all(len(line.rstrip()) <= max(width, len(DIGEST) + 12) for line in text.splitlines())


def test_where_there_is_no_terminal_every_row_is_a_line_of_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Other programs read it line by line, however long the lines are."""
    show_rows([{"case_id": "A", "digest": DIGEST, "place": "x" * 90}], as_json=False)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_steps_are_told_while_something_long_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no terminal a line a step, after two seconds; with --json, and of what is quick, nothing."""
    with working("training", quiet=False):
        progress.step("reading %d rows", 12)
    assert capsys.readouterr().err == ""

    clock = iter([0.0, 5.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with working("training", quiet=False):
        progress.step("reading %d rows", 12)
    assert capsys.readouterr().err == "training, 5 s: reading 12 rows\n"

    with working("training", quiet=True):
        progress.step("reading %d rows", 12)
    assert capsys.readouterr().err == ""
