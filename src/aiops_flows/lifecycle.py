"""The supplied flows: what every use case needs through the life of its models, and nobody should write again.

Each takes the use case as a path such as ``flows.claims:CLAIMS``, so that a deployment can carry it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import Field

from aiops_flows.case_log.alarms import Alarm
from aiops_flows.case_log.writes import Decision
from aiops_flows.drift import DriftReport
from aiops_flows.errors import TrainingError, UseCaseError
from aiops_flows.gate_results import gate_table
from aiops_flows.steps import drifting, promotion, training, watching
from aiops_flows.steps import recall as recalling
from aiops_flows.steps.alarms import open_alarms
from aiops_flows.steps.health import certificate_row
from aiops_flows.steps.quality import quality
from aiops_flows.steps.sinks import refuse_stored_secret, sink_at
from aiops_flows.steps.trying import tried
from aiops_flows.steps.workspace import Workspace
from aiops_flows.tasks import business
from aiops_flows.use_case import UseCase, load_use_case

__all__ = [
    "ALARM_EVENT",
    "DRIFT_EVENT",
    "answer_review",
    "approve_promotion",
    "check_drift",
    "deliver_effects",
    "monitor",
    "promote",
    "recall",
    "record_outcomes",
    "retrain",
    "rollback",
]

DRIFT_EVENT = "aiops.drift.detected"
"""The Prefect event sent when what arrives is first found to have drifted from what a champion learned from."""

ALARM_EVENT = "aiops.alarm.raised"
"""The Prefect event sent once for each alarm that is raised."""

Name = Annotated[str, Field(min_length=2, max_length=100)]
Reason = Annotated[str, Field(min_length=2, max_length=1_000)]
Version = Annotated[int, Field(ge=1)]
Label = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\w(][\w .,;:&/'()+#%-]*$")]

_train = task(name="train", cache_policy=NO_CACHE, persist_result=False)(training.retrain)
_promote = task(name="promote", cache_policy=NO_CACHE, persist_result=False)(promotion.promote)
_rollback = task(name="rollback", cache_policy=NO_CACHE, persist_result=False)(promotion.rollback)
_recall = task(name="recall", cache_policy=NO_CACHE, persist_result=False)(recalling.recall)
_measure = task(name="measure-drift", cache_policy=NO_CACHE, persist_result=False)(drifting.check_drift)
_monitor = task(name="monitor", cache_policy=NO_CACHE, persist_result=False)(watching.monitor)


@flow(name="retrain", persist_result=False)
def retrain(
    use_case: str, model: str | None = None, promote_after: bool = True, as_of: datetime | None = None
) -> State[Any]:
    """Train a challenger for one model, or each of them; judge it; and promote it if every gate passes.

    A refused challenger is a result: the run ends "Completed" and its message says what became of each model.
    """
    place, declared = Workspace.here(), tried(load_use_case(use_case))
    said: list[str] = []
    for spec in [declared.model(model)] if model else training.in_order(declared):
        try:
            made = _train(place, declared, spec, as_of=as_of)
        except TrainingError as fault:
            get_run_logger().warning("%s", fault)
            said.append(f"{spec.name}: not trained ({fault})")
            continue
        _show_gates(place, made)
        said.append(str(_promote(place, declared, spec, version=made.version)) if promote_after else _waiting(made))
    return Completed(message="; ".join(said))


def _waiting(made: training.Retrained) -> str:
    return f"{made.model} version {made.version}: {'passed' if made.passed else 'refused by'} its gates" + (
        "" if made.passed else f" ({'; '.join(made.reasons)})"
    )


def _show_gates(place: Workspace, made: training.Retrained) -> None:
    """The gate table and a link to the version, in the Prefect UI."""
    key = f"{made.model}-gates"
    create_table_artifact(key=key, table=gate_table(made.results), description=f"{made.model} version {made.version}")
    link = place.registry.url_of(made.model, made.version)
    create_link_artifact(key=f"{made.model}-version", link=link, link_text=f"{made.model} version {made.version}")


@flow(name="check-drift", persist_result=False)
def check_drift(use_case: str, as_of: datetime | None = None) -> State[Any]:
    """Compare what arrives with what each champion learned from; new drift sends the event a retraining waits for.

    The event is sent once for a champion, and again only after a check in between found no drift.
    """
    place, declared = Workspace.here(), load_use_case(use_case)
    standing = {alarm.number for alarm in open_alarms(place, declared)}
    checks = _measure(place, declared, as_of=as_of)
    for check in checks:
        if check.report is not None:
            create_table_artifact(
                key=f"{check.model}-drift",
                table=_drift_table(check.report),
                description=f"{check.model}: {check.summary}. {check.reason}",
            )
            _show_actions(check)
        news = drifting.is_news(place, declared, check)
        _keep_report(place, declared, check)
        if news:
            emit_event(
                event=DRIFT_EVENT,
                resource={"prefect.resource.id": f"aiops.model.{check.model}", "aiops.use-case": declared.name},
                payload={
                    "use_case": use_case,
                    "model": check.model,
                    "version": check.version,
                    "reason": check.reason,
                },
            )
    _announce(use_case, declared, [alarm for alarm in open_alarms(place, declared) if alarm.number not in standing])
    return Completed(message="; ".join(f"{check.model}: {check.summary}" for check in checks))


def _show_actions(check: drifting.DriftCheck) -> None:
    """What the champion says compared with what it said before, and what follows from all that was found."""
    if check.predictions is not None:
        create_table_artifact(
            key=f"{check.model}-prediction-drift",
            table=_drift_table(check.predictions),
            description=f"what {check.model} says: {check.predictions.verdict}",
        )
    create_table_artifact(
        key=f"{check.model}-actions",
        table=[action.as_row() for action in check.actions],
        description=f"{check.model}: what was found, what follows, and why; empty where nothing was found",
    )


def _announce(path: str, use_case: UseCase, raised: Sequence[Alarm]) -> None:
    """Send an event for each alarm that is new; its reason holds figures and names of columns, never a case."""
    for alarm in raised:
        get_run_logger().warning("alarm %d: %s of %s: %s", alarm.number, alarm.kind, alarm.model, alarm.action)
        emit_event(
            event=ALARM_EVENT,
            resource={"prefect.resource.id": f"aiops.model.{alarm.model}", "aiops.use-case": use_case.name},
            payload={
                "use_case": path,
                "number": alarm.number,
                "model": alarm.model,
                "version": alarm.version,
                "kind": alarm.kind,
                "action": alarm.action,
            },
        )


def _drift_table(report: DriftReport) -> list[dict[str, Any]]:
    """One row a column: how far it moved, and how far it may."""
    shown = ("name", "method", "distance", "limit", "drifted", "missing_reference", "missing_current", "new_values")
    return [{name: getattr(column, name) for name in shown} for column in report.columns]


def _keep_report(place: Workspace, use_case: UseCase, check: drifting.DriftCheck) -> None:
    """Evidently's report as an artifact of the champion, and linked in the Prefect UI."""
    if check.rendered is None or check.version is None:
        return
    drifting.keep_report(place, use_case, check)
    link = place.registry.url_of(check.model, check.version)
    create_link_artifact(key=f"{check.model}-drift-report", link=link, link_text=f"drift of {check.model}")


