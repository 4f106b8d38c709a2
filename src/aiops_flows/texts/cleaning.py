"""What somebody wrote, without markup, invisible characters, quoted history and signatures."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from aiops_flows.texts.quoted_history import JOINER, own_parts

__all__ = ["blanked", "cleaned", "plain_lines", "tidied"]

_TAG = re.compile(
    r"<(?:(/?)((?:[A-Za-z]{1,2}:)?[A-Za-z][A-Za-z0-9]*)(?:\s[^<>=]*=[^<>]*|\s*/?)>|!--|!doctype\b[^<>]*>)",
    re.IGNORECASE,
)
_INLINE = frozenset(
    (
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font",
        "i", "img", "ins", "kbd", "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike",
        "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
    )
)  # fmt: skip
_BLOCKS = frozenset(
    (
        "address", "article", "aside", "base", "blockquote", "body", "br", "button", "canvas", "caption",
        "center", "col", "colgroup", "dd", "details", "dialog", "div", "dl", "dt", "embed", "fieldset",
        "figcaption", "figure", "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6",
        "head", "header", "hr", "html", "iframe", "input", "label", "legend", "li", "link", "main", "map",
        "math", "meta", "nav", "noscript", "object", "ol", "optgroup", "option", "p", "param", "picture", "pre",
        "script", "section", "select", "source", "style", "summary", "svg", "table", "tbody", "td", "template",
        "textarea", "tfoot", "th", "thead", "title", "tr", "track", "ul", "video",
    )
)  # fmt: skip
_WORDLESS = frozenset(("blockquote", "head", "math", "script", "style", "svg", "template", "title"))
"""Elements whose content nobody wrote to us: code, drawings, and the mail that is answered."""


_QUOTATION = re.compile(r"<(/?)blockquote(?:\s[^<>]*)?>", re.IGNORECASE)


def cleaned(text: str) -> str:
    """The words that somebody wrote, in one line.

    Out go HTML (with scripts, styles and quotations), quoted mail history, signatures, control, zero-width and
    direction-changing characters; what is left is in Unicode's composed form (NFC), white space folded. Where only
    history and signatures were there, they stay.
    """
    bare = blanked(text)
    own = "\n".join(bare[start:end] for start, end in own_parts(bare))
    return tidied(own) or tidied(bare) or tidied(text if bare.isspace() else "")


def tidied(text: str) -> str:
    """A piece of text with its entities read, invisible characters out, composed, and white space folded."""
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", _short_marks(text.translate(_invisible())))
    elif not text.isprintable():
        text = text.translate(_invisible())
    return " ".join(text.split())


def plain_lines(page: str) -> str:
    """The text of an HTML page, line by line; quotations stay, since whoever keeps it may want to see them."""
    bare = blanked(_QUOTATION.sub(r"<\1div>", page))
    lines = (" ".join(html.unescape(line).replace(JOINER, "").split()) for line in bare.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def blanked(text: str) -> str:
    """The text with its markup as white space, or as word joiners within a line; all else stands where it stood."""
    if "<" not in text:
        return text
    parts: list[str] = []
    place = 0
    for start, end, inline in _markup(text):
        parts += [text[place:start], JOINER * (end - start) if inline else "\n" + " " * (end - start - 1)]
        place = end
    return "".join([*parts, text[place:]])


def _markup(text: str) -> Iterator[tuple[int, int, bool]]:
    """Where the markup of a text stands, and whether words go on over it; each wordless element in one piece."""
    lowered = text.lower() if text.isascii() else text  # lower case may be longer elsewhere
    last: dict[str, int] = {}
    hidden, depth, start, place = "", 0, 0, 0
    for tag in _TAG.finditer(text):
        name, closing = (tag.group(2) or "").lower(), bool(tag.group(1))
        if tag.start() < place:
            continue
        if hidden:
            depth += (-1 if closing else 1) if name == hidden else 0
            if depth == 0:
                hidden = ""
                yield start, tag.end(), False
        elif name in _WORDLESS and not closing and _closed_later(lowered, last, name) >= tag.end():
            hidden, depth, start = name, 1, tag.start()
        elif name in _INLINE or name in _BLOCKS or ":" in name or not name:
            place = _end_of_comment(text, tag.end()) if tag.group() == "<!--" else tag.end()
            yield tag.start(), place, name in _INLINE or ":" in name
    if hidden:
        yield start, len(text), False


def _closed_later(lowered: str, last: dict[str, int], name: str) -> int:
    """Where an element is closed for the last time; the text is searched once for each name."""
    if name not in last:
        last[name] = lowered.rfind(f"</{name}")
    return last[name]


def _end_of_comment(text: str, start: int) -> int:
    end = text.find("-->", start)
    return len(text) if end < 0 else end + 3


@lru_cache(maxsize=1)
def _invisible() -> dict[int, str | None]:
    """Characters that no reader sees, for `str.translate`: control, zero-width, direction, tags, surrogates."""
    ranges = [
        (0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C),
        (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
        (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB),
        (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    ]  # fmt: skip
    table: dict[int, str | None] = {code: None for first, last in ranges for code in range(first, last + 1)}
    return table


_MOST_MARKS = 4


def _short_marks(text: str) -> str:
    """At most four combining marks in a row: Python sorts longer runs in quadratic time."""
    return _long_marks().sub(lambda run: run.group()[:_MOST_MARKS], text)


@lru_cache(maxsize=1)
def _long_marks() -> re.Pattern[str]:
    marks = [code for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code))]
    runs: list[list[int]] = []
    for code in marks:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    members = "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)
    return re.compile(f"[{members}]{{{_MOST_MARKS + 1},}}")
