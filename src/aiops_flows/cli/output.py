"""What commands print: tables for people, JSON for machines."""

from __future__ import annotations

import io
import json
import re
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aiops_flows.progress import listen

__all__ = [
    "AsJson",
    "UseCaseName",
    "UseCasePath",
    "console",
    "print_anywhere",
    "printable",
    "say",
    "show_rows",
    "working",
]

_QUICK_SECONDS = 2.0
_NARROWEST = 24  # characters of a column whose texts may be broken into lines
_GAP = 2  # between columns
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

UseCasePath = Annotated[
    str,
    typer.Option(
        "--use-case",
        "-u",
        envvar="AIOPS_USE_CASE",
        help="path of the use case, such as flows.claims:CLAIMS, or the name of one declared in this folder",
    ),
]
UseCaseName = Annotated[
    str,
    typer.Option(
        "--use-case", "-u", envvar="AIOPS_USE_CASE", help="path of the use case, or its name, which is quicker"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


def console(least: int = 0) -> Console:
    """The terminal, as wide as it is; where there is none, 120 columns or as many as are needed."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=max(120, least), soft_wrap=True)


def print_anywhere() -> None:
    """See that a terminal or pipe that knows few letters gets an escape for the others, and no command ends over it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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
    shown = [{_heading(name): printable(_text(value)) for name, value in row.items()} for row in rows]
    wide = _Widths.of(shown)
    screen = console(wide.least)
    if screen.width < wide.least:
        _show_blocks(shown, screen, title)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name in shown[0]:
        table.add_column(name, overflow="fold", no_wrap=name not in wide.flexible, min_width=wide.columns[name])
    for row in shown:
        table.add_row(*(Text(value) for value in row.values()))  # else "[b]" in a case were markup
    screen.print(table)


@dataclass(frozen=True)
class _Widths:
    """How wide the columns of a table must be: only texts of several words may be broken."""

    columns: Mapping[str, int]
    flexible: frozenset[str]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, str]]) -> _Widths:
        widths: dict[str, int] = {}
        flexible = set()
        for name in rows[0]:
            lines = [line for row in rows for line in row.get(name, "").splitlines()]
            longest = max(map(len, [name, *lines]))
            widths[name] = longest
            if longest > _NARROWEST and any(" " in line for line in lines):
                flexible.add(name)
                words = [len(word) for line in lines for word in line.split()]
                widths[name] = max(_NARROWEST, len(name), *words)
        return cls(widths, frozenset(flexible))

    @property
    def least(self) -> int:
        """The narrowest screen on which the table breaks no word."""
        return sum(self.columns.values()) + _GAP * (len(self.columns) - 1)


def _show_blocks(rows: Sequence[Mapping[str, str]], screen: Console, title: str) -> None:
    """Rows one below the other, a line a field, for screens on which a table would break words apart."""
    if title:
        say(title)
    indent = max(len(name) for name in rows[0]) + _GAP
    for place, row in enumerate(rows):
        if place:
            say("")
        for name, value in row.items():
            for number, line in enumerate(_wrapped(value, max(screen.width - indent, _NARROWEST))):
                say(f"{name if not number else '':<{indent}}{line}".rstrip())


def _wrapped(text: str, width: int) -> list[str]:
    lines = [
        part
        for line in text.splitlines()
        for part in textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
    ]
    return lines or [""]


def _heading(name: object) -> str:
    return str(name).replace("_", " ")


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
    """While something long is done: on a terminal a moving sign with the present step, else a line a step.

    The lines go to standard error, and begin after two seconds: what is quick prints none.
    """
    if quiet:
        yield
        return
    screen = Console(stderr=True)
    if screen.is_terminal:
        with screen.status(what) as sign, listen(lambda words: sign.update(f"{what}: {words}")):
            yield
        return
    since = time.monotonic()
    with listen(lambda words: _print_step(what, words, since)):
        yield


def _print_step(what: str, words: str, since: float) -> None:
    seconds = time.monotonic() - since
    if seconds >= _QUICK_SECONDS:
        typer.echo(f"{what}, {seconds:.0f} s: {words}", err=True)