@flow(name="monitor", persist_result=False)
def monitor(use_case: str) -> State[Any]:
    """The standing watch on the live champion, and the figures of the use case as tables in the Prefect UI.

    What follows from the watch is done (`aiops_flows.steps.watching.monitor`); each new alarm sends an event.
    """
    place, declared = Workspace.here(), load_use_case(use_case)
    health = _monitor(place, declared)
    _show_health(place, declared, health)
    _announce(use_case, declared, health.raised)
    waiting = health.counts.get("open_reviews", 0)
    told = [f"{waiting} reviews open", f"{health.overdue} overdue", f"{len(health.alarms)} alarms open"]
    said = ", ".join([*told, f"{len(health.broken)} findings"])
    return Completed(message=f"{health.automation}; {said}" if health.automation else said)


def _show_health(place: Workspace, use_case: UseCase, health: watching.UseCaseHealth) -> None:
    """Health, certificate, watch, quality by month and open alarms as tables; none of them holds a case."""
    months = [each.as_row() for each in quality(place, use_case)]
    certificate = [{"what": what, "value": value} for what, value in certificate_row(health.certificate).items()]
    hidden = {"evidence", "segment"}  # a segment is a value of cases
    alarms = [{what: str(told) for what, told in vars(alarm).items() if what not in hidden} for alarm in health.alarms]
    tables: dict[str, tuple[list[dict[str, Any]], str]] = {
        "health": (health.table(), f"How {use_case.name} does"),
        "certificate": (certificate, "How much may be decided without a person, and until when"),
        "quality": (months, "Decisions without a person: estimated from the audit lane, by outcomes once mature"),
        "watch": ([each.as_row() for each in health.watched], "The live champion against what was certified"),
        "alarms": (alarms, "Alarms that nobody has cleared"),
    }
    for name, (table, description) in tables.items():
        create_table_artifact(key=f"{use_case.name}-{name}", table=table, description=description)


