"""A new use case is written, and what is written is taken, judged and deployed as it stands."""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from aiops_flows.cli.kit import new
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.starting import plan_made_up, plan_of_file, write
from aiops_flows.testing import CHECKS, check_conformance
from aiops_flows.use_case import UseCase, load_use_case


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, in which modules are found; those that the test imports are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "made"))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def odd_file(path: Path, rows: int = 300, *, quantity: bool = False) -> Path:
    """A stranger's file: names with blanks and words of Python, days in another form, gaps, text, a telling column."""
    luck = random.Random(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(
            ["Ticket No", "Opened", "class", "Price (EUR)", "2nd", "remark", "zip", "empty", "done", "Result"]
        )
        for number in range(rows):
            price, kind = luck.uniform(1, 900), luck.choice(["a-1", "b 2"])
            result = "late" if price / 900 + (kind == "a-1") * 0.5 + luck.gauss(0, 0.15) > 0.8 else "on time"
            told = f"{price * (1.5 if kind == 'a-1' else 1) + luck.gauss(0, 50):.1f}" if quantity else result
            second = luck.choice(["NA", "", f"{-price:.1f}"])
            day = f"{1 + number % 28:02d}.{1 + number * 12 // rows:02d}.2025"
            row = [f"T/{number}", day, kind, f"{price:.2f}", second, f"says <b>{luck.random()}</b> twice"]
            lines.writerow([*row, f"0{luck.randint(1000, 9999)}", "", told.upper(), told])
    return path


SAYS = {
    "billing": ["the invoice is too high", "I was charged twice", "where is my refund?"],
    "repair": ["the screen is broken", "it does not turn on", "there is a crack in the glass"],
}


def desk_file(path: Path, outcome: str, *, table: bool, rows: int = 400) -> Path:
    """Messages to a desk and, if asked for, a table beside them, of which each tells a part of the outcome."""
    luck = random.Random(2)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["No", "Subject", "Message", *["Device", "Age"] * table, outcome])
        for number in range(rows):
            queue, device, age = luck.choice(list(SAYS)), luck.choice(["phone", "camera"]), luck.randint(0, 9)
            said = f"Hello,\n{luck.choice(SAYS[queue])}, call 0170 {luck.randint(1000000, 9999999)} or me@example.org!"
            told = {
                "Queue": queue if not table else f"{queue} {device}" if luck.random() < 0.9 else "front desk",
                "Cost": f"{20 + 30 * (queue == 'repair') + 10 * (device == 'camera') + age + luck.gauss(0, 3):.2f}",
            }[outcome]
            subject = luck.choice(["", f"my question no. {number}?", f"who can help me? ({number})"])
            lines.writerow([f"D-{number}", subject, said, *[device, age][: 2 * table], told])
    return path


def written(plan: Any, folder: Path = Path("made")) -> UseCase:
    """The use case that a plan becomes."""
    write(plan, folder)
    return load_use_case(f"{plan.module}:{plan.constant}")


def test_a_made_up_use_case_conforms_as_it_was_written(parcels_home: Path, here: Path) -> None:
    """What `new` writes passes the suite on the data that comes with it."""
    home = here / "home"
    shutil.copytree(parcels_home, home)
    plan = plan_made_up("refunds")
    written(plan)
    data = Path("made/data")
    quick = [name for name in CHECKS if name != "short drill"]
    report = check_conformance("refunds:REFUNDS", data / "past.csv", data / "past_outcomes.csv", home=home, only=quick)
    assert int(report["replay identical"].figures["decisions"]) > 20
    assert {each.name for each in Path("made").iterdir()} >= {
        "refunds.py", "test_refunds.py", "README.md", "prefect.yaml", "data",
    }  # fmt: skip
    assert not Path("made/.gitignore").exists()


