"""The outbox: what decisions send to other systems, planned once, sent until it arrived, at least once."""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import orjson

from aiops_flows.case_log import effects, outbox, questions, undelivered
from aiops_flows.case_log.effects import Due, Planned, Wanted
from aiops_flows.case_log.outbox import Attempt, Claimed
from aiops_flows.effects import Effect
from aiops_flows.errors import NotDelivered, UseCaseError
from aiops_flows.steps.automation import effects_held
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.owners import is_gone
from aiops_flows.steps.sinks import Sink, sink_at
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase
from aiops_flows.values.missing import is_missing
from aiops_flows.values.texts import scalar

__all__ = ["MOST_ATTEMPTS", "Delivered", "Plan", "deliver", "plan", "wait_after"]

MOST_ATTEMPTS: Final = 12
"""So often an effect is tried before it is given up: with the waits between, for about 15 hours."""
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=6)
_AT_ONCE: Final = 100
_RECORDED_EVERY_SECONDS: Final = 1.0  # if this process dies, only what ended since is sent again
_HOLDS_SEEN_WITHIN_SECONDS: Final = 0.25
_PATIENCE: Final = 10  # so many failures in a row say that the sink is away, and the rest keep their attempts

_logger = logging.getLogger("aiops_flows.outbox")


@dataclass(frozen=True)
class Plan:
    """What planning came to."""

    planned: int = 0
    """Effects that wait to be sent now, and did not before."""
    refused: int = 0
    """Bodies that could not be made; they are tried again at the next run."""


@dataclass(frozen=True)
class Delivered:
    """What a run of the outbox came to."""

    planned: int = 0
    """Effects that wait to be sent, or were sent, and did not before this run."""
    refused: int = 0
    """Bodies that could not be made; what is wrong stands in the run's log, and the next run tries them again."""
    delivered: int = 0
    failed: int = 0
    """Attempts that failed; each effect is tried again after a wait that grows."""
    given_up: int = 0
    waiting: int = 0
    """Effects that are still to be sent, when the run ended."""

    def __str__(self) -> str:
        told = f"{self.delivered} delivered, {self.failed} failed, {self.given_up} given up, {self.waiting} waiting"
        return told + (f", {self.refused} that could not be made" if self.refused else "")


