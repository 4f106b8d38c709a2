"""The business flow, kept warm, and the one thread that calls it: with micro-batches, the inbox, and what was left."""

from __future__ import annotations

import inspect
import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiops_flows.case_log import leases
from aiops_flows.case_log.stopped import stopped, stored_digests
from aiops_flows.errors import AiopsError, UseCaseError
from aiops_flows.private_files import private_folder
from aiops_flows.serving.answers import Answer, Looked, answers_of, failed, look_at, of_frame, waits
from aiops_flows.serving.arrivals import Arrival, Arrivals
from aiops_flows.serving.figures import Figures
from aiops_flows.steps.delivery import SeparateRows
from aiops_flows.steps.halving import in_halves
from aiops_flows.steps.sources import inbox_files
from aiops_flows.steps.workspace import Workspace
from aiops_flows.tasks.batches import without_runs
from aiops_flows.use_case import UseCase

__all__ = ["Limits", "Resident", "use_case_of"]

_logger = logging.getLogger("aiops_flows.serving")
_LOOK_FOR_LEFT_SECONDS = 30.0
_AFTER_FAILURE_SECONDS = 1.0


@dataclass(frozen=True)
class Limits:
    """How many cases go together, and how many may wait."""

    at_most: int = 32
    """Cases in a micro-batch."""
    within: float = 0.0
    """Seconds that a case waits for others to come; those that come while the flow is busy go together anyway."""
    waiting: int = 1_000
    """Cases that may wait for their turn; more are refused until there is room."""
    look: float = 1.0
    """Seconds between two looks into the inbox."""


