"""Lives that end at every SQL event in turn, each in a process of its own, and are then lived to the end.

Prints how many points there were, and every one after which the log was not what it should be.
"""

from __future__ import annotations

import os
import sys

from sqlalchemy import event

from aiops_flows.case_log import CaseLog
from tests.integration.case_log.life import LIVED, counted, is_whole, live

_EVENTS = ("before_cursor_execute", "after_cursor_execute", "commit")
KILLED = 9


def dying(log: CaseLog, number: int) -> list[int]:
    """The process ends at the n-th SQL event from now on; the list counts them."""
    seen = [0]

    def on_event(*_args: object) -> None:
        seen[0] += 1
        if seen[0] == number:
            os._exit(KILLED)

    for name in _EVENTS:
        event.listen(log.engine, name, on_event)
    return seen


def die(url: str, use_case: str, number: int) -> bool:
    """Whether a life, lived in a child process, ended at its n-th SQL event; else it came to its end."""
    child = os.fork()
    if child == 0:
        log = CaseLog.open(url)
        dying(log, number)
        live(log, use_case)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def main(url: str) -> None:
    """Die at every point, live again, compare."""
    CaseLog.open(url).close()
    points = 0
    while die(url, f"claims-{points}", points + 1):
        points += 1
    with CaseLog.open(url) as log:
        for number in range(points):
            live(log, f"claims-{number}")
            if (counts := counted(log, f"claims-{number}")) != LIVED:
                print(f"point {number + 1}: {counts}")  # noqa: T201
        print(points, "whole" if is_whole(log) else "broken")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