def wait_after(failures: int) -> timedelta:
    """How long after so many failures an effect is tried again: 30 s, doubled each time, 6 hours at most."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * (1 << min(max(0, failures - 1), 20)))


def deliver(place: Workspace, use_case: UseCase, sink: Sink | str, *, names: Sequence[str] | None = None) -> Delivered:
    """Plan what decisions in force send, and send what is due; run it again and again, by as many workers as you like.

    Args:
        place: the case log.
        use_case: whose effects.
        sink: where to; a text is the URL of a webhook, or a folder.
        names: only effects of these names; by default all. For one sink each.

    Raises:
        UseCaseError: the use case has no effect of one of the names, or the sink is no URL that can be posted to.
    """
    to = sink_at(sink) if isinstance(sink, str) else sink
    made = plan(place, use_case, names=names)
    _lapse(place, use_case)
    with ThreadPoolExecutor(max_workers=_at_once(to)) as threads:
        sender = _Sender(place, use_case.name, to, names, threads)
        while sender.send_some():
            pass
    waits = undelivered.counts(place.log, use_case.name).waiting
    done = Delivered(made.planned, made.refused, sender.delivered, sender.failed, sender.given_up, waits)
    _logger.info("%s to %s: %s", use_case.name, to.name, done)
    return done


def plan(place: Workspace, use_case: UseCase, *, names: Sequence[str] | None = None) -> Plan:
    """Put into the outbox what decisions in force still have to send; again, it adds nothing.

    Raises:
        UseCaseError: the use case has no effect of one of the names.
    """
    declared = _chosen(use_case, names)
    wanted = [Wanted(effect.name, effect.verdicts, effect.since) for effect in declared.values()]
    new = faults = 0
    after = ""
    while wanted:
        found = effects.due(place.log, use_case.name, wanted, after=after, limit=place.settings.batch_size)
        if not found.decisions:
            break
        after = found.decisions[-1]["case_id"]
        bodies, refused = _planned(place, use_case, declared, found)
        new += effects.add_effects(place.log, use_case.name, bodies, actor=place.owner)
        faults += refused
    return Plan(new, faults)


def _chosen(use_case: UseCase, names: Sequence[str] | None) -> dict[str, Effect]:
    declared = {effect.name: effect for effect in use_case.effects}
    if unknown := [name for name in names or () if name not in declared]:
        raise UseCaseError(f"use case {use_case.name} has no effect {unknown}; it has {list(declared)}")
    return declared if names is None else {name: declared[name] for name in names}


def _planned(
    place: Workspace, use_case: UseCase, declared: Mapping[str, Effect], found: Due
) -> tuple[list[Planned], int]:
    """The effects of some decisions, and how many bodies could not be made."""
    rows = _rows(place, use_case, found)
    planned, faults = [], []
    for decision, row in zip(found.decisions, rows, strict=True):
        case_id, revision = decision["case_id"], decision["revision"]
        for name in decision["names"]:
            replaces, before = found.earlier.get((case_id, name), (None, None))
            try:
                body = _body(declared[name], {**row, "replaces": replaces})
            except Exception as fault:  # noqa: BLE001  code of the user's: it must not stop the other decisions
                faults.append(f"{name}: {type(fault).__name__}")
                continue
            planned.append(Planned(case_id, revision, name, None if body == before else body, replaces))
    if faults:  # without what the fault says: it may quote the case
        told = {fault: faults.count(fault) for fault in faults}
        _logger.warning("%s: bodies that could not be made, by effect and fault: %s", use_case.name, told)
    return planned, len(faults)


def _body(effect: Effect, row: Mapping[str, Any]) -> str | None:
    said = effect.body(row)
    if said is None:
        return None
    if not isinstance(said, Mapping):
        raise UseCaseError(f"the body of effect {effect.name} is a {type(said).__name__}; expected a mapping or None")
    return orjson.dumps(dict(said), option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY).decode()


def _rows(place: Workspace, use_case: UseCase, found: Due) -> list[dict[str, Any]]:
    """For each decision the row that bodies are made of, in the order of the decisions."""
    ids = [decision["case_id"] for decision in found.decisions]
    stored = questions.cases(place.log, use_case.name, case_ids=ids)
    cases = stored_frame(use_case.case, stored).drop(columns="batch")
    of_case = {row["case_id"]: _plain(row) for row in cases.to_dict("records")}
    specs = [(spec.name, spec.output, spec.kind == "writer") for spec in use_case.models]
    return [
        of_case[decision["case_id"]]
        | _outputs(specs, found, decision["case_id"])
        | {name: decision["terms"].get(name) for name in use_case.terms}
        | _decided(decision)
        for decision in found.decisions
    ]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The row with Python's own types; a missing value is None."""
    return {str(name): _plain_value(value) for name, value in row.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, (list, tuple, dict, set)):
        return value
    return None if is_missing(value) else scalar(value)


def _decided(decision: Mapping[str, Any]) -> dict[str, Any]:
    told = {"verdict_by": "actor_kind", "verdict_reason": "reason"}
    names = {name: name for name in ("verdict", "actor", "revision")} | told
    return {name: decision[source] for name, source in names.items()}


def _outputs(specs: Sequence[tuple[str, str, bool]], found: Due, case_id: str) -> dict[str, Any]:
    """What the person who decided said is true, else what the models predicted; of a writing its text."""
    row: dict[str, Any] = {"stated": [output for _, output, _ in specs if (case_id, output) in found.said]}
    for model, output, writes in specs:
        value, confidence, version = found.predictions.get((case_id, model), (None, None, None))
        writing = {"text": value} if writes and isinstance(value, str) else value
        said = writing["text"] if writes and writing else value
        row |= {output: found.said.get((case_id, output), said)}
        row |= {f"{output}_confidence": confidence, f"{output}_version": version}
        row |= {f"{output}_writing": writing} if writes else {}
    return row


def _lapse(place: Workspace, use_case: UseCase) -> None:
    """Take up at once what processes of this machine that are gone had claimed."""
    for owner in outbox.owners(place.log, use_case.name):
        if is_gone(owner.rpartition("/")[0]):
            outbox.lapse(place.log, use_case.name, owner)


def _at_once(sink: Sink) -> int:
    """How many messages a sink takes at the same time: 1, where it does not say."""
    return max(1, getattr(sink, "at_once", 1))


