"""Tasks that take a batch: a task run inside a flow run, and the plain function inside a resident process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.logging import disable_run_logger
from prefect.states import Completed

__all__ = ["batch_task", "without_runs"]

P = ParamSpec("P")
R = TypeVar("R")

_PLAINLY: ContextVar[bool] = ContextVar("aiops_flows_without_runs", default=False)


class _BatchTask(Task[P, R]):
    """A Prefect task that is its function where no runs are wanted."""

    if not TYPE_CHECKING:  # Prefect's own overloads hold

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            if _PLAINLY.get():
                return self.fn(*args, **kwargs)
            result = super().__call__(*args, **kwargs)
            if isinstance(result, State) and not kwargs.get("return_state"):
                return result.result()  # a task with a message returns its state, and Prefect passes that on
            return result

        def with_options(self, **options: Any) -> Task[P, R]:
            changed = super().with_options(**options)  # Prefect makes a plain task of it
            changed.__class__ = type(self)
            return changed


@overload
def batch_task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def batch_task(
    *, name: str | None = None, message: Callable[[Any], str] | None = None, **options: Any
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def batch_task(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    message: Callable[[Any], str] | None = None,
    **options: Any,
) -> Task[P, R] | Callable[[Callable[P, R]], Task[P, R]]:
    """A Prefect task that takes a batch of cases; in a resident process it is called without a task run.

    Nothing of its input or result is kept by Prefect. A task run costs some 10 ms here and 50 ms in Prefect's server:
    nothing for a batch, too much for one case. So a business flow whose steps are such tasks serves both: as a flow
    run over a batch, and case by case in ``aiops-flows serve``, where retries and whatever else Prefect does for a
    task run do not happen.

    Args:
        function: what the task does.
        name: under which its runs are seen; by default the function's.
        message: what the state of a finished run says, made from the result: counts and reasons, as Prefect stores it.
        options: anything else that Prefect's ``task`` takes, such as ``retries``.
    """
    if function is None:
        return lambda later: _made(_with_message(later, message), name, options)
    return _made(_with_message(function, message), name, options)


def _with_message(function: Callable[P, R], message: Callable[[R], str] | None) -> Callable[P, R]:
    """The function; in a task run of its own it returns a state that has the message and holds the result."""
    if message is None:
        return function

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> Any:
        result = function(*args, **kwargs)
        context = TaskRunContext.get()
        if _PLAINLY.get() or context is None or context.task.fn is not run:
            return result
        return Completed(message=message(result), data=result)

    return run


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