@dataclass
class Resident:
    """A business flow that takes cases as they come.

    ``run`` belongs to one thread; everything else may be called from any.
    """

    flow: Callable[..., Any]
    """The business flow: a Prefect flow, or a function; it takes a source and gives the frame of `review`."""
    use_case: UseCase
    inbox: Path | None = None
    limits: Limits = field(default_factory=Limits)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What the flow takes beside the source."""
    figures: Figures = field(default_factory=Figures)

    def __post_init__(self) -> None:
        self._function: Callable[..., Any] = getattr(self.flow, "fn", self.flow)
        if inspect.iscoroutinefunction(self._function):
            raise UseCaseError("an asynchronous flow cannot be kept resident; write it as a plain function")
        self.arrivals = Arrivals(self.limits.waiting)
        self._next_look = self._next_left = 0.0

    def accept(self, rows: Sequence[Mapping[str, Any]]) -> list[Arrival] | None:
        """The rows, waiting for their answers; None where there is no room for all of them now."""
        return self.arrivals.accept(rows)

    def warm_up(self) -> None:
        """Load what the flow needs by calling it with no cases; what fails for every case fails now.

        Raises:
            UseCaseError: the flow gives no frame with verdicts.
        """
        with without_runs():
            of_frame(self.use_case, self._called([]))

    def run(self) -> None:
        """Work until the arrivals are closed and the last of them is answered; first on what was left behind."""
        with without_runs():
            self._look_around()
            while True:
                patience = max(0.0, min(self._next_look, self._next_left) - time.monotonic())
                batch = self.arrivals.next_batch(
                    at_most=self.limits.at_most, within=self.limits.within, patience=patience
                )
                if batch:
                    self._answer(batch)
                elif self.arrivals.closed:
                    return
                self._look_around()

    # --- micro-batches ---------------------------------------------------------------------------------------------

    def _answer(self, batch: Sequence[Arrival]) -> None:
        """Work on a micro-batch and answer each of its rows, whatever happens."""
        answers = self._answers([look_at(self.use_case.case, arrival.row) for arrival in batch])
        now = time.monotonic()
        self.figures.add(answers, [now - arrival.since for arrival in batch])
        for arrival, answer in zip(batch, answers, strict=True):
            if not arrival.answer.cancelled():
                arrival.answer.set_result(answer)

    def _answers(self, looked: Sequence[Looked]) -> list[Answer]:
        """What became of each row; a row at which the flow fails is found, the others are answered."""
        said: dict[int, Answer] = {}
        try:
            aside = self._set_aside([str(each.case_id) for each in looked if not each.refusal])
        except AiopsError as fault:
            return self._not_now(looked, fault)
        for at, each in enumerate(looked):
            if (case_id := str(each.case_id)) in aside and not each.refusal:
                said[at] = waits(case_id, aside[case_id])
        places = [at for at in range(len(looked)) if at not in said]

        def ask(start: int, end: int) -> None:
            part = places[start:end]
            said.update(zip(part, self._through([looked[at] for at in part]), strict=True))

        for place, kind in in_halves(ask, len(places)).items():
            reason = f"the flow failed on it with {kind}; it is tried again, and goes to a person if that fails too"
            said[places[place]] = failed(looked[places[place]], reason)
        return [said[at] for at in range(len(looked))]

    def _set_aside(self, case_ids: list[str]) -> Mapping[str, str]:
        """Cases that stopped their workers before: they are not tried again, whoever sends them."""
        return stopped(Workspace.here().log, self.use_case.name, case_ids) if case_ids else {}

    def _through(self, looked: Sequence[Looked]) -> list[Answer]:
        """The rows through the flow. What the flow's own code raises is raised; what passes by itself is answered."""
        try:
            frame = self._called(SeparateRows(dict(each.row) for each in looked))
            return answers_of(self.use_case, looked, frame, self._stored)
        except (AiopsError, OSError) as fault:
            return self._not_now(looked, fault)
        except Exception as fault:
            self._failed(f"a micro-batch of {len(looked)} cases", fault)
            raise

    def _not_now(self, looked: Sequence[Looked], fault: Exception) -> list[Answer]:
        """The answers where the case log, a lease or a disk failed: the same may be tried later."""
        _logger.warning("not done now: %s; %d cases may be sent again", _where(fault), len(looked))
        self.figures.add_failure()
        return [failed(each, f"not done now ({type(fault).__name__}); send it again") for each in looked]

    def _stored(self, case_ids: list[str]) -> Mapping[str, str]:
        return stored_digests(Workspace.here().log, self.use_case.name, case_ids)

    def _called(self, source: Any) -> Any:
        return self._function(source, **self.parameters)

    def _failed(self, what: str, fault: Exception) -> None:
        """Say where it failed, without the words of the error, which may quote a case; let go of what is in hand."""
        _logger.error("%s: the flow failed: %s", what, _where(fault))
        self.figures.add_failure()
        place = Workspace.here()
        with suppress(AiopsError):  # else the leases run out by themselves
            leases.lapse(place.log, self.use_case.name, place.owner)
        self._next_look = self._next_left = time.monotonic() + _AFTER_FAILURE_SECONDS

    # --- the inbox, and batches whose worker is gone ---------------------------------------------------------------

    def _look_around(self) -> None:
        """Take the files that wait in the inbox and, every half minute, batches whose worker is gone."""
        now = time.monotonic()
        left_is_due, look_is_due = now >= self._next_left, now >= self._next_look
        if look_is_due:
            self._next_look = now + (self.limits.look if self.inbox else _LOOK_FOR_LEFT_SECONDS)
        if left_is_due or (look_is_due and self.inbox and inbox_files(self.inbox)):
            self._next_left = now + _LOOK_FOR_LEFT_SECONDS
            Workspace.here().log.checkpoint()
            self._look()

    def _look(self) -> None:
        """One call of the flow with the folder: intake takes the files, or what was left behind."""
        try:
            done = of_frame(self.use_case, self._called(str(self._folder())))
        except (AiopsError, OSError) as fault:
            self._not_now([], fault)
        except Exception as fault:  # noqa: BLE001  the user's flow may raise anything, and the others must be served
            self._failed("what was in the inbox, or was left behind", fault)
        else:
            if done:
                self.figures.add(done)
                self._next_look = self._next_left = 0.0  # there may be more

    def _folder(self) -> Path:
        """The inbox; without one, an empty folder of our own."""
        if self.inbox:
            return self.inbox
        folder = Workspace.here().settings.folder / "serving" / self.use_case.name / "inbox"
        return private_folder(folder)


def _where(fault: BaseException) -> str:
    """The kind of an error and the line of code that raised it, without its words."""
    last = traceback.extract_tb(fault.__traceback__)[-1:]
    return f"{type(fault).__name__}" + "".join(f" at {Path(line.filename).name}:{line.lineno}" for line in last)


def use_case_of(flow: Any) -> UseCase:
    """The use case that stands beside a flow in its module.

    Raises:
        UseCaseError: there is none, or more than one.
    """
    module = sys.modules.get(getattr(getattr(flow, "fn", flow), "__module__", ""))
    found = {id(each): each for each in vars(module).values() if isinstance(each, UseCase)} if module else {}
    if len(found) != 1:
        names = sorted(each.name for each in found.values())
        raise UseCaseError(f"the flow's module has {names or 'no use case'}; name one with --use-case")
    return next(iter(found.values()))
