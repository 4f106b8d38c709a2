"""The public names: sorted, there, documented, and cheap to import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import aiops_flows

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
HEAVY = ["alembic", "evidently", "mlflow", "pandas", "prefect", "sklearn", "skops", "sqlalchemy", "torch"]


def loaded_by(statement: str) -> list[str]:
    """The heavy libraries that a fresh interpreter has loaded after the statement."""
    program = (
        f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return [name for name in json.loads(answer.stdout) if name in HEAVY]


def test_the_public_names_are_sorted() -> None:
    """A name is found where the alphabet puts it."""
    assert list(aiops_flows.__all__) == sorted(aiops_flows.__all__)


@pytest.mark.parametrize("name", aiops_flows.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Each listed name can be imported, and `dir` shows it."""
    assert getattr(aiops_flows, name) is not None
    assert name in dir(aiops_flows)


@pytest.mark.parametrize("name", [name for name in aiops_flows.__all__ if name != "__version__"])
def test_every_public_name_has_its_entry_in_the_reference(name: str) -> None:
    """The Python reference has a heading for each public name."""
    assert re.search(rf"^### `{name}\b", (REFERENCE / "python.md").read_text(), re.MULTILINE)


def test_an_unknown_name_is_refused() -> None:
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'intak'"):
        getattr(aiops_flows, "intak")  # noqa: B009  mypy knows that it is not there


def test_the_import_is_light() -> None:
    """`import aiops_flows` loads no heavy library."""
    assert loaded_by("import aiops_flows") == []


def test_declaring_a_use_case_needs_no_heavy_library() -> None:
    """The words of a declaration load pydantic only: estimators bring their own library."""
    assert loaded_by("from aiops_flows import Case, Gate, ModelSpec, ReviewPolicy, Text, UseCase") == []
