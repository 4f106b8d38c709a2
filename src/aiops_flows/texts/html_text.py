"""The text of an HTML mail, line by line, with what it quotes marked as plain-text mails mark it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiops_flows.texts.cleaning import plain_lines

__all__ = ["ANSWERED_MAIL", "FORWARDED_MAIL", "html_lines"]

ANSWERED_MAIL = "-----Original Message-----"
FORWARDED_MAIL = "---------- Forwarded message ----------"

_PARAGRAPHS = frozenset(
    ("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "dl", "table", "pre", "hr", "form")
)
_LINES = frozenset(
    (
        "address", "article", "aside", "body", "br", "caption", "center", "dd", "details", "div", "dt", "fieldset",
        "figcaption", "figure", "footer", "header", "html", "legend", "li", "main", "nav", "optgroup", "option",
        "section", "select", "summary", "tbody", "textarea", "tfoot", "thead", "title", "tr",
    )
)  # fmt: skip
_WORDLESS = frozenset(("head", "math", "script", "style", "svg", "template", "title", "object", "noframes"))
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE)
_INDENTED = re.compile(r"border(?:-left)?\s*:\s*(?:none|0)", re.IGNORECASE)
"""How mail programs write text that its writer indented, in the element that otherwise quotes."""
_OUTLOOK_RULE = re.compile(
    r"border:\s*none;\s*border-top:\s*solid #[0-9a-f]{6} 1\.0pt;\s*padding:\s*3\.0pt 0(?:in|cm|mm) 0(?:in|cm|mm) 0",
    re.IGNORECASE,
)
_ANSWERED_IDS = frozenset({"divrplyfwdmsg", "olk_src_body_section"})
_QUOTING_CLASSES = frozenset({"yahoo_quoted", "zmail_extra", "protonmail_quote", "tutanota_quote", "moz-email-quote"})
_MOST_ATTRIBUTE = 2_000
_DEEPEST = 1_000
_DEEPEST_QUOTE = 9
_CHUNK = 2**16


class _TooDeepError(Exception):
    """More elements are open than any mail program writes."""


def html_lines(page: str, *, forwarded: bool = False) -> str:
    """The text of an HTML page as a plain-text mail would have it.

    Lines that are quoted begin with ``> ``. Where Outlook puts the mail that is answered, the line
    ``-----Original Message-----`` stands before it; of a mail that was ``forwarded``, the line says so instead.
    Scripts, styles and what is not displayed are left out. By libxml2, through lxml, whose parser is linear.
    """
    from lxml import etree

    target = _Lines(FORWARDED_MAIL if forwarded else ANSWERED_MAIL)
    parser = etree.HTMLParser(target=target, encoding="utf-8", huge_tree=True)
    content = page.encode("utf-8", "replace")
    try:
        for place in range(0, len(content), _CHUNK):
            parser.feed(content[place : place + _CHUNK])
        if content:
            parser.close()
    except (_TooDeepError, etree.LxmlError):
        return plain_lines(page)
    return target.text()


class _Lines:
    """What lxml calls with the elements and the text of a page, in their order."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._lines: list[str] = []
        self._line: list[str] = []
        self._open: list[_Element] = []
        self._quotes = 0
        self._hidden = 0
        self._verbatim = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if tag in _VOID:
            self._break(tag)
            return
        element = _Element(tag, attributes)
        self._open.append(element)
        if len(self._open) > _DEEPEST:
            raise _TooDeepError

        self._break(tag)
        self._hidden += element.hidden
        self._verbatim += tag == "pre"
        if element.answered and not self._quotes:
            self._end_line()
            self._lines += ["", self._mark]
        if element.quotes:
            self._end_line()
            self._quotes += 1
        if tag == "li":
            self._line.append("- ")

    def end(self, tag: str) -> None:
        """An element ends."""
        if tag in _VOID or not self._open:
            return
        self._break(tag)
        element = self._open.pop()
        if element.quotes:
            self._end_line()
            self._quotes -= 1
        self._hidden -= element.hidden
        self._verbatim -= element.tag == "pre"

    def data(self, text: str) -> None:
        """A stretch of text."""
        if self._hidden:
            return
        if not self._verbatim:
            self._line.append(text)
            return
        first, *others = text.split("\n")
        self._line.append(first)
        for line in others:
            self._end_line()
            self._line.append(line)

    def comment(self, text: str) -> None:
        """Nobody reads comments."""

    def close(self) -> str:
        """The end of the page."""
        return self.text()

    def text(self) -> str:
        """All lines; at most one blank line between two."""
        self._end_line()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip("\n")

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._end_line()
            if self._lines and self._lines[-1].strip("> "):
                self._lines.append(">" * min(self._quotes, _DEEPEST_QUOTE))
        elif tag in _LINES:
            if tag == "br" and not self._line and self._lines and not self._hidden:
                self._lines.append(">" * min(self._quotes, _DEEPEST_QUOTE))
            self._end_line()
        elif tag in {"td", "th"} and self._line:
            self._line.append("\t")

    def _end_line(self) -> None:
        words = " ".join("".join(self._line).split())
        self._line.clear()
        if words and words != "-":
            self._lines.append("> " * min(self._quotes, _DEEPEST_QUOTE) + words)


class _Element:
    """An open element, and what it does to the text within it."""

    __slots__ = ("answered", "hidden", "quotes", "tag")

    def __init__(self, tag: str, attributes: Mapping[str, str]) -> None:
        style = attributes.get("style", "")[:_MOST_ATTRIBUTE]
        classes = attributes.get("class", "")[:_MOST_ATTRIBUTE].lower().split()
        self.tag = tag
        self.hidden = tag in _WORDLESS or "hidden" in attributes or bool(style and _HIDDEN.search(style))
        self.answered = attributes.get("id", "").lower() in _ANSWERED_IDS or (
            tag == "div" and bool(style and _OUTLOOK_RULE.search(style))
        )
        self.quotes = not _QUOTING_CLASSES.isdisjoint(classes) or (
            tag == "blockquote" and not _INDENTED.search(style) and "webkit-indent-blockquote" not in classes
        )
