"""Recall: finding what a bad version decided, deciding it again, and asking people about what would change."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pandas as pd

from aiops_flows.case_log import alarms, promotions, questions, versions, writes
from aiops_flows.case_log.writes import Decisions, Reviews
from aiops_flows.errors import UseCaseError
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.inference import Answers, answer, predict_with
from aiops_flows.steps.proposing import Proposal, propose
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["Recalled", "recall"]

_logger = logging.getLogger("aiops_flows.recall")
_URGENT = 1e6  # recalled cases are asked before every ordinary one


@dataclass(frozen=True)
class Recalled:
    """What a recall found and did; every case found is in exactly one of the other counts."""

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


def recall(place: Workspace, use_case: UseCase, model: str, version: int) -> Recalled:
    """Find every case whose effective decision rests on a version, and decide it again under the present champion.

    Where policy, with the present champion and its certificate, gives the same verdict, the decision is confirmed by
    a new revision; everything else is put to a person, who sees which decision is questioned. Run again, it changes
    nothing.

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
    confirmed = requeued = 0
    for start in range(0, len(waiting), place.settings.batch_size):
        part = waiting.iloc[start : start + place.settings.batch_size]
        done = _again(place, use_case, part)
        confirmed, requeued = confirmed + done[0], requeued + done[1]
    _logger.info("recall of %s version %d: %d found, %d confirmed", spec.name, version, len(found), confirmed)
    return Recalled(spec.name, version, len(found), confirmed, requeued, total.by_people, len(by_policy) - len(waiting))


def _again(place: Workspace, use_case: UseCase, decided: pd.DataFrame) -> tuple[int, int]:
    """Decide cases again; how many were confirmed, how many put to people."""
    stored = questions.cases(place.log, use_case.name, case_ids=decided["case_id"].tolist())
    cases = stored_frame(use_case.case, stored)
    order = decided.set_index("case_id").loc[cases["case_id"]]
    certificate = certificate_in_force(place, use_case)
    standing = alarms.open_alarms(place.log, use_case.name)
    frame = _predicted(place, use_case, cases)
    proposal = propose(use_case, frame, certificate, at=place.now(), alarms=standing)
    same = [new == old for new, old in zip(proposal.verdicts, order["verdict"].tolist(), strict=True)]
    confirmed = [position for position, equal in enumerate(same) if equal]
    changed = [position for position, equal in enumerate(same) if not equal]
    ids, revisions = cases["case_id"].tolist(), order["revision"].tolist()
    if confirmed:
        writes.redecide(
            place.log,
            use_case.name,
            Decisions(
                case_ids=[ids[position] for position in confirmed],
                verdicts=[str(proposal.verdicts[position]) for position in confirmed],
                reasons=[f"recall: confirmed by {proposal.reasons[position]}" for position in confirmed],
                replaces=[revisions[position] for position in confirmed],
            ),
            policy_version=use_case.review.version,
            certificate=certificate.name if certificate else None,
            rests_on=certificate.rests_on if certificate else None,
        )
    if changed:
        _reopen(place, use_case, (ids, revisions, order["verdict"].tolist()), proposal, changed)
    return len(confirmed), len(changed)


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
            nothing = pd.Series([None] * len(frame), dtype=object, index=frame.index)
            empty = {
                spec.output: nothing,
                f"{spec.output}_confidence": nothing.astype("float64"),
                f"{spec.output}_version": nothing.astype("Int64"),
                f"{spec.output}_note": pd.Series([f"{spec.name} has no champion"] * len(frame), dtype=object),
            }
            frame = frame.assign(**empty)
            continue
        estimator = place.load(spec, champion.version, champion.digest)
        _keep(place, use_case, spec, champion.version, answer(spec, estimator, cases), cases["case_id"].tolist())
        frame = predict_with(spec, estimator, champion.version, frame)
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
