"""Being told of every statement and commit of a log, for drills that die at one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import event

from aiops_flows.case_log.log import CaseLog

__all__ = ["Happening", "notice"]

Happening = Literal["begin", "statement", "commit"]


def notice(log: CaseLog, told: Callable[[Happening], None]) -> None:
    """From now on, ``told`` is called before each transaction, statement and commit of this process on the log.

    At ``begin`` no lock is held yet.
    """

    def on_begin(*_connection: Any) -> None:
        told("begin")

    def on_statement(*_said: Any) -> None:
        told("statement")

    def on_commit(_connection: Any) -> None:
        told("commit")

    event.listen(log.engine, "checkout", on_begin)  # the event "begin" comes after the statement of that name
    event.listen(log.engine, "before_cursor_execute", on_statement)
    event.listen(log.engine, "commit", on_commit)
