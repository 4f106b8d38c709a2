"""The monitor: figures of a use case, the standing watch on its champion, and what follows from it."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from aiops_flows.case_log import alarms, audit, questions, versions
from aiops_flows.case_log.alarms import Alarm, AlarmAction
from aiops_flows.errors import ChampionChanged, NothingToRollBackTo, RegistryError
from aiops_flows.steps.actions import Finding, FindingKind, actions_for
from aiops_flows.steps.audit_lane import open_second_readings, seed_known_cases
from aiops_flows.steps.automation import automation
from aiops_flows.steps.certifying import Certificate, certificate_in_force, renew
from aiops_flows.steps.corrections import new_labels, writing_figures
from aiops_flows.steps.decided import known
from aiops_flows.steps.health import ModelHealth, UseCaseHealth, certificate_row, model_health
from aiops_flows.steps.promotion import repair_aliases, rollback
from aiops_flows.steps.quality import Quality, quality
from aiops_flows.steps.review import overdue
from aiops_flows.steps.standing import Watched, watch_champion
from aiops_flows.steps.terms_figures import term_figures
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = [
    "ACTOR",
    "ModelHealth",
    "UseCaseHealth",
    "due_for_renewal",
    "monitor",
]

ACTOR = "monitor"
"""Under whose name alarms are raised, and champions rolled back."""

_logger = logging.getLogger("aiops_flows.watching")


def monitor(place: Workspace, use_case: UseCase, *, as_of: datetime | None = None) -> UseCaseHealth:
    """The figures of a use case, after the standing watch has acted; run twice, it acts once.

    A watched figure of the champion that has left its limit for good has the consequence that the policy's
    ``on_alarm`` names: its cases go to people, or it is rolled back (where that cannot be, to people). A burst, which
    one day alone shows, has more cases audited. A certificate that is expired, or will be within a quarter of its
    validity, is renewed; second readings and known cases are put to persons; leftovers of killed runs are closed,
    aliases repaired. The alarms stay until a person has cleared them.

    Args:
        place: the case log and the registry.
        use_case: the business process.
        as_of: only look, as it was known at this moment: no alarm, no rollback, no renewal.
    """
    moment = as_of or place.now()
    before = {alarm.number for alarm in alarms.open_alarms(place.log, use_case.name)}
    repaired = {spec.name: repair_aliases(place, use_case, spec) for spec in use_case.models}
    found = known(place, use_case, moment)
    watched, renewed, opened = watch_champion(place, use_case, found=found), False, 0
    if as_of is None:
        for each in watched:
            _act(place, use_case, each)
        renewed = _renew(place, use_case)
        opened = open_second_readings(place, use_case) + seed_known_cases(place, use_case)
    total = quality(place, use_case, found=found)[-1]
    certificate = certificate_in_force(place, use_case)
    if as_of is None:
        _keep_with_version(place, use_case, certificate, total, watched)
    _close_leftovers(place)
    standing = alarms.open_alarms(place.log, use_case.name)
    return UseCaseHealth(
        use_case.name,
        _counts(place, use_case),
        len(overdue(place, use_case, moment)),
        [model_health(place, use_case, spec, moment, repaired=repaired[spec.name]) for spec in use_case.models],
        total,
        certificate,
        renewed,
        watched,
        standing,
        [alarm for alarm in standing if alarm.number not in before],
        opened,
        audit.check_invariants(place.log),
        [
            {str(what): told for what, told in row.items()}
            for row in writing_figures(place, use_case).to_dict("records")
        ],
        _new_labels(place, use_case),
        automation(place, use_case),
        [{str(what): told for what, told in row.items()} for row in term_figures(place, use_case).to_dict("records")],
    )


def _new_labels(place: Workspace, use_case: UseCase) -> dict[str, tuple[int, int]]:
    found = new_labels(place, use_case)
    return {str(model): (len(rows), int(rows["cases"].sum())) for model, rows in found.groupby("model", sort=False)}


def _counts(place: Workspace, use_case: UseCase) -> dict[str, int]:
    counts = questions.counts(place.log, use_case.name)
    row = {} if counts.empty else counts.iloc[0].drop("use_case").to_dict()
    return {str(name): int(value) for name, value in row.items()}


# --- what follows from the watch -----------------------------------------------------------------------------------


def _act(place: Workspace, use_case: UseCase, found: Watched) -> None:
    """Do what follows from a watched figure; what was done before is not done again."""
    kind = {"sustained": found.kind, "burst": f"{found.kind} burst"}.get(found.verdict)
    if kind is None or _sent_to_people(place, use_case, found):
        return
    policy = use_case.review
    if found.version is None:  # where all champions together break the promise, an earlier one is no remedy
        policy = replace(policy, on_alarm="to people")
    for action in actions_for([Finding(cast("FindingKind", kind), found.reason)], policy):
        if action.action == "rolled back":
            _roll_back(place, use_case, found)
        else:
            _raise(place, use_case, found, action.action, action.why if found.verdict == "burst" else "")


def _roll_back(place: Workspace, use_case: UseCase, found: Watched) -> None:
    """Make the champion before decide again; where there is none to be had, persons do."""
    try:
        back = rollback(place, use_case, found.model, reason=f"{found.kind}: {found.reason}", actor=ACTOR)
    except ChampionChanged as moved:  # somebody else was faster: the next run watches what is champion now
        _logger.warning("%s was not rolled back: %s", found.model, moved)
    except (NothingToRollBackTo, RegistryError) as nothing:
        _raise(place, use_case, found, "to people", f"no earlier champion can be had: {nothing}")
    else:
        _raise(place, use_case, found, "rolled back", f"version {back.version} decides again")


def _sent_to_people(place: Workspace, use_case: UseCase, found: Watched) -> bool:
    """Whether the strongest consequence stands already, or the version is no longer what it was watched as."""
    standing = alarms.open_alarms(place.log, use_case.name, model=found.model)
    about = [alarm for alarm in standing if alarm.version == found.version]
    return any(alarm.action == "rolled back" or _same(alarm, found, "to people") for alarm in about)


def _same(alarm: Alarm, found: Watched, action: AlarmAction) -> bool:
    return (alarm.kind, alarm.action) == (found.kind, action)


def _raise(place: Workspace, use_case: UseCase, found: Watched, action: AlarmAction, more: str) -> None:
    number = alarms.raise_alarm(
        place.log,
        use_case.name,
        model=found.model,
        version=found.version,
        kind=found.kind,
        action=action,
        reason="; ".join(filter(None, [found.reason, more])),
        evidence=json.dumps(found.as_row(), sort_keys=True),
        actor=ACTOR,
        four_eyes=use_case.restart_takes_two,
    )
    _logger.warning("alarm %d: %s of %s version %s: %s", number, found.name, found.model, found.version, action)


# --- what is kept up -----------------------------------------------------------------------------------------------


def due_for_renewal(place: Workspace, use_case: UseCase, certificate: Certificate | None) -> bool:
    """Whether a certificate is expired, or will be within a quarter of the time for which one is valid."""
    if certificate is None:
        return False
    return certificate.expired(place.now() + use_case.review.valid_for / 4)


def _renew(place: Workspace, use_case: UseCase) -> bool:
    if not due_for_renewal(place, use_case, certificate_in_force(place, use_case)):
        return False
    return renew(place, use_case) is not None


def _keep_with_version(
    place: Workspace, use_case: UseCase, certificate: Certificate | None, total: Quality, watched: list[Watched]
) -> None:
    """Certificate, quality and watch beside the champion in MLflow, as files and tags."""
    if not watched or watched[0].version is None:
        return
    model, version = watched[0].model, watched[0].version
    record = versions.get(place.log, use_case.name, model, version)
    files: dict[str, Any] = {
        "watching/quality.json": total.as_row(),
        "watching/watch.json": [each.as_row() for each in watched],
        "watching/certificate.json": json.loads(certificate.to_json()) if certificate else None,
    }
    error = "unknown" if total.error is None else f"{total.error:.4f} ({total.low:.4f} to {total.high:.4f})"
    tags = {"audited_error": error, "watch": "; ".join(f"{each.name}: {each.verdict}" for each in watched)}
    tags |= {f"certificate_{what.replace(' ', '_')}": str(told) for what, told in certificate_row(certificate).items()}
    content = {name: json.dumps(told, indent=2, sort_keys=True).encode() for name, told in files.items()}
    try:
        place.registry.attach(record.run_id, content, tags)
    except RegistryError as fault:
        _logger.warning("the figures of %s version %d are not in MLflow yet: %s", model, version, fault)


def _close_leftovers(place: Workspace) -> None:
    try:
        for run_id in place.registry.close_leftovers():
            _logger.info("MLflow run %s was left open by a process that ended; it is closed", run_id)
    except RegistryError as fault:
        _logger.warning("runs that were left open are closed later: %s", fault)
