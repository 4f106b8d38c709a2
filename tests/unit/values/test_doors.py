"""The same table through every door gives the same cases, frames and answers (P30); `benchmarks.doors` sends 5,000."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.pipeline import Pipeline

from benchmarks.doors.checking import answering, differences
from benchmarks.doors.stored import stored_differences
from benchmarks.doors.table import random_table


@pytest.fixture(scope="module")
def model() -> Pipeline:
    """A classifier that has learned from tables of the same kind."""
    return answering(Random(0))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
def test_the_same_table_is_the_same_through_every_door(seed: int, model: Pipeline, tmp_path: Path) -> None:
    """Stored cases, live frames, stored frames and answers do not depend on the kind of source."""
    random = Random(seed)
    table = random_table(random)
    assert list(differences(random, table, tmp_path, model)) == []


def test_what_one_door_stored_every_other_finds_as_known(tmp_path: Path) -> None:
    """Neither cases nor outcomes are in conflict, or new, when they come again in another form."""
    random = Random(7)
    assert list(stored_differences(random, random_table(random), tmp_path / "home")) == []
