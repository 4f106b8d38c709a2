"""``python -m benchmarks.growth``: every parser of outside text, its input doubled from 117 kB to 15 MB.

It ends with 1 where the CPU time of one grows by more than 2.3 times per doubling. Times under 0.2 s are not compared:
they are mostly noise.
"""

from __future__ import annotations

import argparse
import gc
import io
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from datetime import time as clock
from decimal import Decimal
from math import log2
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd

from aiops_flows import Case, Text
from aiops_flows.errors import AiopsError
from aiops_flows.estimators.knowledge import KnowledgeBase
from aiops_flows.serving.guard import Refusal, rows_in
from aiops_flows.sources.delimited import read_delimited
from aiops_flows.sources.spreadsheet import read_sheet
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.mail import mail_delivery
from aiops_flows.steps.mail_message import MailRefused, read_mail
from aiops_flows.steps.sources import deliveries, read_file
from aiops_flows.texts.charsets import decoded_text
from aiops_flows.texts.cleaning import cleaned
from aiops_flows.texts.hashed import hashed_counts
from aiops_flows.texts.html_text import html_lines
from aiops_flows.texts.language import languages
from aiops_flows.texts.personal import masked
from aiops_flows.texts.sentences import text_sentences
from aiops_flows.texts.threads import read_thread
from aiops_flows.use_case import Moment

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
    run: Callable[[Any], Any]
    shapes: Sequence[str]
    """Pieces that a text is made of, over and over."""
    prepare: Callable[[str], Any] = str
    """Makes of a text what the function is given; not measured."""


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


def growth(parser: Parser, shape: str, sizes: Sequence[int], *, tries: int = 3) -> Growth:
    """The CPU time of a parser on a shape at some sizes, as far as it stays under 20 seconds.

    Where it grows too fast from one size to the next, both are measured again: other work on the machine, and memory
    that is asked for the first time, make one measurement in many too long.
    """
    seconds: list[float] = []
    for size in sizes:
        seconds.append(cpu_seconds(parser, shape, size))
        curve = Growth(parser.name, shape, sizes[: len(seconds)], seconds)
        for _ in range(tries - 1):
            if curve.worst() <= MOST_PER_DOUBLING:
                break
            for at in (-2, -1):
                seconds[at] = min(seconds[at], cpu_seconds(parser, shape, curve.sizes[at]))
        if seconds[-1] > LONGEST_SECONDS:
            break
    return Growth(parser.name, shape, sizes[: len(seconds)], seconds)


