"""Making a challenger champion, refusing it with reasons, approving, and going back."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiops_flows.case_log import promotions, versions
from aiops_flows.case_log.names import person_key, same_person
from aiops_flows.case_log.promotions import Champion, Promotion
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.errors import NotApproved, RegistryError, VersionUnknown
from aiops_flows.steps.alarms import approvals_asked_for, blocked_by
from aiops_flows.steps.certifying import renew
from aiops_flows.steps.live_gate import changed_beside_shadow, judge_live, left_open
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["PromotionResult", "approve", "champion_at", "promote", "recertify", "repair_aliases", "rollback"]

_logger = logging.getLogger("aiops_flows.promotion")


@dataclass(frozen=True)
class PromotionResult:
    """What became of a challenger; a refusal is a result, not an error."""

    model: str
    version: int | None
    action: str
    """``promoted``, ``refused``, ``waiting`` (for labels or approval), ``rolled back``, ``nothing`` (no challenger)."""
    reasons: list[str]
    predecessor: int | None = None
    evidence_digest: str | None = None

    @property
    def promoted(self) -> bool:
        """Whether the version is champion now."""
        return self.action == "promoted"

    def __str__(self) -> str:
        what = self.model if self.version is None else f"{self.model} version {self.version}"
        return f"{what}: {self.action}" + (f" ({'; '.join(self.reasons)})" if self.reasons else "")


def promote(
    place: Workspace,
    use_case: UseCase,
    model: str | ModelSpec,
    *,
    version: int | None = None,
    proposer: str | None = None,
) -> PromotionResult:
    """Make a challenger champion if all its gates passed against the present champion and its approval is there.

    The gate ``shadow`` is judged here, on the live cases that both answered: until they tell, the promotion waits.
    An open alarm may refuse it, or ask for the approval of a second person.

    Args:
        place: where promotions are recorded.
        use_case: the business process.
        model: the model, or its name.
        version: the challenger; default the newest one that is neither refused, withdrawn nor a champion.
        proposer: who proposes it; default the settings' actor.

    Raises:
        VersionUnknown: no such version.
        ChampionChanged: somebody else moved the champion since the challenger was judged.
        RegistryAway: MLflow does not answer: promotion waits.
    """
    spec = model if isinstance(model, ModelSpec) else use_case.model(model)
    record = _challenger(place, use_case, spec, version)
    if record is None:
        return PromotionResult(spec.name, None, "nothing", ["no challenger is waiting"])
    evidence = _evidence(record)
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if _version(champion) == record.version:
        return PromotionResult(spec.name, record.version, "nothing", ["it is the champion already"])
    who = proposer or place.settings.actor
    files = place.registry.evidence_files(record.run_id)
    reasons = _refusals(place, use_case, spec, record, (evidence, champion, files))
    if not reasons:
        live = judge_live(place, use_case, spec, record, evidence, files["evidence/evidence.json"])
        record, evidence, reasons = live.record, live.evidence, live.refusals
        waits = live.waiting or ("" if reasons else _approval_missing(place, use_case, spec, record, who))
        if waits:
            return _result(record, "waiting", [waits], champion)
    if not reasons:
        return _promote(place, use_case, spec, record, (evidence, champion, who))
    _record(place, use_case, record, "refuse", (champion, who, "; ".join(reasons), evidence))
    repair_aliases(place, use_case, spec)
    return _result(record, "refused", reasons, champion)


def _result(record: VersionRecord, action: str, reasons: list[str], champion: Champion | None) -> PromotionResult:
    return PromotionResult(record.model, record.version, action, reasons, _version(champion), record.evidence_digest)


def _approval_missing(
    place: Workspace, use_case: UseCase, spec: ModelSpec, record: VersionRecord, proposer: str
) -> str:
    """Why the promotion waits for a second person, where an open alarm asks for one; four eyes are the log's matter."""
    asked = approvals_asked_for(place, use_case, spec)
    involved = {person_key(proposer), person_key(record.trained_by)}
    if not asked or {person_key(approver) for approver in _approvers(place, use_case, record)} - involved:
        return ""
    return f"{'; '.join(asked)}: ask for it (aiops-flows approve), then promote again"


