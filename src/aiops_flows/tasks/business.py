"""The tasks of a business flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiops_flows.steps import inference, outbox, outcomes
from aiops_flows.steps import intake as taking_in
from aiops_flows.steps import review as reviewing
from aiops_flows.steps.intake_report import report_of
from aiops_flows.steps.trying import tried
from aiops_flows.steps.workspace import Workspace
from aiops_flows.tasks.batches import batch_task
from aiops_flows.use_case import ModelSpec, UseCase, load_use_case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from aiops_flows.case_log.writes import Decision, Reading
    from aiops_flows.steps.sinks import Sink
    from aiops_flows.steps.sources import Source

__all__ = ["decide", "deliver", "intake", "predict", "record_outcomes", "review"]


def _loaded(use_case: UseCase | str) -> UseCase:
    return load_use_case(use_case) if isinstance(use_case, str) else use_case


def _intake_message(cases: pd.DataFrame) -> str:
    return str(report_of(cases))


@batch_task(message=_intake_message)
def intake(use_case: UseCase | str, source: Source, *, history: bool = False) -> pd.DataFrame:
    """The cases of a file, inbox folder, frame, rows or query, stored once, as a frame.

    Columns added: ``case_id``, ``batch``, ``received_at`` and the fields of the case type.
    Rows that do not hold to the case type, and conflicts with stored cases, go to quarantine with the reason.
    With ``history`` the cases were decided elsewhere before: they are only learned from. Many rows: give a frame, since
    Prefect walks through a list row by row. The task run's message says how many rows went to quarantine, and what was
    left out of the source.

    Raises:
        SourceError: the source cannot be read, or lacks a column that every case needs.
        BatchBusy: another live worker has the same batch in hand.
    """
    return taking_in.take_in(Workspace.here(), tried(_loaded(use_case)), source, history=history)


@batch_task
def predict(use_case: UseCase | str, model: ModelSpec | str, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with what the model's champion says of them; a challenger answers beside it, without effect.

    Columns read: the model's features. Columns added: ``{output}``, ``{output}_confidence``, ``{output}_version``,
    ``{output}_note``. Without a loadable champion the answer is missing and the note says why.
    """
    return inference.predict(Workspace.here(), tried(_loaded(use_case)), model, cases)


@batch_task
def review(use_case: UseCase | str, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with their verdict: by policy where it may decide, else a review is opened for a person.

    A share of what policy decides is put to a person as well (the audit lane); its decision stands meanwhile.
    Columns read: what the policy's rules read. Columns added: ``verdict`` (None while a person must answer),
    ``verdict_reason``, ``verdict_by``, and the use case's terms (while a person must answer, as they are proposed).
    """
    return reviewing.review(Workspace.here(), tried(_loaded(use_case)), cases)


@batch_task
def decide(
    use_case: UseCase | str,
    case_id: str,
    *,
    verdict: str,
    reason: str,
    actor: str,
    replaces: int | None = None,
    seconds: float | None = None,
    channel: str = "python",
    outcomes: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
) -> Decision | Reading:
    """A person's answer to what is open of a case: the decision that is asked for, else a reading in the audit lane.

    A reading leaves the decision as it is; where an audit says another verdict than policy, ``reading.decision`` is
    the correction. ``seconds`` is how long the person took, where that is known; ``outcomes`` is what the person says
    is true of the case, by model output (a label, a number, or the text made of a writing): known from now on.
    ``terms`` is what the decision says beyond its verdict, such as ``{"order": 120}``; what is not said stays as it was
    proposed.

    Raises:
        UseCaseError: the policy does not know the verdict, reason or actor is empty, or an outcome or term cannot be.
        CaseUnknown: no such case.
        AlreadyDecided: it is decided, nothing is open, and ``replaces`` does not name that decision's revision.
        ConflictingWrite: who decided the case cannot read it a second time.
    """
    return reviewing.decide(
        Workspace.here(),
        _loaded(use_case),
        case_id,
        verdict=verdict,
        reason=reason,
        actor=actor,
        replaces=replaces,
        seconds=seconds,
        channel=channel,
        outcomes=outcomes,
        terms=terms,
    )


@batch_task
def record_outcomes(use_case: UseCase | str, source: Source) -> outcomes.OutcomesRecorded:
    """Store what turned out true of cases, from a file, inbox folder, frame, rows or query, once.

    Columns read: ``case_id`` (or its name in the source), one per model output, ``event_at``, ``known_at``.

    Raises:
        SourceError: the source cannot be read, names no case, or tells no outcome.
    """
    return outcomes.record_outcomes(Workspace.here(), _loaded(use_case), source)


@batch_task
def deliver(use_case: UseCase | str, sink: Sink | str, *, names: Sequence[str] | None = None) -> outbox.Delivered:
    """Send what decisions have to tell other systems: each effect at least once, always under the same effect id.

    What is due is found by what is missing in the case log, so a run that died, or never came, is made up for by the
    next one. A ``sink`` that is a text is the URL of a webhook, or a folder; ``names`` sends only effects of these
    names. Nothing is lost where the sink is away: it waits, is tried again after growing pauses, and is given up after
    12 attempts (``aiops-flows effects list`` shows it).

    Raises:
        UseCaseError: the use case has no effect of one of the names, or the sink is no URL that can be posted to.
    """
    return outbox.deliver(Workspace.here(), _loaded(use_case), sink, names=names)
