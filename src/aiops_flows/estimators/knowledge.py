"""A knowledge base for replies: a folder of Markdown and CSV files, read into passages."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from aiops_flows.errors import SourceError

__all__ = ["KnowledgeBase", "Passage"]

_HEADING = re.compile(r"^(#{1,6})[ \t]+(\S.*)$")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)")
_MOST_BYTES = 5_000_000  # a file
_MOST_PASSAGES = 20_000


class Passage(TypedDict):
    """One passage of a knowledge base, as a version keeps it."""

    source: str
    """``kb:<file>#<heading>``: where it stands."""
    title: str
    text: str
    digest: str
    """SHA-256 of title and text, 16 hexadecimal digits: the same passage has it in every version."""


@dataclass(frozen=True)
class KnowledgeBase:
    """A folder whose Markdown files (by heading) and CSV files (columns ``title`` and ``text``) may answer customers.

    It is read once, when a version is trained, and kept in that version: what a version proposes does not change with
    the folder. Train again after a change.
    """

    folder: str

    def read(self) -> list[Passage]:
        """All passages, by file and place.

        Raises:
            SourceError: the folder is not there, holds no passage, or a file of it cannot be read.
        """
        root = Path(self.folder)
        if not root.is_dir():
            raise SourceError(f"the knowledge base {self.folder!r} is no folder; give one with .md or .csv files")
        passages = [passage for file in _files(root) for passage in _passages(root, file)]
        if not passages:
            raise SourceError(
                f"the knowledge base {self.folder!r} holds no passage; it needs Markdown with text, or CSV files with "
                "the columns title and text"
            )
        if len(passages) > _MOST_PASSAGES:
            raise SourceError(
                f"the knowledge base {self.folder!r} holds {len(passages)} passages; {_MOST_PASSAGES} fit"
            )
        return _under_own_names(passages)


def _files(root: Path) -> list[Path]:
    """The files to read, by name; nothing outside the folder, and nothing hidden."""
    found = sorted(path for path in root.rglob("*") if path.suffix.lower() in {".md", ".csv"} and path.is_file())
    inside = root.resolve()
    return [
        path
        for path in found
        if path.resolve().is_relative_to(inside)
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]


def _passages(root: Path, file: Path) -> Iterator[Passage]:
    name = file.relative_to(root).as_posix()
    if file.stat().st_size > _MOST_BYTES:
        raise SourceError(f"{name} of the knowledge base has {file.stat().st_size} bytes; {_MOST_BYTES} fit. Cut it up")
    try:
        content = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as fault:
        raise SourceError(f"{name} of the knowledge base is not UTF-8; save it as such") from fault
    parts = _rows(name, content) if file.suffix.lower() == ".csv" else _sections(file.stem, content)
    for title, text in parts:
        if text:
            digest = hashlib.sha256(f"{title}\x1f{text}".encode()).hexdigest()[:16]
            yield Passage(source=f"kb:{name}#{_anchor(title)}", title=title, text=text, digest=digest)


def _rows(name: str, content: str) -> Iterator[tuple[str, str]]:
    """Title and text of each row of a CSV file."""
    rows = csv.DictReader(content.splitlines(keepends=True), strict=True)
    names = {str(column).strip().lower(): column for column in rows.fieldnames or []}
    if not {"title", "text"} <= names.keys():
        raise SourceError(
            f"{name} of the knowledge base has the columns {sorted(names)[:10]}; title and text are needed"
        )
    try:
        for row in rows:
            yield (row[names["title"]] or "").strip(), (row[names["text"]] or "").strip()
    except csv.Error as fault:
        raise SourceError(f"{name} of the knowledge base, line {rows.line_num}: {fault}") from fault


def _sections(stem: str, content: str) -> Iterator[tuple[str, str]]:
    """Heading and text of each section of a Markdown file; a section of a section bears both headings."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fenced = False
    for line in content.splitlines():
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        yield _title(path, stem), "\n".join(lines).strip()
        depth, lines = len(heading[1]), []
        title = heading[2].rstrip(" \t#") or heading[2]
        path = [*(above for above in path if above[0] < depth), (depth, title)]
    yield _title(path, stem), "\n".join(lines).strip()


def _title(path: list[tuple[int, str]], stem: str) -> str:
    return " / ".join(heading for _, heading in path) or stem


def _anchor(title: str) -> str:
    """The title as the last part of a source's name."""
    return re.sub(r"[^\w]+", "-", title.lower()).strip("-")[:80]


def _under_own_names(passages: list[Passage]) -> list[Passage]:
    """The passages; of several under one name, the later ones get a number."""
    seen: dict[str, int] = {}
    for passage in passages:
        source = passage["source"]
        seen[source] = seen.get(source, 0) + 1
        if seen[source] > 1:
            passage["source"] = f"{source}-{seen[source]}"
    return passages