def _approvers(place: Workspace, use_case: UseCase, record: VersionRecord) -> list[str]:
    """Who approved the version on its evidence as it stands."""
    return promotions.approvers(
        place.log, use_case.name, record.model, record.version, evidence_digest=record.evidence_digest
    )


def _challenger(place: Workspace, use_case: UseCase, spec: ModelSpec, version: int | None) -> VersionRecord | None:
    if version is None:
        return promotions.challenger(place.log, use_case.name, spec.name)
    return versions.get(place.log, use_case.name, spec.name, version)


def _evidence(record: VersionRecord) -> dict[str, Any]:
    if not record.evidence:
        raise VersionUnknown(
            f"{record.model} version {record.version} was registered but never judged; train again: aiops-flows retrain"
        )
    found: dict[str, Any] = json.loads(record.evidence)
    return found


def _refusals(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    record: VersionRecord,
    judged: tuple[dict[str, Any], Champion | None, Mapping[str, bytes]],
) -> list[str]:
    """Why the version may not be promoted: failed gates, open alarms, changed evidence, an outdated judgement.

    A gate that is judged at promotion is left to `judge_live`, as long as the model still declares it.
    """
    evidence, champion, files = judged
    failed = [gate for gate in evidence["gates"] if gate["passed"] is not True and not left_open(spec, gate)]
    reasons = [f"{gate['gate']}: {gate['reason']}" for gate in failed] + blocked_by(place, use_case, spec)
    if not evidence["gates"]:
        reasons.append("its evidence holds no gate, so it was never judged")
    if spec.four_eyes and not record.four_eyes:
        reasons.append("it was trained when no second person had to approve it, and now one must; train again")
    judged_against, now = evidence.get("champion"), _version(champion)
    if judged_against != now:
        reasons.append(
            f"it was judged against champion version {judged_against}, the champion is now {now}; train again"
        )
    return reasons + _withdrawn(place, use_case, record) + _changed(spec, record, files)


def _withdrawn(place: Workspace, use_case: UseCase, record: VersionRecord) -> list[str]:
    """Why the version was rolled back from, where it was: it does not come back by its old evidence."""
    history = promotions.history(place.log, use_case.name, record.model)
    undone = history[(history["action"] == "rollback") & (history["predecessor"] == record.version)]
    return [f"it was rolled back ({reason}); train again" for reason in undone["reason"].tolist()[-1:]]


def _changed(spec: ModelSpec, record: VersionRecord, files: Mapping[str, bytes]) -> list[str]:
    """What of the evidence kept with the version is no longer what was judged."""
    kept = files.get("evidence/evidence.json", b"")
    if changed_beside_shadow(spec, record, kept):
        return ["the evidence kept with the version is not what was judged"]
    report = files.get("evidence/drift_report.html", b"")
    if hashlib.sha256(report).hexdigest() != json.loads(kept)["report_sha256"]:
        return ["the drift report kept with the version is not the one that was judged"]
    return []


def _promote(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    record: VersionRecord,
    judged: tuple[Any, Champion | None, str],
) -> PromotionResult:
    evidence, champion, who = judged
    place.load(spec, record.version, record.digest)  # what cannot be loaded is never champion
    try:
        _record(place, use_case, record, "promote", (champion, who, "all gates passed", evidence))
    except NotApproved as missing:
        return _result(record, "waiting", [str(missing)], champion)
    repair_aliases(place, use_case, spec)
    recertify(place, use_case, but=spec)
    return _result(record, "promoted", [], champion)


def _record(place: Workspace, use_case: UseCase, record: VersionRecord, action: Any, judged: Any) -> Promotion:
    champion, who, reason, evidence = judged
    return promotions.record(
        place.log,
        use_case.name,
        record.model,
        version=record.version,
        action=action,
        expected=_version(champion),
        proposer=who,
        reason=reason,
        gates=json.dumps(evidence["gates"]),
        evidence_digest=record.evidence_digest,
    )


def _version(champion: Champion | None) -> int | None:
    return champion.version if champion else None


