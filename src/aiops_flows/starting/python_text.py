"""Text from outside as Python source: a literal or a comment, never code."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

__all__ = ["WIDTH", "comment", "literal", "literals", "printable"]

WIDTH = 118
"""Characters that a line of generated code may have."""


def literal(text: str) -> str:
    """The text as a Python string literal in double quotes, on one line; what cannot be printed is escaped."""
    escaped = repr(text)
    body = escaped[1:-1]
    if escaped.startswith("'"):
        body = body.replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


def literals(texts: Iterable[str], separator: str = ", ") -> str:
    """Texts as literals, one after the other."""
    return separator.join(literal(text) for text in texts)


def printable(text: str) -> str:
    """The text on one line; what cannot be printed is escaped."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def comment(text: str, indent: int = 0) -> list[str]:
    """The text as comment lines that fit the width, each beginning with ``#``."""
    lines = textwrap.wrap(printable(text), WIDTH - indent - 2, break_on_hyphens=False)
    return [f"# {line}" for line in lines]