@flow(name="promote", persist_result=False)
def promote(use_case: str, model: str, version: int | None = None, proposer: str | None = None) -> State[Any]:
    """Make a challenger champion if its gates passed and its approval is there; else say why not."""
    declared = load_use_case(use_case)
    result = _promote(Workspace.here(), declared, declared.model(model), version=version, proposer=proposer)
    return Completed(message=str(result))


@flow(name="approve-promotion", persist_result=False)
def approve_promotion(use_case: str, model: str, version: Version, your_name: Name, comment: str = "") -> State[Any]:
    """Approve a version of a model under your name, and promote it.

    Args:
        use_case: path of the use case, such as flows.claims:CLAIMS
        model: name of the model
        version: the version whose gate table and drift report you have looked at
        your_name: it is kept with the approval; where four eyes are asked for you must not have trained or proposed it
        comment: why; Prefect keeps it in clear, so no customer's data here
    """
    place, declared = Workspace.here(), load_use_case(use_case)
    promotion.approve(place, declared, model, version, approver=your_name, comment=comment, channel="prefect")
    return Completed(message=str(_promote(place, declared, declared.model(model), version=version)))


@flow(name="answer-review", persist_result=False)
def answer_review(
    use_case: str,
    case_id: str,
    verdict: str,
    reason: Reason,
    your_name: Name,
    replaces: int | None = None,
    *,
    says: dict[Name, Label] | None = None,
    terms: dict[Name, bool | float | Label] | None = None,
) -> State[Any]:
    """Answer one case under your name.

    Args:
        use_case: path of the use case, such as flows.claims:CLAIMS
        case_id: the case; `aiops-flows review list` names those that wait
        verdict: one of the policy's verdicts
        reason: why; Prefect keeps it in clear, so no customer's data here
        your_name: it is kept with the decision
        replaces: for a correction, the revision of the decision that yours replaces
        says: what is true of the case, as output and label; labels only, since Prefect keeps them in clear
        terms: what your decision says beyond the verdict, such as order and 120; the rest stays as it was proposed
    """
    declared, told = load_use_case(use_case), dict(says or {})
    if other := [model.output for model in declared.models if model.output in told and model.kind != "classifier"]:
        raise UseCaseError(
            f"{other} of {declared.name} are no labels, and Prefect keeps what is typed here in clear; say them with "
            "aiops-flows review answer --says"
        )
    answer = business.decide(
        declared,
        case_id,
        verdict=verdict,
        reason=reason,
        actor=your_name,
        replaces=replaces,
        channel="prefect",
        outcomes=told,
        terms=terms,
    )
    what = f"decision {answer.revision} of this case is stored" if isinstance(answer, Decision) else str(answer)
    return Completed(message=what)


@flow(name="rollback", persist_result=False)
def rollback(use_case: str, model: str, reason: str, to: int | None = None, actor: str | None = None) -> State[Any]:
    """Make an earlier champion champion again; the present one is withdrawn."""
    result = _rollback(Workspace.here(), load_use_case(use_case), model, to=to, reason=reason, actor=actor)
    return Completed(message=str(result))


@flow(name="recall", persist_result=False)
def recall(use_case: str, model: str, version: int) -> State[Any]:
    """Find every case that a withdrawn version decided, decide it again, and put to people what would change."""
    done = _recall(Workspace.here(), load_use_case(use_case), model, version)
    create_table_artifact(
        key=f"{done.model}-recall", table=[done.__dict__], description="What the recall found and did"
    )
    told = f"{done.found} found, {done.confirmed} confirmed, {done.requeued} put to people"
    return Completed(message=told + (f"; {done.new_terms} with new terms" if done.new_terms else ""))


@flow(name="record-outcomes", persist_result=False)
def record_outcomes(use_case: str, source: str) -> State[Any]:
    """Store what turned out true of cases, from a file or an inbox folder."""
    done = business.record_outcomes(use_case, source)
    return Completed(message=f"{done.new} new, {done.known} known, {done.quarantined} to quarantine")


@flow(name="deliver-effects", persist_result=False)
def deliver_effects(
    use_case: str, sink: str, names: list[str] | None = None, secret_setting: str | None = None
) -> State[Any]:
    """Send what decisions have to tell other systems, each effect at least once, under one effect id.

    Args:
        use_case: path of the use case, such as flows.claims:CLAIMS
        sink: URL of a webhook, env:NAME for one whose URL is in that environment variable, or a folder; Prefect
            stores it readable by everybody, so a URL with a login or a query is refused
        names: only effects of these names; empty for all
        secret_setting: name of the environment variable with the webhook's secret, never the secret itself
    """
    refuse_stored_secret(sink)
    done = business.deliver(use_case, sink_at(sink, secret_setting), names=names or None)
    return Completed(message=str(done))
