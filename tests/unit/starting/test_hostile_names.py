"""Whatever a file is called, and whatever stands in it, is text in the code that is made of it: never code."""

from __future__ import annotations

import ast
import csv
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_flows.starting import placing, plan_of_file, write
from aiops_flows.starting.naming import field_names
from aiops_flows.starting.placing import built_beside, fill, place
from aiops_flows.starting.python_text import comment, literal
from aiops_flows.steps.delivery import printed_name

HOSTILE = [
    'a "quoted" name',
    "an 'apostrophe'",
    '""" + exit() + """',
    "back\\slash \\n",
    "{braces} ${dollar} $case $fields",
    "two\nlines",
    "carriage\rreturn",
    "line\u2028separator",
    "# comment",
    "emoji 😀",
    "金額",
    "x" * 300,
    "How satisfied were you overall with the speed at which your request was handled by our team in the last year?",
    "class",
    "2nd",
    "__init__",
    "_",
    *("absent", "derived", "rows", "case_id", "model_config", "copy", "json", "dict", "schema", "fields", "columns"),
    *("str", "int", "float", "datetime", "verdict", "verdict_by", "batch", "fate_confidence", "fate_note"),
]


def hostile_file(path: Path, header: list[str], classes: tuple[str, str] = ("late", "in time"), rows: int = 90) -> Path:
    """A file with numbers in columns of these names, of which the last goes with the outcome."""
    luck = random.Random(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["id", *header, "amount", "fate"])
        for number in range(rows):
            amount = luck.uniform(1, 99)
            late = amount + luck.gauss(0, 20) > 50
            values = [str(luck.randint(1, 99)) for _ in header]
            lines.writerow([f"R-{number}", *values, f"{amount:.2f}", classes[0] if late else classes[1]])
    return path


def test_hostile_headers_become_fields_that_take_every_row(tmp_path: Path) -> None:
    """Words of Python, of pydantic and of the library, quotes, newlines and 300 letters: each column is a field."""
    plan = plan_of_file("hostile", hostile_file(tmp_path / "past.csv", HOSTILE), "fate")
    written = write(plan, tmp_path / "made")
    assert (written.trial.taken, written.trial.refused) == (90, 0)
    assert len(plan.columns) == len(HOSTILE) + 1
    ast.parse((tmp_path / "made" / "test_hostile.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name", ['it\'s "mine".csv', 'a""".csv', "back\\slash.csv", "two\nlines.csv", "{x}$name.csv", "\udcfcber.csv"]
)
def test_a_hostile_file_name_is_only_named(tmp_path: Path, name: str) -> None:
    """The name of the file stands in a comment and in the README, escaped."""
    plan = plan_of_file("hostile", hostile_file(tmp_path / name, ["kind"]), "fate")
    written = write(plan, tmp_path / "made")
    assert written.trial.refused == 0
    assert literal(printed_name(Path(name))) in (tmp_path / "made" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("classes", [('say "no"', "{x}"), ("back\\slash", "a'b"), ("$outcome", "😀")])
def test_hostile_classes_are_verdicts_as_they_are(tmp_path: Path, classes: tuple[str, str]) -> None:
    """A class with quotes, braces or a backslash is a verdict, in the policy and in the test."""
    plan = plan_of_file("hostile", hostile_file(tmp_path / "past.csv", ["kind"], classes), "fate")
    write(plan, tmp_path / "made")
    for file in ("hostile.py", "test_hostile.py"):
        tree = ast.parse((tmp_path / "made" / file).read_text(encoding="utf-8"))
        constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert constants >= ({plan.outcome.classes[0]} if file.startswith("test_") else set(classes))


@given(st.text(st.characters(exclude_categories=())))
def test_a_literal_means_the_text_and_a_comment_stays_one(text: str) -> None:
    """Any text, lone surrogates included, is read back from its literal; no line of a comment is code."""
    assert ast.literal_eval(literal(text)) == text
    assert literal(text).isprintable()
    assert not ast.parse("\n".join(comment(text))).body


@settings(max_examples=50)
@given(st.lists(st.text(max_size=20), max_size=12, unique=True))
def test_no_two_fields_have_one_name_and_none_has_that_of_another_column(sources: list[str]) -> None:
    """A missing value is never read from another column that happens to have the name of the field."""
    names = field_names(sources)
    assert len(set(names)) == len(names)
    assert all(name not in set(sources) - {source} for name, source in zip(names, sources, strict=True))


def test_a_name_that_was_numbered_is_not_given_again() -> None:
    """`days_used_2` in the file is not what the second `Days Used` becomes."""
    assert field_names(["Days Used", "daysUsed", "days_used_2"]) == ["days_used", "days_used_3", "days_used_2"]


@pytest.mark.parametrize("existing", [False, True])
def test_an_interrupted_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, existing: bool
) -> None:
    """Ctrl-C while files are put in their place: what was there before is there, and nothing else."""
    folder = tmp_path / "deep" / "made"
    if existing:
        folder.mkdir(parents=True)
        (folder / "mine.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def write_files() -> None:
        with built_beside(folder) as scratch:
            fill(scratch, {"a.py": "1", "data/b.csv": "2", "c.md": "3"})
            monkeypatch.setattr(Path, "rename", interrupted)
            monkeypatch.setattr(placing, "_copy_to_new_file", _interrupted_at_the_third())
            place(scratch, folder, ["a.py", "data/b.csv", "c.md"])

    with pytest.raises(KeyboardInterrupt):
        write_files()
    assert sorted(tmp_path.rglob("*")) == before


def _interrupted_at_the_third() -> Callable[[Path, Path], list[Path]]:
    """Copies two files; at the third it is interrupted."""
    copy = placing._copy_to_new_file
    copied: list[Path] = []

    def copying(source: Path, target: Path) -> list[Path]:
        copied.append(target)
        if len(copied) == 3:
            raise KeyboardInterrupt
        return copy(source, target)

    return copying


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """Whoever writes the same file at the same time keeps theirs."""
    (tmp_path / "b.csv").write_text("theirs")
    with built_beside(tmp_path / "any") as scratch:
        fill(scratch, {"a.py": "1", "b.csv": "2"})
        with pytest.raises(FileExistsError):
            place(scratch, tmp_path, ["a.py", "b.csv"])
    assert {each.name for each in tmp_path.iterdir()} == {"b.csv"}
    assert (tmp_path / "b.csv").read_text() == "theirs"