class _Sender:
    """One worker that claims effects, sends them and records how it went."""

    def __init__(
        self, place: Workspace, use_case: str, sink: Sink, names: Sequence[str] | None, threads: ThreadPoolExecutor
    ) -> None:
        self._place = place
        self._use_case = use_case
        self._sink = sink
        self._names = names
        self._threads = threads
        self._owner = f"{place.owner}/{uuid.uuid4().hex[:8]}"
        self._in_a_row = 0
        self._held = ""
        self._look_again = 0.0
        self.delivered = self.failed = self.given_up = 0

    def send_some(self) -> bool:
        """Claim some effects and send them; False where nothing is due, or the sink seems to be away."""
        if self._is_held():
            return False
        seconds = self._place.settings.lease_seconds
        claimed = outbox.claim(
            self._place.log, self._use_case, owner=self._owner, seconds=seconds, limit=_AT_ONCE, names=self._names
        )
        until = time.monotonic() + seconds / 2  # what is sent after the claim ran out may be sent by two at once
        left = deque(claimed)
        try:
            self._send(left, until)
        finally:
            outbox.release(self._place.log, self._use_case, [each.effect_id for each in left], owner=self._owner)
        return bool(claimed) and not self._stops()

    def _stops(self) -> bool:
        """Whether nothing more is to be sent now: the sink seems to be away, or a hold stops effects."""
        return self._is_away or self._is_held()

    def _is_held(self) -> bool:
        """Whether a hold stops effects, as it was at most a moment ago."""
        now = time.monotonic()
        if now >= self._look_again:
            self._held = effects_held(self._place.log, self._use_case)
            self._look_again = now + _HOLDS_SEEN_WITHIN_SECONDS
        return bool(self._held)

    @property
    def _is_away(self) -> bool:
        return self._in_a_row >= _PATIENCE

    def _send(self, left: deque[Claimed], until: float) -> None:
        """Send what is left, several at the same time, and record what ended: nothing waits for the slowest call."""
        sending: set[Future[Attempt]] = set()
        ended: list[Attempt] = []
        recorded = time.monotonic()
        try:
            while sending or left:
                while left and len(sending) < _at_once(self._sink) and time.monotonic() < until and not self._stops():
                    sending.add(self._threads.submit(self._try, left.popleft()))

                if not sending:
                    break

                patience = max(0.0, recorded + _RECORDED_EVERY_SECONDS - time.monotonic()) if ended else None
                done, sending = wait(sending, timeout=patience, return_when=FIRST_COMPLETED)
                for each in done:
                    ended.append(each.result())
                    self._count(ended[-1])

                if ended and time.monotonic() >= recorded + _RECORDED_EVERY_SECONDS:
                    self._record(ended)
                    ended = []
                    recorded = time.monotonic()
        finally:
            self._record([*ended, *(each.result() for each in sending)])

    def _record(self, ended: Sequence[Attempt]) -> None:
        outbox.record(self._place.log, self._use_case, ended, sink=self._sink.name, owner=self._owner)

    def _count(self, attempt: Attempt) -> None:
        self.delivered += attempt.state == "delivered"
        self.failed += attempt.state == "failed"
        self.given_up += attempt.state == "given up"
        self._in_a_row = 0 if attempt.state == "delivered" else self._in_a_row + (attempt.state == "failed")

    def _try(self, effect: Claimed) -> Attempt:
        """Send one effect; how it ended."""
        if effect.lost >= MOST_ATTEMPTS:
            return Attempt(effect.effect_id, "given up", f"{effect.lost} workers were lost while they sent it")
        try:
            self._sink.send(effect.effect_id, _message(self._use_case, effect))
        except NotDelivered as refused:
            return _failed(effect, str(refused), for_good=refused.for_good)
        except Exception as fault:  # noqa: BLE001  a sink of the user's: its text may quote the message
            return _failed(effect, f"the sink failed: {type(fault).__name__}", for_good=False)
        return Attempt(effect.effect_id, "delivered")


def _failed(effect: Claimed, reason: str, *, for_good: bool) -> Attempt:
    failures = effect.failures + 1
    if for_good or failures >= MOST_ATTEMPTS:
        return Attempt(effect.effect_id, "given up", reason)
    return Attempt(effect.effect_id, "failed", reason, wait_after(failures))


def _message(use_case: str, effect: Claimed) -> bytes:
    """What is sent, the same at every attempt: the effect's id, what it is about, and its body."""
    about = ("effect_id", "name", "case_id", "revision", "verdict", "replaces", "planned_at")
    said = {"use_case": use_case, **{name: getattr(effect, name) for name in about}}
    return orjson.dumps({**said, "body": orjson.loads(effect.body)}, option=orjson.OPT_SORT_KEYS)