def test_a_strangers_file_becomes_a_use_case(parcels_home: Path, here: Path) -> None:
    """Every row of the file is a case, columns that tell the outcome are no features, and the data stays private."""
    home = here / "home"
    shutil.copytree(parcels_home, home)
    plan = plan_of_file("late-tickets", odd_file(here / "odd.csv"), "Result")
    declared = written(plan)
    fields = declared.case.model_fields
    assert list(fields)[2:] == ["class_", "price_eur", "n2nd", "remark", "zip", "done"]
    assert declared.models[0].features == ["class_", "price_eur", "n2nd"]
    assert set(declared.review.verdicts) == {"late", "on time"}
    assert declared.case.absent == {"", "NA"}
    case = declared.case.model_validate(
        {name: value for name, value in plan.past[0].items() if value not in {"", "NA"}}
    )
    assert case.case_id == plan.past[0]["Ticket No"]
    assert case.received_at is not None
    assert case.received_at.year == 2025
    assert Path("made/.gitignore").read_text() == "data/\n"
    assert {row["Opened"][3:5] for row in plan.new} <= {"11", "12"}  # the latest are yet to be decided
    data = Path("made/data")
    check_conformance(
        "late_tickets:LATE_TICKETS",
        data / "past.csv",
        data / "past_outcomes.csv",
        home=home,
        only=["intake twice", "poison rows"],
    )


def test_a_quantity_becomes_a_use_case_too(here: Path) -> None:
    """Many numbers are a quantity: a regressor that says how sure it is, and a loss for how far off it may be."""
    declared = written(plan_of_file("sums", odd_file(here / "odd.csv", quantity=True), "Result"))
    assert declared.models[0].kind == "regressor"
    assert declared.review.verdicts == ["accept", "look at"]
    assert declared.judges["result"] is not None


@pytest.mark.parametrize(
    ("outcome", "table", "checks"),
    [
        ("Queue", False, []),
        ("Queue", True, ["gate both ways", "replay identical"]),
        ("Cost", True, ["gate both ways"]),
    ],
)
def test_texts_are_read_beside_the_table(
    parcels_home: Path, here: Path, outcome: str, table: bool, checks: list[str]
) -> None:
    """The words of a text that tells something are a feature, masked; what is learned is stored and decides again."""
    home = here / "home"
    shutil.copytree(parcels_home, home)
    plan = plan_of_file("desk", desk_file(here / "desk.csv", outcome, table=table), outcome)
    declared = written(plan)
    (model,) = declared.models
    assert model.features == model.drift_columns == ["words", *["device", "age"] * table]
    assert plan.texts == ["message"]
    assert "tell nothing" in plan.left_out["subject"]
    frame = pd.DataFrame({"message": [plan.past[0]["Message"], None]})
    (words, nothing) = declared.case.derived["words"](frame)
    assert "<EMAIL>" in words
    assert "me@" not in words
    assert nothing == ""
    data = Path("made/data")
    if checks:
        check_conformance("desk:DESK", data / "past.csv", data / "past_outcomes.csv", home=home, only=checks)


def test_a_text_is_commented_with_what_it_is_worth(here: Path) -> None:
    """The written file says of each text what its words tell, or why no model reads it, and asks where it names it."""
    file = desk_file(here / "desk.csv", "Queue", table=True)
    (head, *rows) = csv.reader(file.read_text(encoding="utf-8").splitlines(keepends=True))
    with file.open("w", newline="", encoding="utf-8") as again:
        notes = [[*row, f"call {number} was closed as {row[-1]}!"] for number, row in enumerate(rows)]
        csv.writer(again).writerows([[*head, "Closing"], *notes])
    write(plan_of_file("desk", file, "Queue"), Path("made"))
    code = Path("made/desk.py").read_text()
    assert "# Its words go with the outcome (correlation 0." in code
    assert "# No feature: its words tell nothing of the outcome on rows left out\n    subject: " in code
    assert (
        "# No feature: it names the outcome word for word in 100% of its rows: is it written before that is known?\n"
        in code
    )
    assert 'CustomerWords("message")' in code


def test_nothing_is_written_over(here: Path) -> None:
    """One file that is there already keeps everything from being written."""
    (here / "made").mkdir()
    (here / "made" / "README.md").write_text("mine")
    with pytest.raises(UseCaseError, match=r"has \['README.md'\] already"):
        write(plan_made_up("refunds"), Path("made"))
    assert [each.name for each in (here / "made").iterdir()] == ["README.md"]
    assert (here / "made" / "README.md").read_text() == "mine"


