"""The gate ``shadow`` at a promotion: judged anew on live cases, its verdict kept as new evidence of the version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from aiops_flows.case_log import versions
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.gate_results import GateResult
from aiops_flows.gates import SHADOW, judge_shadow
from aiops_flows.steps.comparing import Compared, compare
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Gate, ModelSpec, UseCase

__all__ = ["LiveVerdict", "changed_beside_shadow", "judge_live", "left_open"]

Evidence = dict[str, Any]


@dataclass(frozen=True)
class LiveVerdict:
    """What live cases say of a version, and its evidence as it stands now."""

    record: VersionRecord
    evidence: Evidence
    waiting: str = ""
    """What is waited for; empty where the gate passed, refused, or is not asked for."""

    @property
    def refusals(self) -> list[str]:
        """Why the gate did not pass, where it did not."""
        return [f"{SHADOW}: {gate['reason']}" for gate in _shadow(self.evidence) if gate["passed"] is False]


def left_open(spec: ModelSpec, gate: Evidence) -> bool:
    """Whether a gate's result in the evidence is for `judge_live` to complete: the gate is declared, and still open."""
    return gate["gate"] == SHADOW and gate["passed"] is None and _declared(spec) is not None


def changed_beside_shadow(spec: ModelSpec, record: VersionRecord, kept: bytes) -> bool:
    """Whether evidence kept with a version differs from the recorded one in more than what is judged anew.

    A process that ended between two writes leaves an older or newer verdict of the gate ``shadow`` there. It is then
    judged again, and written anew under a new digest, so that no approval rests on what was read there.
    """
    if hashlib.sha256(kept).hexdigest() == record.evidence_digest:
        return False
    try:
        found, recorded = json.loads(kept), json.loads(str(record.evidence))
        anew = _declared(spec) is not None and recorded["champion"] is not None and _shadow(recorded)
        return not anew or _without_shadow(found) != _without_shadow(recorded)
    except (ValueError, TypeError, KeyError, AttributeError):
        return True


def judge_live(
    place: Workspace, use_case: UseCase, spec: ModelSpec, record: VersionRecord, evidence: Evidence, kept: bytes
) -> LiveVerdict:
    """The version's gate ``shadow``, judged now. Evidence is added only where its verdict is new.

    A verdict that was reached stands, with the approvals of it, unless later labels contradict it.

    Args:
        place: where live answers and outcomes are read, and evidence goes.
        use_case: the business process.
        spec: the model; without a gate ``shadow`` nothing is done.
        record: the version.
        evidence: its evidence.
        kept: that evidence as MLflow has it.
    """
    gate = _declared(spec)
    if gate is None:
        return LiveVerdict(record, evidence)
    compared = compare(place, use_case, spec, record.version, at_most=gate.at_most or 0.0)
    if compared is None:
        return _without_champion(record, evidence)
    result = judge_shadow(gate, compared.verdict)
    before = next((each["passed"] for each in _shadow(evidence) if each["bound"] == result.bound), None)
    same_file = hashlib.sha256(kept).hexdigest() == record.evidence_digest
    if before is True and result.passed is not False and same_file:
        return LiveVerdict(record, evidence)
    if result.passed is None:
        return LiveVerdict(record, evidence, waiting=_keep_collecting(compared))
    return _attach(place, use_case, record, evidence, result, compared)


def _without_champion(record: VersionRecord, evidence: Evidence) -> LiveVerdict:
    """Nothing to compare with: the gate passed at training already, or the champion it was trained beside is gone."""
    open_still = any(gate["passed"] is None for gate in _shadow(evidence))
    return LiveVerdict(record, evidence, waiting="there is no champion to compare with any more" if open_still else "")


def _keep_collecting(compared: Compared) -> str:
    needed = compared.verdict.labels_needed
    more = f"about {needed} more labels" if needed else "how many more labels cannot be told yet"
    return f"{SHADOW}: keep collecting: {more} ({compared.verdict.reason})"


def _attach(
    place: Workspace,
    use_case: UseCase,
    record: VersionRecord,
    evidence: Evidence,
    result: GateResult,
    compared: Compared,
) -> LiveVerdict:
    """Keep the verdict with the version, in MLflow and in the case log; approvals of older evidence are void."""
    judged = asdict(result)
    gates = [judged if gate["gate"] == SHADOW else gate for gate in evidence["gates"]]
    gates += [] if _shadow(evidence) else [judged]
    found: Evidence = evidence | {"gates": gates, SHADOW: compared.as_row() | {"judged_at": place.now().isoformat()}}
    text = json.dumps(found, sort_keys=True, indent=2, allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    place.registry.attach(
        record.run_id,
        {
            "evidence/evidence.json": text.encode(),
            "evidence/gates.json": json.dumps(gates, sort_keys=True, ensure_ascii=False).encode(),
        },
        tags={"gates": "passed" if result.passed else "refused", "evidence_digest": digest},
    )
    versions.attach_evidence(
        place.log,
        use_case.name,
        record.model,
        record.version,
        evidence=text,
        evidence_digest=digest,
        certificate=record.certificate,
    )
    return LiveVerdict(replace(record, evidence=text, evidence_digest=digest), found)


def _declared(spec: ModelSpec) -> Gate | None:
    return next((gate for gate in spec.gates if gate.metric == SHADOW), None)


def _shadow(evidence: Evidence) -> list[Evidence]:
    return [gate for gate in evidence["gates"] if gate["gate"] == SHADOW]


def _without_shadow(evidence: Evidence) -> Evidence:
    gates = [gate for gate in evidence["gates"] if gate["gate"] != SHADOW]
    return {name: part for name, part in evidence.items() if name != SHADOW} | {"gates": gates}
