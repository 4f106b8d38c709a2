"""``python -m benchmarks.text_growth``: every parser of outside text, its input doubled from 100 kB to 15 MB.

It ends with 1 where the CPU time of one grows by more than 2.3 times per doubling. Times under 0.2 s are not compared:
they are mostly noise.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

from aiops_flows.errors import AiopsError
from aiops_flows.estimators.knowledge import KnowledgeBase
from aiops_flows.steps.mail import mail_delivery
from aiops_flows.steps.mail_message import MailRefused, read_mail
from aiops_flows.texts.charsets import decoded_text
from aiops_flows.texts.cleaning import cleaned
from aiops_flows.texts.hashed import hashed_counts
from aiops_flows.texts.html_text import html_lines
from aiops_flows.texts.language import languages
from aiops_flows.texts.personal import masked
from aiops_flows.texts.sentences import text_sentences
from aiops_flows.texts.threads import read_thread

__all__ = ["PARSERS", "Growth", "Parser", "cpu_seconds", "growth"]

MOST_PER_DOUBLING = 2.3
LARGEST, _DOUBLINGS = 15_000_000, 7
COMPARED_SECONDS = 0.2
LONGEST_SECONDS = 20.0
"""A text that takes longer is not doubled again: its growth has been seen by then."""

# fmt: off
LINES = (
    "On x wrote:\n", "On 5 Jan 2026 10:00 a@b.c\n", "From: x\n", "From: a@b\nSent: 1\n", "> x\n", "\n", "thanks\n",
    "--\n", ">\n", "On \n", "\r\n",
)
WORDS = (
    "a", " ", "word ", "1", "1 ", "DE89 3704 ", "@", "a@b.c ", "http://a/b1", "+1 (2) ", "2026-01-02 ", "a1-",
    "::", "1.1.", "+(", "[at]", "a@b.", "www.", "born 1", "1/", "_", "^AB", "$1", "\t",
)
TAGS = (
    "<b>", "<div>", "<p>x</p>", "</i>", "<script>", "<svg><p>", "<blockquote>", "<!--", "<a href=x>", "<td>x",
    "&amp;", "<", "</script>", "-->", "<a =", "&lt;",
)
SIGNS = (
    "\u0300", "é", "中", "\u202e", "\u2060", "Customer: a b c d\nAgent: e f g h\n", "Company: a\n", ". ", "?", "\x00",
)
# fmt: on


@dataclass(frozen=True)
class Parser:
    """A function that outside text reaches, and what it is fed."""

    name: str
    run: Callable[[str], Any]
    shapes: Sequence[str]
    """Pieces that a text is made of, over and over."""


@dataclass(frozen=True)
class Growth:
    """How the CPU time of one parser grows on one shape."""

    parser: str
    shape: str
    sizes: Sequence[int]
    seconds: Sequence[float]

    def worst(self, compared: float = COMPARED_SECONDS) -> float:
        """The largest growth per doubling among times that are long enough to compare; 1 where none is."""
        pairs = zip(self.sizes, self.sizes[1:], self.seconds, self.seconds[1:], strict=False)
        return max(
            (
                (later / max(earlier, compared / 2)) ** (1 / log2(larger / size))
                for size, larger, earlier, later in pairs
                if later >= compared
            ),
            default=1.0,
        )


def growth(parser: Parser, shape: str, sizes: Sequence[int], *, repeats: int = 2) -> Growth:
    """The CPU time of a parser on a shape at some sizes, as far as it stays under 20 seconds."""
    seconds: list[float] = []
    for size in sizes:
        seconds.append(cpu_seconds(parser, shape, size, repeats=repeats))
        if seconds[-1] > LONGEST_SECONDS:
            break
    return Growth(parser.name, shape, sizes[: len(seconds)], seconds)


def cpu_seconds(parser: Parser, shape: str, size: int, *, repeats: int = 1) -> float:
    """The least CPU time that a parser takes for one piece over and over, up to a size."""
    text = (shape * (size // len(shape) + 1))[:size]
    times: list[float] = []
    gc.disable()  # as timeit does: what is collected belongs to the whole process
    try:
        for _ in range(repeats):
            started = time.process_time()
            with suppress(AiopsError, MailRefused, ValueError):  # refused with a reason, which must be cheap as well
                parser.run(text)
            times.append(time.process_time() - started)
    finally:
        gc.enable()
    return min(times)


def _as_bytes(text: str) -> Any:
    return decoded_text(text.encode("latin-1", "replace"))


def _mail(headers: str, body: str = "hello") -> bytes:
    return f"From: a@example.com\nTo: b@example.com\n{headers}\n\n{body}".encode("utf-8", "replace")


def _in_header(name: str) -> Callable[[str], Any]:
    return lambda text: read_mail(_mail(f'{name}: x; y="{text}' if name.startswith("Content") else f"{name}: {text}"))


def _as_parts(text: str) -> Any:
    return read_mail(_mail("Content-Type: multipart/mixed; boundary=b", text))


def _as_html_mail(text: str) -> Any:
    return read_mail(_mail("Content-Type: text/html; charset=utf-8", text))


def _as_mbox(text: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.mbox")
        path.write_bytes(text.encode("utf-8", "replace"))
        return mail_delivery("x", [path])


def _as_knowledge(text: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x.md").write_bytes(text.encode("utf-8", "replace"))
        return KnowledgeBase(folder).read()


BOUNDARY = "From a@b.c Thu Jan  1 00:00:00 2026\n"
MAIL = f"{BOUNDARY}From: a@b.c\n"
SAME_ID = "Message-ID: <x@y>\nReferences: <x@y>"
NESTED = "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n"
PLAIN = (*LINES, *WORDS, *SIGNS)
PARSERS: Sequence[Parser] = (
    Parser("words of the customer", cleaned, (*PLAIN, *TAGS)),
    Parser("HTML", html_lines, (*TAGS, "<b a=1 b=2 c=3>", "word ", "\n", "<b></i>", "<svg></p>", "<p ", '<a "')),
    Parser("personal data", masked, PLAIN),
    Parser("sentences", text_sentences, (*SIGNS, "A. ", "- a\n", "a", "word ", " ", "\n", "@a ", "<b>", "a\n")),
    Parser("threads", read_thread, (*SIGNS, "[", '{"a":', '["customer", "a"], ', "Customer: a\n", "\n ")),
    Parser("languages", lambda text: languages([text]), ("word ", "a", "中", "@", "<")),
    Parser("hashed words", lambda text: hashed_counts([text]), ("word ", "a", "a'", "<a", "中")),
    Parser("encodings", _as_bytes, ("é", "éa", "a", "\xc3\xa9\xe9", "\x81")),
    Parser("mail: subject", _in_header("Subject"), ("a", "=?utf-8?q?a?= ", "=?", "é", "re: ")),
    Parser("mail: receivers", _in_header("To"), ("a@b.c, ", "(", "<", '"', ",", "@", "a@b ", "é")),
    Parser("mail: references", _in_header("References"), ("<a@b> ", "<", "<a", " ")),
    Parser("mail: content type", _in_header("Content-Type"), ('";', ";", "a=b; ", '"', "\\", "x*0=a;", "=?")),
    Parser("mail: headers", lambda text: read_mail(_mail(text)), ("X: 1\n", "Content-Type: a/b\n", "X:\n 1\n", "x")),
    Parser("mail: parts", _as_parts, ("--b\n", "--b\n\nx\n", NESTED, "x\n")),
    Parser("mail: HTML", _as_html_mail, TAGS),
    Parser("mbox", _as_mbox, (BOUNDARY, "From \n", ">From \n", "x\n", f"{BOUNDARY}Content-Length: 1\n\nx\n")),
    Parser("conversations", _as_mbox, (f"{MAIL}Subject: re: x\n\nhello\n", f"{MAIL}{SAME_ID}\n\nhi\n")),
    Parser("knowledge", _as_knowledge, ("# ", "#", "# a\n", "word ", "```\n", "## a #\n")),
)


def _sizes() -> Iterator[int]:
    """From 117 kB on, doubled up to 15 MB."""
    for halvings in range(_DOUBLINGS, -1, -1):
        yield LARGEST // 2**halvings


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints one line for each parser: its worst growth, the shape, and its slowest text."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.text_growth", description=__doc__)
    options.add_argument("--only", nargs="*", default=[], help="names of parsers")
    options.add_argument("--largest", type=int, default=LARGEST, help="bytes of the largest text")
    options.add_argument("--repeats", type=int, default=2)
    asked = options.parse_args(arguments)
    sizes = [size for size in _sizes() if size <= asked.largest]
    broken = 0
    languages(["The model is read before the clock runs."])
    print("| parser | shapes | worst growth per doubling | on | slowest, s | on |\n|---|--:|--:|---|--:|---|")
    for parser in PARSERS:
        if asked.only and parser.name not in asked.only:
            continue
        curves = [growth(parser, shape, sizes, repeats=asked.repeats) for shape in parser.shapes]
        worst = max(curves, key=Growth.worst)
        slowest = max(curves, key=lambda curve: max(curve.seconds))
        broken += worst.worst() > MOST_PER_DOUBLING
        print(
            f"| {parser.name} | {len(curves)} | {worst.worst():.2f} | `{worst.shape[:40]!a}` "
            f"| {max(slowest.seconds):.1f} of {slowest.sizes[-1]:,} | `{slowest.shape[:40]!a}` |",
            flush=True,
        )
    print(f"{broken} of {len(PARSERS)} grow by more than {MOST_PER_DOUBLING} times per doubling", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
