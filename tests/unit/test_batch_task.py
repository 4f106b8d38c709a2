"""A task that takes a batch: a Prefect task for flows, the plain function in a resident process."""

from __future__ import annotations

import pytest
from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger

from aiops_flows import batch_task
from aiops_flows.tasks.batches import without_runs


@batch_task
def doubled(numbers: list[int]) -> list[int]:
    """Each number twice."""
    get_run_logger().info("%d numbers", len(numbers))
    return [2 * number for number in numbers]


def test_it_is_a_task_that_keeps_nothing() -> None:
    """Prefect stores neither its input nor its result, whatever else it is told of the task."""
    named = batch_task(name="twice", retries=2)(doubled.fn)
    assert isinstance(doubled, Task)
    assert (doubled.cache_policy, doubled.persist_result) == (NO_CACHE, False)
    assert (named.name, named.retries, named.cache_policy, named.persist_result) == ("twice", 2, NO_CACHE, False)


def test_in_a_resident_process_it_is_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server is asked for anything, and what it logs to Prefect is dropped; outside, Prefect has it again."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with without_runs():
        assert doubled([1, 2]) == [2, 4]
        assert doubled.with_options(name="other")([3]) == [6]
    with pytest.raises(MissingContextError):
        doubled.fn([1])