def approve(
    place: Workspace,
    use_case: UseCase,
    model: str,
    version: int,
    *,
    approver: str,
    evidence_digest: str | None = None,
    comment: str = "",
    channel: str = "python",
) -> None:
    """A second person's approval of a version, bound to the evidence that was seen.

    Args:
        place: where approvals are recorded.
        use_case: the business process.
        model: name of the model.
        version: the version approved.
        approver: who approves; neither its trainer nor its proposer where four eyes are asked for.
        evidence_digest: digest of the evidence that was looked at; default the evidence as it stands now.
        comment: why.
        channel: ``python``, ``cli`` or ``prefect``.

    Raises:
        VersionUnknown: no such version, or it was never judged.
        NotApproved: the approver trained the version, or the evidence is no longer the one named.
    """
    record = versions.get(place.log, use_case.name, model, version)
    _evidence(record)
    seen = evidence_digest or str(record.evidence_digest)
    if seen != record.evidence_digest:
        raise NotApproved(
            f"{model} version {version}: the evidence looked at ({seen[:12]}) is not the present one "
            f"({str(record.evidence_digest)[:12]}); look at it again"
        )
    if record.four_eyes and same_person(approver, record.trained_by):
        raise NotApproved(f"{model} version {version} was trained by {approver}; somebody else must approve it")
    promotions.approve(
        place.log,
        use_case.name,
        model,
        version,
        evidence_digest=seen,
        approver=approver.strip(),
        channel=channel,
        comment=comment,
    )


def rollback(
    place: Workspace, use_case: UseCase, model: str, *, to: int | None = None, reason: str, actor: str | None = None
) -> PromotionResult:
    """Make an earlier champion champion again; the present one is withdrawn and never rolled back to.

    Args:
        place: where promotions are recorded.
        use_case: the business process.
        model: name of the model.
        to: the earlier champion; default the last one that is not withdrawn.
        reason: why.
        actor: who rolls back; default the settings' actor.

    Raises:
        NothingToRollBackTo: no earlier champion is left, or ``to`` never was one.
        ChampionChanged: somebody else moved the champion meanwhile.
    """
    spec = use_case.model(model)
    champion = promotions.champion(place.log, use_case.name, spec.name)
    target = promotions.rollback_target(place.log, use_case.name, spec.name, to)
    place.load(spec, target.version, target.digest)
    promotions.record(
        place.log,
        use_case.name,
        spec.name,
        version=target.version,
        action="rollback",
        expected=_version(champion),
        proposer=actor or place.settings.actor,
        reason=reason,
        gates="[]",
        evidence_digest=target.evidence_digest,
    )
    repair_aliases(place, use_case, spec)
    recertify(place, use_case, but=None)
    return PromotionResult(
        spec.name, target.version, "rolled back", [reason], _version(champion), target.evidence_digest
    )


def repair_aliases(place: Workspace, use_case: UseCase, spec: ModelSpec) -> bool:
    """Set MLflow's aliases to what the case log says; True where one had to move. MLflow away: said, and left."""
    champion = promotions.champion(place.log, use_case.name, spec.name)
    challenger = promotions.challenger(place.log, use_case.name, spec.name)
    try:
        return place.registry.project(
            spec.name, champion=_version(champion), challenger=challenger.version if challenger else None
        )
    except RegistryError as fault:
        _logger.warning("aliases of %s are repaired later: %s", spec.name, fault)
        return False


def recertify(place: Workspace, use_case: UseCase, *, but: ModelSpec | None, as_of: datetime | None = None) -> None:
    """Certify the judging model's champion anew, after another model or the policy has changed.

    Where its files cannot be had now it stays as it is: cases that it does not cover go to people.

    Args:
        place: where certificates are recorded.
        use_case: the business process.
        but: a model whose own promotion just happened: if it is the judging one, its certificate is fresh.
        as_of: only outcomes known by then; default now.
    """
    if but is None or but.name != use_case.model(use_case.judged_by).name:
        renew(place, use_case, as_of=as_of)


def champion_at(place: Workspace, use_case: UseCase, model: str, at: datetime | None = None) -> Champion | None:
    """Who was champion at a moment (now), who approved it, and since when."""
    return promotions.champion(place.log, use_case.name, use_case.model(model).name, at or place.now())
