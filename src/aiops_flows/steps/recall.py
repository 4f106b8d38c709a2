"""Recall: finding what a bad version decided, deciding it again, and asking people about what would change."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pandas as pd

from aiops_flows.case_log import promotions, questions, versions, writes
from aiops_flows.case_log.writes import Decisions, Reviews
from aiops_flows.errors import AutomationStopped, UseCaseError
from aiops_flows.progress import step
from aiops_flows.steps.automation import grounds
from aiops_flows.steps.frames import grown, stored_frame
from aiops_flows.steps.inference import Answers, answer, answered
from aiops_flows.steps.proposing import Proposal, propose
from aiops_flows.steps.terms import missing_predictions, term_texts, with_terms
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["Recalled", "recall"]

_logger = logging.getLogger("aiops_flows.recall")
_URGENT = 1e6  # recalled cases are asked before every ordinary one


@dataclass(frozen=True)
class Recalled:
    """What a recall found and did; every case found is confirmed, requeued, with people, or open already."""

    model: str
    version: int
    found: int = 0
    confirmed: int = 0
    """Decided again by policy, with the same verdict."""
    requeued: int = 0
    """Put to a person, because the verdict would change or policy may no longer give one."""
    by_people: int = 0
    """Decided by people who saw the version's prediction: counted, left as they are."""
    already_open: int = 0
    """Questioned by an earlier recall, and still with a person."""
    new_terms: int = 0
    """Of the confirmed, those with other terms than before: policy stands for the verdict and for what it says now."""


def recall(place: Workspace, use_case: UseCase, model: str, version: int) -> Recalled:
    """Find every case whose effective decision rests on a version, and decide it again under the present champion.

    Where policy, with the present champion and its certificate, gives the same verdict, the decision is confirmed by
    a new revision, which has the terms that follow from the present champion; everything else is put to a person, who
    sees which decision is questioned. Run again, it changes nothing.

    Raises:
        UseCaseError: the version is still the champion; roll back first.
        VersionUnknown: no such version.
    """
    spec = use_case.model(model)
    versions.get(place.log, use_case.name, spec.name, version)
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is not None and champion.version == version:
        raise UseCaseError(
            f"{spec.name} version {version} is the champion; roll back first (aiops-flows rollback), then recall it"
        )
    found = questions.decided_by_version(place.log, use_case.name, model=spec.name, version=version)
    by_policy = found[found["actor_kind"] == "policy"].reset_index(drop=True)
    total = Recalled(spec.name, version, found=len(found), by_people=len(found) - len(by_policy))
    if by_policy.empty:
        return total
    questioned = set(questions.open_reviews(place.log, use_case.name, lane=False)["case_id"])
    waiting = by_policy[~by_policy["case_id"].isin(questioned)].reset_index(drop=True)
    confirmed = requeued = new_terms = 0
    for start in range(0, len(waiting), place.settings.batch_size):
        step("deciding case %d of %d again", start + 1, len(waiting))
        part = waiting.iloc[start : start + place.settings.batch_size]
        done = _decided_again(place, use_case, part)
        confirmed, requeued, new_terms = confirmed + done[0], requeued + done[1], new_terms + done[2]
    _logger.info("recall of %s version %d: %d found, %d confirmed", spec.name, version, len(found), confirmed)
    open_before = len(by_policy) - len(waiting)
    return Recalled(spec.name, version, len(found), confirmed, requeued, total.by_people, open_before, new_terms)


def _decided_again(place: Workspace, use_case: UseCase, part: pd.DataFrame) -> tuple[int, int, int]:
    """Decide cases again, and plan anew where policy may not decide any more when it comes to writing."""
    while True:
        try:
            return _again(place, use_case, part)
        except AutomationStopped as stopped:
            _logger.info("recall plans again: %s", stopped)


