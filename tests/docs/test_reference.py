"""The reference is complete: every parameter, setting, error, table and command stands in it."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.core import TyperArgument, TyperCommand, TyperGroup
from typer.main import get_command

import aiops_flows
from aiops_flows import errors
from aiops_flows.case_log.tables import METADATA
from aiops_flows.cli import app
from aiops_flows.gates import METRICS
from aiops_flows.settings import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
CALLED = [name for name in aiops_flows.__all__ if name[0].islower()]
DECLARED = ["Effect", "Gate", "ModelSpec", "ReviewPolicy", "UseCase"]


def section(page: str, name: str) -> str:
    """The part of a reference page under the heading of a name."""
    found = re.search(
        rf"^### `{re.escape(name)}\b.*?(?=^##|\Z)", (REFERENCE / page).read_text(), re.MULTILINE | re.DOTALL
    )
    assert found, f"docs/reference/{page} has no heading for {name}"
    return found.group()


@pytest.mark.parametrize("name", CALLED)
def test_every_parameter_stands_in_the_reference(name: str) -> None:
    """The section of a task, flow or function names each of its parameters."""
    called = getattr(aiops_flows, name)
    parameters = inspect.signature(getattr(called, "fn", called)).parameters
    text = section("python.md", name)
    assert [parameter for parameter in parameters if not re.search(rf"\b{parameter}\b", text)] == []


@pytest.mark.parametrize("name", DECLARED)
def test_every_field_of_a_declaration_stands_in_the_reference(name: str) -> None:
    """The section of a declaration names each of its fields."""
    text = section("python.md", name)
    fields = [field.name for field in dataclasses.fields(getattr(aiops_flows, name))]
    assert [field for field in fields if f"`{field}`" not in text] == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_reference_with_its_default(name: str) -> None:
    """The table of settings has a row for each, with the default that the code has."""
    row = re.search(rf"^\| `AIOPS_{name.upper()}` \| (.*?) \|", (REFERENCE / "settings.md").read_text(), re.MULTILINE)
    assert row, f"AIOPS_{name.upper()} is not in docs/reference/settings.md"
    default = Settings.model_fields[name].default
    if not Settings.model_fields[name].default_factory:
        assert row.group(1) == (f"`{default}`" if str(default) else "empty")


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_stands_in_the_reference(name: str) -> None:
    """Each error has a section that repeats its meaning and says what to do."""
    meaning = inspect.cleandoc(getattr(errors, name).__doc__)
    text = section("errors.md", name)
    assert meaning in text
    assert len(text.split(meaning)[1].strip()) > len("do it again")


@pytest.mark.parametrize("table", sorted(METADATA.tables))
def test_every_table_stands_in_the_reference(table: str) -> None:
    """Each table of the case log has a section that names every column."""
    text = section("case-log.md", table)
    assert [column.name for column in METADATA.tables[table].columns if f"`{column.name}`" not in text] == []


def row(page: str, name: str) -> str:
    """The row of a reference page's table that begins with a name; empty where there is none."""
    found = re.search(rf"^\| `{re.escape(name)}` \|.*$", (REFERENCE / page).read_text(), re.MULTILINE)
    return found.group() if found else ""


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_stands_in_the_reference(name: str) -> None:
    """The tables of gates have a row for each metric, which says whether more of it is better."""
    assert ("| higher |" if METRICS[name].greater_is_better else "| lower |") in row("gates.md", name)


DEPLOYMENTS = YAML(typ="safe").load(ROOT / "prefect.yaml")["deployments"]  # Prefect brings the reader


def name_in_table(deployment: dict[str, Any]) -> str:
    """Its name in the reference: those of supplied flows are told for all use cases together."""
    use_case = str(deployment["parameters"].get("use_case", "")).split(":")[0].removeprefix("flows.").replace("_", "-")
    return f"*{deployment['name'].removeprefix(use_case)}" if use_case else str(deployment["name"])


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: str(deployment["name"]))
def test_every_deployment_stands_in_the_reference(deployment: dict[str, Any]) -> None:
    """The tables of deployments have a row for each, which names its flow and says whether it is started by hand."""
    text = row("deployments.md", name_in_table(deployment))
    flow = deployment["entrypoint"].removeprefix("aiops_flows.lifecycle.")
    assert f"`{flow}`" in text
    assert ("| by hand |" in text) == ("schedules" not in deployment)


def test_no_deployment_is_left_that_is_gone() -> None:
    """The first tables of deployments have no row of one that prefect.yaml does not have."""
    tables = (REFERENCE / "deployments.md").read_text().split("## Forms")[0]
    told = re.findall(r"^\| `([\w*-]+)` \|", tables, re.MULTILINE)
    assert sorted(told) == sorted({name_in_table(each) for each in DEPLOYMENTS})


def spoken_by_the_library() -> str:
    """The source text of the library, with strings that were broken over lines put together again."""
    sources = "\n".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.py")))
    return re.sub(r"[\"']\s*\n\s*f?[\"']", "", sources)


def test_troubleshooting_quotes_what_the_library_says() -> None:
    """Each heading that quotes one of our messages quotes text that stands in the code."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text().split("## What the libraries underneath say")[0]
    said = spoken_by_the_library()
    quoted = re.findall(r"^### `(.*)`$", page, re.MULTILINE)
    pieces = [piece.strip(" :") for heading in quoted for piece in heading.split("…")]
    assert [piece for piece in pieces if piece and piece not in said] == []


def commands(group: TyperGroup, path: str = "aiops-flows") -> Iterator[tuple[str, TyperCommand]]:
    """Every command with its full name, groups left out."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{path} {name}")
        elif isinstance(command, TyperCommand):
            yield f"{path} {name}", command


def words(command: TyperCommand) -> Iterator[str]:
    """The long options of a command, and its arguments in capitals."""
    for part in command.params:
        if isinstance(part, TyperArgument):
            yield str(part.name).upper()
        else:
            yield from (option for option in part.opts if option.startswith("--"))


def test_every_command_stands_in_the_reference() -> None:
    """Each command has a section that names its arguments and options, and no section is left of one that is gone."""
    application = get_command(app)
    assert isinstance(application, TyperGroup)
    found = dict(commands(application))
    sections = {name: section("command-line.md", name) for name in found}
    silent = [
        (name, word) for name in found for word in words(found[name]) if not re.search(rf"{word}\b", sections[name])
    ]
    assert silent == []
    headings = re.findall(r"^### `(aiops-flows .*)`$", (REFERENCE / "command-line.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(found)