def cpu_seconds(parser: Parser, shape: str, size: int, *, repeats: int = 1) -> float:
    """The least CPU time that a parser takes for one piece over and over, up to a size."""
    prepared = parser.prepare((shape * (size // len(shape) + 1))[:size])
    times: list[float] = []
    gc.disable()  # as timeit does: what is collected belongs to the whole process
    try:
        for _ in range(repeats):
            started = time.process_time()
            with suppress(
                AiopsError, MailRefused, Refusal, ValueError
            ):  # refused with a reason, which must be cheap as well
                parser.run(prepared)
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


def _as_bodies(text: str) -> bytes:
    """A JSON list of the pieces as the body of a request."""
    return b"[" + text[: text.rfind(",")].encode() + b"]"


def _as_json_lines(text: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.jsonl")
        path.write_bytes(text.encode("utf-8", "replace"))
        return read_file(path)


class _Claim(Case):
    """A case whose values are read from text."""

    label: str | None = None
    remark: Text | None = None
    price: Decimal | None = None
    number: float | None = None
    day: date | None = None
    sent: Moment | None = None
    at: clock | None = None
    took: timedelta | None = None


def _as_values(text: str) -> Any:
    """One text as the value of a field of each kind, as a row alone."""
    (delivery,) = deliveries([{"case_id": "a"} | dict.fromkeys(_Claim.model_fields.keys() - {"case_id"}, text)])
    return check_rows(_Claim, delivery)


def _as_column(text: str) -> Any:
    """Many texts as a column of each kind: how they are written is decided for each column as a whole."""
    values = text.split(";")
    columns = dict.fromkeys(_Claim.model_fields.keys() - {"case_id"}, values)
    (delivery,) = deliveries(pd.DataFrame({"case_id": [str(at) for at in range(len(values))]} | columns))
    return check_rows(_Claim, delivery)


def _as_sheet(text: str) -> bytes:
    """A workbook whose sheet has these rows after its header; the rest of it is as openpyxl writes it."""
    written = io.BytesIO()
    workbook = openpyxl.Workbook()
    workbook.active.append(["case_id", "remark", "price"])
    workbook.save(written)
    made = io.BytesIO()
    with zipfile.ZipFile(written) as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        for part in before.infolist():
            content = before.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                content = content.replace(b"</sheetData>", text[: text.rfind("<row>")].encode() + b"</sheetData>")
            after.writestr(part, content)
    return made.getvalue()


BOUNDARY = "From a@b.c Thu Jan  1 00:00:00 2026\n"
MAIL = f"{BOUNDARY}From: a@b.c\n"
SAME_ID = "Message-ID: <x@y>\nReferences: <x@y>"
NESTED = "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n"
HEADER = "case_id,remark,price\n"
ROWS = (
    "R1,fine,1\n", '"R1","a, b","1"\n', 'R1,"a\nb",1\n', 'R1,"open,1\n', 'R1,"a" b,1\n', 'x",a,"b\n', '"""",""""\n',
    '"', ",", '","', '"\n', "\n", "R1;1,5;\u20ac 3\n", "a\x00,\n",
)  # fmt: skip
CELLS = "<row><c><v>1</v></c><c t='inlineStr'><is><t>fine</t></is></c><c><v>2.5</v></c></row>"
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
    Parser("CSV", lambda text: read_delimited(HEADER + text, name="x"), ROWS),
    Parser(
        "one value", _as_values, (*WORDS, *SIGNS, "1,", ".", "-", "0", "1 234 ", "2026-", "12:", "P1D", "e9", "\u202f")
    ),
    Parser(
        "values of columns", _as_column, ("1.5;", "3,5;", "1.234,50 €;", "5.3.2024;", "03/05/24;", "a;", ";", "13:05;")
    ),
    Parser("JSON lines", _as_json_lines, ('{"case_id": "a", "b": 1}\n', "{\n", "\n", '"a"\n', "[" * 9)),
    Parser("HTTP", lambda body: rows_in(body, 10_000_000), ('{"case_id": "a"},', "[", "1,", '"a",'), _as_bodies),
    Parser(
        "spreadsheets", lambda data: read_sheet(data, name="x"), (CELLS, "<row></row>", "<row><c/></row>"), _as_sheet
    ),
    Parser("knowledge", _as_knowledge, ("# ", "#", "# a\n", "word ", "```\n", "## a #\n")),
)


def _sizes() -> Iterator[int]:
    """From 117 kB on, doubled up to 15 MB."""
    for halvings in range(_DOUBLINGS, -1, -1):
        yield LARGEST // 2**halvings


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints one line for each parser: its worst growth, the shape, and its slowest text."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    options.add_argument("--only", nargs="*", default=[], help="names of parsers")
    options.add_argument("--largest", type=int, default=LARGEST, help="bytes of the largest text")
    options.add_argument("--tries", type=int, default=3, help="measurements before growth is believed")
    asked = options.parse_args(arguments)
    sizes = [size for size in _sizes() if size <= asked.largest]
    broken = 0
    languages(["The model is read before the clock runs."])
    print("| parser | shapes | worst growth per doubling | on | slowest, s | on |\n|---|--:|--:|---|--:|---|")
    for parser in PARSERS:
        if asked.only and parser.name not in asked.only:
            continue
        curves = [growth(parser, shape, sizes, tries=asked.tries) for shape in parser.shapes]
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
