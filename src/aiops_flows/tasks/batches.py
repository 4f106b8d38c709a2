"""Tasks that take a batch: a task run inside a flow run, and the plain function inside a resident process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.logging import disable_run_logger

__all__ = ["batch_task", "without_runs"]

P = ParamSpec("P")
R = TypeVar("R")

_PLAINLY: ContextVar[bool] = ContextVar("aiops_flows_without_runs", default=False)


class _BatchTask(Task[P, R]):
    """A Prefect task that is its function where no runs are wanted."""

    if not TYPE_CHECKING:  # Prefect's own overloads hold

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self.fn(*args, **kwargs) if _PLAINLY.get() else super().__call__(*args, **kwargs)

        def with_options(self, **options: Any) -> Task[P, R]:
            changed = super().with_options(**options)  # Prefect makes a plain task of it
            changed.__class__ = type(self)
            return changed


@overload
def batch_task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def batch_task(*, name: str | None = None, **options: Any) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def batch_task(
    function: Callable[P, R] | None = None, /, *, name: str | None = None, **options: Any
) -> Task[P, R] | Callable[[Callable[P, R]], Task[P, R]]:
    """A Prefect task that takes a batch of cases; in a resident process it is called without a task run.

    Nothing of its input or result is kept by Prefect. A task run costs some 10 ms here and 50 ms in Prefect's server:
    nothing for a batch, too much for one case. So a business flow whose steps are such tasks serves both: as a flow
    run over a batch, and case by case in ``aiops-flows serve``, where retries and whatever else Prefect does for a
    task run do not happen.

    Args:
        function: what the task does.
        name: under which its runs are seen; by default the function's.
        options: anything else that Prefect's ``task`` takes, such as ``retries``.
    """
    if function is None:
        return lambda later: _made(later, name, options)
    return _made(function, name, options)


def _made(function: Callable[P, R], name: str | None, options: dict[str, Any]) -> Task[P, R]:
    chosen: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False} | options
    return _BatchTask(function, name=name, **chosen)


@contextmanager
def without_runs() -> Iterator[None]:
    """Within it, in this thread, batch tasks are their plain functions, and what flows log to Prefect is dropped."""
    token = _PLAINLY.set(True)
    try:
        with disable_run_logger():  # outside a run Prefect's logger would raise
            yield
    finally:
        _PLAINLY.reset(token)