def _again(place: Workspace, use_case: UseCase, decided: pd.DataFrame) -> tuple[int, int, int]:
    """Decide cases again; how many were confirmed, how many put to people, and of how many the terms changed."""
    stored = questions.cases(place.log, use_case.name, case_ids=decided["case_id"].tolist())
    cases = stored_frame(use_case.case, stored)
    order = decided.set_index("case_id").loc[cases["case_id"]]
    now = grounds(place, use_case)
    frame = with_terms(use_case, _predicted(place, use_case, cases))
    proposal = propose(use_case, frame, now.certificate, at=now.at, alarms=now.alarms, holds=now.holds)
    same = [new == old for new, old in zip(proposal.verdicts, order["verdict"].tolist(), strict=True)]
    confirmed = [position for position, equal in enumerate(same) if equal]
    changed = [position for position, equal in enumerate(same) if not equal]
    ids, revisions = cases["case_id"].tolist(), order["revision"].tolist()
    texts = term_texts(use_case, frame)
    changes = _changes(use_case, order["terms"].tolist(), texts)
    if confirmed:
        writes.redecide(
            place.log,
            use_case.name,
            Decisions(
                case_ids=[ids[position] for position in confirmed],
                verdicts=[str(proposal.verdicts[position]) for position in confirmed],
                reasons=[
                    f"recall: confirmed{changes[position]} by {proposal.reasons[position]}" for position in confirmed
                ],
                replaces=[revisions[position] for position in confirmed],
                terms=[texts[position] for position in confirmed],
            ),
            policy_version=use_case.review.version,
            certificate=now.certificate.name if now.certificate else None,
            permission=now.permission,
        )
    if changed:
        _reopen(place, use_case, (ids, revisions, order["verdict"].tolist()), proposal, changed)
    return len(confirmed), len(changed), sum(bool(changes[position]) for position in confirmed)


def _changes(use_case: UseCase, before: Sequence[Mapping[str, Any] | None], texts: Sequence[str | None]) -> list[str]:
    """Which terms of each case are no longer what they were, as words of a reason; empty where none."""
    found = []
    for held, text in zip(before, texts, strict=True):
        now = orjson.loads(text or "{}")
        names = [name for name in use_case.terms if now.get(name) != (held or {}).get(name)]
        found.append(f", with new {', '.join(names)}," if names else "")
    return found


def _reopen(
    place: Workspace,
    use_case: UseCase,
    decided: tuple[list[str], list[int], list[str]],
    proposal: Proposal,
    positions: list[int],
) -> None:
    ids, revisions, verdicts = decided
    due = place.now() + use_case.review.due
    reasons = []
    for position in positions:
        now = proposal.verdicts[position]
        why = f"would now be '{now}'" if now else proposal.reasons[position]
        reasons.append(f"recall: decided '{verdicts[position]}' by a withdrawn model; {why}")
    writes.reopen(
        place.log,
        use_case.name,
        Reviews(
            case_ids=[ids[position] for position in positions],
            reasons=reasons,
            priorities=[_URGENT] * len(positions),
            due_at=[due] * len(positions),
            questions=[revisions[position] for position in positions],
        ),
    )


def _predicted(place: Workspace, use_case: UseCase, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with what the present champions say; what is new is stored as the next revision of a prediction."""
    frame = cases
    for spec in use_case.decisive:
        champion = promotions.champion(place.log, use_case.name, spec.name)
        if champion is None:
            frame = grown(frame, missing_predictions(spec, frame.index))
            frame[f"{spec.output}_note"] = f"{spec.name} has no champion"
            continue
        estimator = place.load(spec, champion.version, champion.digest)
        answers = answer(spec, estimator, cases)
        _keep(place, use_case, spec, champion.version, answers, cases["case_id"].tolist())
        frame = answered(spec, champion.version, frame, answers)
    return frame


def _keep(place: Workspace, use_case: UseCase, spec: ModelSpec, version: int, answers: Answers, ids: list[str]) -> None:
    said = [position for position in range(len(ids)) if position not in answers.failures]
    writes.add_recall_predictions(
        place.log,
        use_case.name,
        model=spec.name,
        version=version,
        case_ids=[ids[position] for position in said],
        values=[answers.values[position] for position in said],
        confidences=[answers.confidences[position] for position in said],
        scores=None if answers.scores is None else [answers.scores[position] for position in said],
    )
