"""What commands print: tables for people, JSON for machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from aiops_flows.case_log import CaseLog

__all__ = [
    "AsJson",
    "UseCaseName",
    "UseCasePath",
    "console",
    "is_path",
    "name_of",
    "printable",
    "say",
    "show_rows",
    "working",
]

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

UseCasePath = Annotated[
    str,
    typer.Option("--use-case", "-u", envvar="AIOPS_USE_CASE", help="path of the use case, such as flows.claims:CLAIMS"),
]
UseCaseName = Annotated[
    str,
    typer.Option(
        "--use-case", "-u", envvar="AIOPS_USE_CASE", help="path of the use case, or its name, which is quicker"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


def console() -> Console:
    """The terminal, as wide as it is; 120 columns where it is none."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=120, soft_wrap=True)


def is_path(use_case: str) -> bool:
    """Whether a use case is given by its path, not by its name alone."""
    return ":" in use_case or "." in use_case


def name_of(log: CaseLog, use_case: str) -> str:
    """The name of a use case given by its path, or by the name under which the record knows it.

    With a name nothing of the user's code is loaded, so it is quick, and works where that code is not.
    """
    if is_path(use_case):
        from aiops_flows.use_case import load_use_case

        return load_use_case(use_case).name
    from aiops_flows.case_log import questions
    from aiops_flows.errors import UseCaseError

    known = questions.use_cases(log)
    if use_case not in known:
        raise UseCaseError(
            f"the record has no use case {use_case!r}; it has {known}. Or give a path: flows.claims:CLAIMS"
        )
    return use_case


def say(message: str) -> None:
    """One line for people."""
    typer.echo(message)


def printable(text: str) -> str:
    """The text without what could steer a terminal or turn its direction: such characters become visible marks."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def show_rows(rows: Sequence[Mapping[Any, Any]], *, as_json: bool, title: str = "", empty: str = "nothing") -> None:
    """Rows as a table, or as a JSON list."""
    if as_json:
        typer.echo(json.dumps([dict(row) for row in rows], default=_plain, indent=2))
        return
    if not rows:
        say(empty)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(str(name).replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(_text(value))) for value in row.values()))  # else "[b]" in a case were markup
    console().print(table)


def _plain(value: Any) -> Any:
    """What JSON does not know, as what it does."""
    if isinstance(value, datetime):
        return value.isoformat()
    item = getattr(value, "item", None)
    return item() if callable(item) else str(value)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


@contextmanager
def working(what: str, *, quiet: bool) -> Iterator[None]:
    """A moving sign on the terminal while something long is done."""
    screen = Console(stderr=True)
    if quiet or not screen.is_terminal:
        yield
        return
    with screen.status(what):
        yield
