"""The check of effects: each leaves, always the same under its id, and a second run sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from aiops_flows.case_log import effects as planned
from aiops_flows.errors import NotDelivered
from aiops_flows.steps.outbox import deliver
from aiops_flows.testing.report import CheckResult, failed, passed, unproved
from aiops_flows.testing.scene import Scene

__all__ = ["effects_once"]

_LATER = timedelta(hours=1)


@dataclass
class _Forgetful:
    """A sink that takes every effect, and the first time does not say so."""

    at_once: ClassVar[int] = 1
    name: str = "conformance"
    taken: dict[str, list[bytes]] = field(default_factory=dict)

    def send(self, effect_id: str, message: bytes) -> None:
        """Keep the message; the answer to its first coming is lost.

        Raises:
            NotDelivered: it came for the first time.
        """
        came = self.taken.setdefault(effect_id, [])
        came.append(message)
        if len(came) == 1:
            raise NotDelivered("the answer was lost")


def effects_once(scene: Scene) -> CheckResult:
    """Each effect of each decision arrives though answers are lost, with the same message; nothing leaves unasked."""
    name, use_case, place = "effects once", scene.use_case, scene.work
    if not use_case.effects:
        return passed(name, "it declares no effect, so nothing leaves")
    decided, sink = scene.decided, _Forgetful()
    refused, waiting = 0, 1
    for _ in range(len(decided)):
        done = deliver(place, use_case, sink)
        refused, waiting = done.refused, done.waiting
        scene.clock.moment += _LATER  # what failed waits by the log's clock
        if not waiting:
            break
    sent = sum(map(len, sink.taken.values()))
    once_more = deliver(place, use_case, sink)
    due = {effect_id for effect_id, body in planned.known_ids(place.log, use_case.name).items() if body is not None}
    changed = sum(len(set(messages)) > 1 for messages in sink.taken.values())
    figures = {"effects": len(due), "arrived": len(sink.taken), "sent": sent, "refused": refused}
    broken = [f"{refused} messages could not be made: a body fails on a decided case"] if refused else []
    broken += [f"{len(due - sink.taken.keys())} effects never arrived"] if due - sink.taken.keys() else []
    broken += [f"{changed} effects changed their message under the same id"] if changed else []
    broken += [f"{once_more.delivered} effects were sent once more"] if once_more.delivered else []
    if broken:
        return failed(name, "; ".join(broken), figures)
    if not due:
        return unproved(name, "no decision of these cases calls for an effect", figures)
    told = f"{len(due)} effects arrived though every first answer was lost, each with one message under one id"
    return passed(name, told, figures)
