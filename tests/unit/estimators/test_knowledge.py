"""A knowledge base is a folder of Markdown and CSV files, read into named passages."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiops_flows.errors import SourceError
from aiops_flows.estimators.knowledge import KnowledgeBase, Passage


def read(folder: Path, **files: str) -> list[Passage]:
    """The passages of a folder with these files; ``__`` in a name stands for the dot before its ending."""
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return KnowledgeBase(str(folder)).read()


def test_markdown_is_cut_at_its_headings(tmp_path: Path) -> None:
    """A section bears the headings above it; what stands before the first is named for the file; code is no heading."""
    text = (
        "Before.\n# Returns\nThirty days.\n## Shoes ##\nUnworn.\n```\n# no heading\n```\n# Empty\n# Late\nWe search.\n"
    )
    assert [(passage["title"], passage["text"]) for passage in read(tmp_path, shop__md=text)] == [
        ("shop", "Before."),
        ("Returns", "Thirty days."),
        ("Returns / Shoes", "Unworn.\n```\n# no heading\n```"),
        ("Late", "We search."),
    ]


def test_csv_has_a_title_and_a_text_a_row(tmp_path: Path) -> None:
    """Further columns and rows without a text are left out; a text may have lines."""
    found = read(tmp_path, answers__csv='owner,Title,Text\nx,Refund,"Five days,\nthen ask"\nx,Nothing,\n')
    assert [(passage["source"], passage["text"]) for passage in found] == [
        ("kb:answers.csv#refund", "Five days,\nthen ask")
    ]


def test_each_passage_has_a_name_of_its_own_and_a_digest(tmp_path: Path) -> None:
    """Equal headings are numbered; the digest changes with title and text alone."""
    found = read(tmp_path, a__md="# Hours\nNine to five.\n# Hours\nNot on Sundays.\n", b__md="# Hours\nNine to five.\n")
    assert [passage["source"] for passage in found] == ["kb:a.md#hours", "kb:a.md#hours-2", "kb:b.md#hours"]
    assert found[0]["digest"] == found[2]["digest"] != found[1]["digest"]


def test_reading_twice_gives_the_same_and_folders_in_it_are_read(tmp_path: Path) -> None:
    """By file and place, whatever order the file system has; hidden files, and others, are left alone."""
    (tmp_path / "deep").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("deep/b.md", "a.md", ".git/c.md", "notes.txt"):
        (tmp_path / name).write_text("# One\nText.\n")
    knowledge = KnowledgeBase(str(tmp_path))
    assert [passage["source"] for passage in knowledge.read()] == ["kb:a.md#one", "kb:deep/b.md#one"]
    assert knowledge.read() == knowledge.read()


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    """A link that leads out of it is left alone."""
    (tmp_path / "secret.md").write_text("# Secret\nNot for customers.\n")
    inside = tmp_path / "kb"
    inside.mkdir()
    (inside / "link.md").symlink_to(tmp_path / "secret.md")
    assert [passage["title"] for passage in read(inside, open__md="# Open\nFor all.\n")] == ["Open"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"question,answer\nx,y\n", "title and text are needed"),
        ("a.csv", b'title,text\nx,"open\n', "line"),
        ("a.md", b"# Caf\xe9\nText\n", "not UTF-8"),
        ("a.md", b"x" * 5_000_001, "5000001 bytes"),
        ("a.md", b"# Only a heading\n", "holds no passage"),
        ("a.md", b"".join(b"# h%d\nt\n" % number for number in range(20_001)), "20001 passages"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_name(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    """Nothing is trained on half a knowledge base."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=told):
        KnowledgeBase(str(tmp_path)).read()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The message names it and what is expected."""
    with pytest.raises(SourceError, match="is no folder"):
        KnowledgeBase(str(tmp_path / "away")).read()
