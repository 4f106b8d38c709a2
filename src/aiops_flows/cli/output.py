"""What commands print: tables for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["AsJson", "UseCasePath", "console", "say", "show_rows", "working"]

UseCasePath = Annotated[
    str,
    typer.Option("--use-case", "-u", envvar="AIOPS_USE_CASE", help="path of the use case, such as flows.claims:CLAIMS"),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


def console() -> Console:
    """The terminal, as wide as it is; 120 columns where it is none."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=120, soft_wrap=True)


def say(message: str) -> None:
    """One line for people."""
    typer.echo(message)


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
        table.add_row(*(_text(value) for value in row.values()))
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
