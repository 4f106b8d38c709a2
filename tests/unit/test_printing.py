"""What is printed reaches every terminal, whatever letters it knows."""

from __future__ import annotations

import io
import sys

import pytest

from aiops_flows.cli.output import print_anywhere


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_that_knows_few_letters_gets_escapes(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """Letters of any script, and bytes of a file name that are not text."""
    bytes_out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_out, encoding=encoding, errors="strict"))
    print_anywhere()
    sys.stdout.write("Größe 大 Sch\udce4den\n")
    sys.stdout.flush()
    printed = bytes_out.getvalue().decode(encoding)
    assert "e " in printed
    assert printed.rstrip().endswith("Sch\\udce4den")
