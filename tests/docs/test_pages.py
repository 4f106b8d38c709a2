"""The pages: their code runs in the order a reader meets it, their links lead somewhere, a line is a sentence.

A fenced block ``python`` runs; ``python file=refunds.py`` is written to that file, which later blocks may import;
``sh run`` runs in bash. ``python notest``, and any other block, is only shown. Each page runs in one process, in an
empty folder, with an empty home folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aiops_flows.settings import Settings
from aiops_flows.stack import prefect_server

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "deployments" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(r"^```(?P<tag>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:)(?P<target>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
SECONDS = 500


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its words, its text."""

    language: str
    words: tuple[str, ...]
    body: str

    @property
    def statement(self) -> str:
        """What the block does, as Python; empty for one that is only shown."""
        if self.language == "python" and not self.words:
            return self.body
        if self.language == "python" and self.words[0].startswith("file="):
            name = self.words[0].removeprefix("file=")
            return f"import pathlib as _p\n_p.Path({name!r}).write_text({self.body!r})\n"
        if self.language == "sh" and self.words == ("run",):
            return f"import subprocess as _s\n_s.run(['bash', '-euo', 'pipefail', '-c', {self.body!r}], check=True)\n"
        return ""


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for match in BLOCK.finditer(page.read_text()):
        language, *words = match["tag"].split() or [""]
        found.append(Block(language, tuple(words), match["body"]))
    return found


def program(page: Path) -> str:
    """All that a page runs, as one Python program."""
    return "\n".join(block.statement for block in blocks(page))


def prose(page: Path) -> str:
    """A page without its blocks."""
    return BLOCK.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prefect server for all pages."""
    with prefect_server(Settings(home=tmp_path_factory.mktemp("server")), own=True) as api_url:
        yield api_url


@pytest.mark.slow
@pytest.mark.prefect_server
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [page for page in PAGES if program(page).strip()], ids=name_of)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, prefect_url: str) -> None:
    """Every block that a reader may copy does what the page says, in the page's order."""
    folder = tmp_path / "work"
    folder.mkdir()
    script = tmp_path / "page.py"
    script.write_text(f"import sys\nsys.path.insert(0, '')\n{program(page)}")
    environment = os.environ | {
        "AIOPS_HOME": str(tmp_path / "home"),
        "AIOPS_ACTOR": "reader",
        "PREFECT_API_URL": prefect_url,
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
    }
    ran = subprocess.run(
        [sys.executable, str(script)],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, f"{name_of(page)}\n{ran.stdout[-3000:]}\n{ran.stderr[-6000:]}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """A link inside the repository names a file that is there, and a heading of it."""
    broken = []
    for match in LINK.finditer(prose(page)):
        target = (page.parent / match["target"]).resolve() if match["target"] else page
        missing_heading = match["anchor"] and target.suffix == ".md" and match["anchor"] not in anchors(target)
        if not target.exists() or missing_heading:
            broken.append(match.group())
    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    """A page that the index does not lead to would not be found."""
    index = (ROOT / "docs" / "index.md").read_text()
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md") if page.name != "index.md"]
    assert [page for page in sorted(pages) if f"]({page})" not in index] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_line_of_prose_is_one_sentence(page: Path) -> None:
    """One sentence per line, so that a change shows the sentence it changes."""
    lines = [line for line in prose(page).splitlines() if not line.lstrip().startswith("|")]
    spoken = [re.sub(r"`[^`]*`", "", line) for line in lines]
    assert [line for line in spoken if re.search(r"[a-z)][.!?] +[A-Z]", line)] == []
