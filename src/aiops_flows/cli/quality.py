"""Commands about how well it goes: quality, reviewers, alarms, certificates, backtests, and challengers.

What a command needs is imported in it, as the steps load scientific libraries.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aiops_flows.cli.models import Model, Moment, moment_of
from aiops_flows.cli.naming import is_path, load, name_of
from aiops_flows.cli.output import AsJson, UseCaseName, UseCasePath, printable, say, show_rows, working
from aiops_flows.cli.stopping import agreed_to, say_automation
from aiops_flows.errors import NoChampion

if TYPE_CHECKING:
    from aiops_flows.steps.certificate import Certificate
    from aiops_flows.steps.workspace import Workspace
    from aiops_flows.use_case import UseCase

__all__ = ["alarms_app", "backtest", "certify", "compare", "corrections", "quality", "reviewers"]

NO = 1
_SEGMENTS = 20

alarms_app = typer.Typer(
    help="What has been alarmed about: list it, clear it once it was seen to.",
    short_help="what has been alarmed about: list it, clear it",
    no_args_is_help=True,
)
AsKnown = Annotated[str | None, typer.Option("--as-known", help="as it was known on this day (ISO 8601); default now")]


class By(StrEnum):
    """Periods that figures are given for, the policy's segments, or its verdicts."""

    month = "month"
    week = "week"
    segment = "segment"
    verdict = "verdict"


def quality(
    use_case: UseCasePath,
    as_known: AsKnown = None,
    by: Annotated[By, typer.Option(help="periods of receipt, the policy's segments, or its verdicts")] = By.month,
    as_json: AsJson = False,
) -> None:
    """How good the decisions without a person were: estimated from the audit lane, and by outcomes once mature."""
    from aiops_flows.steps import quality as measuring
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
    with working("counting", quiet=as_json):
        found = measuring.quality(place, declared, as_known=moment_of(as_known), by=by.value)
    if as_json:
        show_rows([each.as_row() for each in found], as_json=True)
        return
    show_rows([_quality_row(each.as_row()) for each in found], as_json=False)
    if found[-1].rests_on == "outcomes":
        basis = "The policy has no decided case read: the error rests on the outcomes of all of them, in mature periods"
    else:
        basis = "Estimates weigh each reading by its probability"
    say(f"limit of the policy: {declared.review.error_limit():g}. {basis} (95 %)")
    _show_corrections(place, declared, moment_of(as_known))


def _show_corrections(place: Workspace, use_case: UseCase, as_known: datetime | None) -> None:
    """What people made of terms and writings, and the labels that no champion knows, where there are any."""
    from aiops_flows.steps import corrections as counting
    from aiops_flows.steps.terms_figures import term_figures

    for found in (term_figures, counting.writing_figures, counting.new_labels):
        rows = found(place, use_case, as_known=as_known).to_dict("records")
        if rows:
            say("")
            show_rows(rows, as_json=False)


def corrections(use_case: UseCasePath, as_known: AsKnown = None, as_json: AsJson = False) -> None:
    """What people corrected: terms, texts of each version that they left or changed, labels that no champion knows."""
    import json

    from aiops_flows.steps import corrections as counting
    from aiops_flows.steps.terms_figures import term_figures
    from aiops_flows.steps.workspace import Workspace

    place, declared, moment = Workspace.existing(), load(use_case), moment_of(as_known)
    writings = counting.writing_figures(place, declared, as_known=moment).to_dict("records")
    labels = counting.new_labels(place, declared, as_known=moment).to_dict("records")
    terms = term_figures(place, declared, as_known=moment).to_dict("records")
    if as_json:
        say(json.dumps({"terms": terms, "writings": writings, "new_labels": labels}, indent=2, default=str))
        return
    if declared.terms:
        show_rows(terms, as_json=False, empty="no person has said a term yet")
        say("")
    show_rows(writings, as_json=False, empty="no text of a model was answered yet")
    say("")
    show_rows(labels, as_json=False, empty="no label that a champion does not know")


def _quality_row(found: dict[str, Any]) -> dict[str, Any]:
    """A row of figures as people read it."""
    return {
        "period": found["period"],
        "cases": found["cases"],
        "decided": found["decided"],
        "coverage": found["coverage"],
        "read": f"{found['read']} ({found['pending']} wait)",
        "estimated_error": _between(found["error"], found["low"], found["high"]),
        "outcomes": f"{found['outcomes']}{'' if found['mature'] else ' (not mature)'}",
        "error_by_outcomes": _between(found["outcome_error"], found["outcome_low"], found["outcome_high"]),
        "overridden": found["overridden"],
    }


