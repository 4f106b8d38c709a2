"""Checks of gates and of the way back: what is better passes, what is not does not, and what was decided is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from aiops_flows.case_log import audit, promotions
from aiops_flows.errors import TrainingError
from aiops_flows.gate_results import GateResult, all_passed
from aiops_flows.gates import Scored, judge
from aiops_flows.steps.cross_fitting import Trained
from aiops_flows.steps.fitting import fit
from aiops_flows.steps.judging import judged
from aiops_flows.steps.promotion import rollback
from aiops_flows.steps.recall import recall
from aiops_flows.steps.rows import labelled_parts
from aiops_flows.steps.training import in_order
from aiops_flows.testing.report import CheckResult, failed, passed, unproved
from aiops_flows.testing.scene import Scene
from aiops_flows.use_case import ModelSpec

__all__ = ["gate_both_ways", "rollback_and_recall"]

_FEWEST_TEXTS = 30


def gate_both_ways(scene: Scene) -> CheckResult:
    """Each model passes its gates on the given cases; one that learned from shuffled outcomes, or is silent, does not.

    A text cannot be learned from shuffled ones: of a writer, texts are given to other cases instead.
    """
    name = "gate both ways"
    try:
        trained = scene.trained
    except TrainingError as fault:
        return failed(name, f"no model can be trained on the given cases: {fault}")
    broken = [sentence for spec in in_order(scene.use_case) for sentence in _gates_of(scene, spec)]
    figures = {"models": len(trained), "gates": sum(len(spec.gates) for spec in scene.use_case.models)}
    if broken:
        return failed(name, "; ".join(broken), figures)
    told = f"{len(trained)} models pass their gates; shuffled outcomes and answers that cannot be measured do not"
    return passed(name, told, figures)


def _gates_of(scene: Scene, spec: ModelSpec) -> Iterator[str]:
    """What is wrong with the gates of a model, one sentence each."""
    made = scene.trained[spec.name]
    if not made.passed:
        yield f"{spec.name} does not pass its own gates on the given cases ({'; '.join(made.reasons)})"
        return
    parts = labelled_parts(scene.work, scene.use_case, spec, as_of=scene.work.now(), window=spec.train_window)
    train, judging = parts["train"], parts["judge"]
    luck = np.random.default_rng(0)
    shuffled = replace(train, truth=luck.permutation(train.truth)) if len(train) else train
    worse = fit(spec.estimator, spec, shuffled)
    results, scores = judged(scene.work, scene.use_case, spec, Trained(worse, train, judging), made.drift)
    truth = judging.truth.astype(str) if spec.kind == "classifier" else judging.truth

    def judge_as(challenger: Scored, champion: Scored | None) -> list[GateResult]:
        latency, missing = _measured(made.results)
        said = (challenger, champion, scores["baseline"])
        return judge(spec, truth, *said, made.drift, missing, latency, cases=judging.cases)

    own = scores.get("champion", scores["challenger"])
    if spec.kind == "writer":
        results = judge_as(_dealt(own, luck), own)
    if all_passed(results) and _told_apart(spec, truth):
        gates = ", ".join(gate.metric for gate in spec.gates)
        yield (
            f"a challenger of {spec.name} that learned from shuffled outcomes passes its gates ({gates}); give it a "
            "gate on quality with beats_baseline or a tighter max_drop"
        )
    if all_passed(judge_as(Scored([], missing="it says nothing"), own)):
        yield f"a challenger of {spec.name} that says nothing passes its gates; give it a gate on quality"
    if spec.kind != "writer" and not all_passed(judge_as(own, scores["challenger"])):
        yield f"{spec.name} does not pass its gates against a champion that learned from shuffled outcomes"


def _measured(results: list[GateResult]) -> tuple[float | None, float | None]:
    """Latency and share of missing values, as they were measured at the training."""
    found = {result.gate: result.value for result in results}
    return found.get("latency"), found.get("missing_values")


def _dealt(own: Scored, luck: np.random.Generator) -> Scored:
    """A writer's texts, each given to another case."""
    return Scored([own.values[place] for place in luck.permutation(len(own.values))])


def _told_apart(spec: ModelSpec, truth: np.ndarray) -> bool:
    """Whether a gate of the model can tell good from bad on these rows: of texts, enough must be known."""
    return spec.kind != "writer" or sum(text is not None for text in truth) >= _FEWEST_TEXTS


def rollback_and_recall(scene: Scene) -> CheckResult:
    """A second version is rolled back in one step; every case it decided is found, and decided again or asked about."""
    name, spec, place = "rollback and recall", scene.judging, scene.work
    decided = scene.decided
    by_policy = int((decided["verdict_by"] == "policy").sum())
    bad, first = scene.second.version, scene.trained[spec.name].version
    done = rollback(place, scene.use_case, spec.name, reason="a rehearsal")
    champion = promotions.champion(place.log, scene.use_case.name, spec.name)
    found = recall(place, scene.use_case, spec.name, bad)
    again = recall(place, scene.use_case, spec.name, bad)
    through = found.confirmed + found.requeued + found.by_people + found.already_open
    figures = {
        "decided": by_policy, "found": found.found, "confirmed": found.confirmed, "requeued": found.requeued,
    }  # fmt: skip
    broken = []
    if champion is None or champion.version != first or done.action != "rolled back":
        broken.append(f"after the rollback of version {bad} the champion is not version {first}")
    if found.found != by_policy or through != by_policy:
        broken.append(f"{by_policy} cases were decided by version {bad}, {found.found} found, {through} seen to")
    if again.confirmed or again.requeued:
        broken.append("recalling once more decided cases again")
    broken += [each.what for each in audit.verify(place.log)] + audit.check_invariants(place.log)
    if broken:
        return failed(name, "; ".join(broken), figures)
    if not by_policy:
        return unproved(name, "rolled back, but nothing was decided without a person, so nothing to recall")
    told = (
        f"rolled back to version {first}; of {by_policy} decisions {found.confirmed} confirmed, {found.requeued} asked"
    )
    return passed(name, told, figures)