MINE = """# ours
definitions:
  pool: &pool { name: aiops }

deployments:
# by the clock
- name: ours
  entrypoint: ours.ours
  work_pool: *pool
"""


@pytest.mark.parametrize("before", [MINE, MINE.replace("\n- name", "\n    - name").replace("\n  e", "\n      e")])
def test_deployments_are_added_to_those_that_are_there(here: Path, before: str) -> None:
    """What the file said, comments included, stands as it stood; the new deployments come after it."""
    before = before.replace("\n  work_pool", "\n      work_pool") if "\n    - name" in before else before
    (here / "prefect.yaml").write_text(before)
    done = write(plan_made_up("refunds"), here)
    after = (here / "prefect.yaml").read_text()
    assert after.startswith(before.rstrip())
    names = [each["name"] for each in YAML(typ="safe").load(after)["deployments"]]
    assert names[:2] == ["ours", "refunds"]
    assert "refunds-retrain" in names
    assert "were added" in done.notes[0]


@pytest.mark.parametrize(
    "before", ["deployments: []\nafter: 1\n", "{", MINE + "\nlater:\n  more: 1\n", MINE.replace("ours", "refunds")]
)
def test_deployments_that_cannot_be_added_get_a_file_of_their_own(here: Path, before: str) -> None:
    """A file that would read otherwise afterwards is left alone, and the note says what to copy."""
    (here / "prefect.yaml").write_text(before)
    done = write(plan_made_up("refunds"), here)
    assert (here / "prefect.yaml").read_text() == before
    assert YAML(typ="safe").load(here / "prefect-refunds.yaml")["deployments"][0]["name"] == "refunds"
    assert "copy the deployments" in done.notes[0]


@pytest.mark.parametrize("name", ["Refunds", "json", "review", "class", "2nd"])
def test_a_name_that_no_module_can_have_is_refused(name: str) -> None:
    """A module of that name would hide another, or could not be imported."""
    with pytest.raises(UseCaseError):
        plan_made_up(name)


def test_a_file_of_which_nothing_can_be_made_is_refused_with_the_reason(here: Path) -> None:
    """No such column, and nothing to learn from, are said before anything is written."""
    file = odd_file(here / "odd.csv")
    with pytest.raises(SourceError, match="has no column 'Fate'"):
        plan_of_file("late", file, "Fate")
    lines = "\n".join(f"{number},{'ab'[number % 2]}" for number in range(99))
    (here / "bare.csv").write_text(f"id,fate\n{lines}\n")
    with pytest.raises(SourceError, match="no column can be learned from"):
        plan_of_file("late", here / "bare.csv", "fate")


def test_the_latest_cases_are_held_back_beside_the_undecided_ones(here: Path) -> None:
    """A missing outcome here and there is a new case; enough others are left to see what became of them."""
    text = odd_file(here / "odd.csv").read_text()
    (here / "open.csv").write_text(text + "T/300,01.01.2025,a-1,5.00,,says nothing yet,01234,,,NA\n")
    plan = plan_of_file("late", here / "open.csv", "Result")
    assert (len(plan.past), len(plan.new)) == (271, 30)
    assert plan.new[-1]["Ticket No"] == "T/300"
    made = write(plan, Path("made"))
    assert pd.read_csv(made.folder / "data" / "new_outcomes.csv").shape == (29, 2)
    assert len(pd.read_csv(made.folder / "data" / "new.csv")) == 30


def test_the_command_says_what_it_guessed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table of every column and what it was taken for, and how many rows the new case type takes."""
    new("late-tickets", None, odd_file(here / "odd.csv"), "Result")
    said = capsys.readouterr().out
    assert "alone it tells" in said
    assert "300 rows of the file are cases, 0 would go to quarantine" in said
    with pytest.raises(UseCaseError, match="say which column"):
        new("others", None, here / "odd.csv")


def test_a_run_that_is_ended_by_a_signal_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM while the files are tried: the scratch folder is removed, and no folder has been made."""
    file = odd_file(here / "odd.csv")
    monkeypatch.setattr("aiops_flows.starting.writing.try_rows", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        new("late-tickets", None, file, "Result")
    assert [each.name for each in here.iterdir()] == ["odd.csv"]