def _between(value: float | None, low: float | None, high: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def reviewers(use_case: UseCasePath, as_known: AsKnown = None, as_json: AsJson = False) -> None:
    """How persons answer, by name: for the operator. Small numbers are marked, and nobody is ranked."""
    from aiops_flows.steps import reviewers as asking
    from aiops_flows.steps.workspace import Workspace

    found = asking.reviewers(Workspace.existing(), load(use_case), as_known=moment_of(as_known))
    rows = [each.as_dict() if as_json else each.as_row() for each in found]
    show_rows(rows, as_json=as_json, empty="nobody has answered yet")


@alarms_app.command("list")
def alarms_list(
    use_case: UseCaseName,
    everything: Annotated[bool, typer.Option("--all", help="those that were cleared as well")] = False,
    as_json: AsJson = False,
) -> None:
    """The open alarms, or with --all every one raised and cleared, oldest first."""
    from aiops_flows.case_log import alarms
    from aiops_flows.steps.workspace import Workspace

    place = Workspace.existing()
    log = place.log
    name = name_of(log, use_case)
    if everything:
        found: list[dict[Any, Any]] = alarms.history(log, name).astype(object).to_dict("records")
    else:
        found = [dict(vars(alarm)) for alarm in alarms.open_alarms(log, name)]
    hidden = () if as_json else ("evidence", "segment")
    shown = [{what: value for what, value in row.items() if what not in hidden} for row in found]
    show_rows(shown, as_json=as_json, empty="no alarm is open")
    if not as_json:
        say_automation(place, load(use_case) if is_path(use_case) else name)


@alarms_app.command("clear")
def alarms_clear(
    use_case: UseCaseName,
    number: int,
    reason: Annotated[str, typer.Option(help="what was found, and done about it")],
    name: Annotated[str | None, typer.Option(help="who clears it; default AIOPS_ACTOR or the login")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Clear an alarm that was seen to; what it kept from happening may happen again.

    Where it stopped automatic decisions, this says what it sets free, and asks.
    """
    from aiops_flows.steps import stopping
    from aiops_flows.steps.workspace import Workspace

    place = Workspace.existing()
    about = load(use_case) if is_path(use_case) else name_of(place.log, use_case)
    agreed_to(stopping.restart_after(place, about, alarm_number=number), yes=yes, quiet=as_json)
    done = stopping.clear_alarm(place, about, number, reason=reason, actor=name)
    if as_json:
        show_rows([{"number": number, "cleared": done.done, "cleared_by": done.actor}], as_json=True)
    else:
        say(printable(str(done)))
        say_automation(place, about)
    if not done.done:
        raise typer.Exit(NO)


def certify(
    use_case: UseCasePath,
    as_known: Annotated[
        str | None,
        typer.Option("--as-known", help="only look: what would have been certified on this day; nothing is stored"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="who certifies; default AIOPS_ACTOR or the login")] = None,
    as_json: AsJson = False,
) -> None:
    """Certify the judging model's champion anew, on what is known now: how much may be decided, until when.

    With --as-known nothing is stored, and what is in force stays so.
    """
    import json

    from aiops_flows.steps.automation import automation
    from aiops_flows.steps.certifying import renew, would_certify
    from aiops_flows.steps.health import certificate_row
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case, try_it=True)
    with working("certifying", quiet=as_json):
        known_by = moment_of(as_known)
        found = renew(place, declared, actor=name) if known_by is None else would_certify(place, declared, known_by)
    if found is None:
        raise NoChampion(
            f"{declared.judged_by} of {declared.name} has no champion that can be loaded now, so there is nothing to "
            "certify; aiops-flows retrain and promote make one"
        )
    if as_json:
        show_rows([json.loads(found.to_json())], as_json=True)
    else:
        show_rows([{"what": what, "value": value} for what, value in certificate_row(found).items()], as_json=False)
        _show_verdicts(found)
        _show_segments(found)
        for plan in found.more_labels:
            say(f"with {plan['labels']} labels like these: {plan['coverage']:.3f} of the cases")
        if as_known is not None:
            say(f"as known on {as_known}: nothing is stored, and what is in force stays so")
        say_automation(place, declared)
    if found.threshold is None or (as_known is None and not automation(place, declared).on):
        raise typer.Exit(NO)


def _show_verdicts(found: Certificate) -> None:
    """What was proved of each verdict, beside the naive rule; and of each true class, how often it is missed."""
    verdicts = [
        {
            "verdict": name,
            "threshold": each.threshold,
            "coverage": round(each.coverage, 4),
            "labels_used": each.labels_used,
            "error_at_most": each.error_upper,
            "limit": each.max_error,
            "naive_error": None if each.naive is None else round(each.naive.loss, 4),
            "reason": each.reason,
        }
        for name, each in found.verdicts.items()
    ]
    classes = [
        {
            "true_class": name,
            "labels": each.rows,
            "decided_wrongly": each.missed,
            "share_at_most": round(each.share_upper, 4),
            "limit": each.limit,
        }
        for name, each in sorted(found.missed.items(), key=lambda item: (item[1].rows, item[0]))
    ]
    for rows in (verdicts, classes[:_SEGMENTS]):
        if rows:
            say("")
            show_rows(rows, as_json=False)
    if len(classes) > _SEGMENTS:
        say(f"and {len(classes) - _SEGMENTS} more true classes with more labels: --json shows all")


def _show_segments(found: Certificate) -> None:
    """The segments with their thresholds, most of the labelled rows first; why the others have none."""
    by_size = sorted(found.segments.items(), key=lambda each: (-each[1].labels_used, each[0]))
    shown = ("threshold", "coverage", "labels_used", "pooled", "reason")
    rows = [{"segment": name, **{what: getattr(each, what) for what in shown}} for name, each in by_size]
    if rows:
        say("")
        show_rows(rows[:_SEGMENTS], as_json=False)
    if len(rows) > _SEGMENTS:
        say(f"and {len(rows) - _SEGMENTS} more segments with fewer labels: --json shows all")


def backtest(
    use_case: UseCasePath,
    model: Model,
    origins: Annotated[int, typer.Option(help="how many moments, the last ones of the record")] = 12,
    every: Annotated[int, typer.Option(help="so many moments of receipt lie between two of them")] = 1,
    as_of: Moment = None,
    as_json: AsJson = False,
) -> None:
    """Train a model and its baseline as if at past moments, and judge both on the cases that came next."""
    from aiops_flows.steps import backtesting
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case, try_it=True)
    spec = declared.model(model)
    with working(f"training {spec.name} at {origins} moments", quiet=as_json):
        found = backtesting.backtest(place, declared, spec, origins=origins, every=every, as_of=moment_of(as_of))
    rows = found.astype(object).where(found.notna(), None).to_dict("records")
    gated = {gate.metric for gate in spec.gates}
    about = ("origin", "who", "learned_from", "judged_on", "note")
    shown = [name for name in found.columns if name in about or not gated & set(found.columns) or name in gated]
    show_rows(rows if as_json else [{name: row[name] for name in shown} for row in rows], as_json=as_json)


def compare(
    use_case: UseCasePath,
    model: Model,
    version: Annotated[int | None, typer.Option(help="default: the newest challenger")] = None,
    as_known: AsKnown = None,
    as_json: AsJson = False,
) -> None:
    """Hold a challenger against the champion on the live cases that both answered; nothing is promoted."""
    from aiops_flows.case_log import promotions, versions
    from aiops_flows.steps import comparing
    from aiops_flows.steps.workspace import Workspace

    place, declared = Workspace.existing(), load(use_case)
    spec = declared.model(model)
    waiting = promotions.challenger(place.log, declared.name, spec.name)
    chosen = version if version is not None else waiting.version if waiting else None
    if chosen is None:
        say("[]" if as_json else f"{spec.name}: no challenger is waiting")
        raise typer.Exit(NO)
    versions.get(place.log, declared.name, spec.name, chosen)  # else a typing error reads as "no labels"
    at_most = comparing.false_promotions(spec)
    found = comparing.compare(place, declared, spec, chosen, at_most=at_most, known_by=moment_of(as_known))
    if found is None:
        raise NoChampion(f"{spec.name} of {declared.name} has no champion to compare version {chosen} with")
    show_rows([found.as_row()], as_json=as_json)
    if found.verdict.verdict != "promote":
        raise typer.Exit(NO)
