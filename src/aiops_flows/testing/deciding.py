"""Checks of decisions: made once, each with its reason, and the same when they are made again."""

from __future__ import annotations

import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.drill.counting import count
from aiops_flows.errors import UseCaseError
from aiops_flows.replay.reproduce import reproduce
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.review import decide, propose
from aiops_flows.testing.report import CheckResult, failed, passed, unproved
from aiops_flows.testing.scene import Scene

__all__ = ["decision_once", "reason_for_every_verdict", "replay_identical"]

_ALONE = 12
_SHOWN = 2


def decision_once(scene: Scene) -> CheckResult:
    """The flow again over the same cases, whole and in parts, and over nothing: every case keeps its one decision."""
    first, place, name = scene.decided, scene.work, scene.use_case.name
    before = scene.head(place)
    rows = scene.live_rows
    half = len(rows) // 2
    columns = ["case_id", "verdict", "verdict_by", "verdict_reason"]
    parts = [scene.run(rows[::-1]), scene.run(rows[:half]), scene.run(rows[half:]), scene.run([])]
    again = pd.concat([part[columns] for part in parts if len(part)])
    written = scene.head(place) - before
    counted = count(place, name, [row["case_id"] for row in rows])
    past = len(scene.rows)  # history stands in the log undecided
    figures = {"cases": len(rows), "decided": counted.decided, "with_people": counted.with_people, "written": written}
    broken = [f"{number} {what}" for what, number in (("lost", counted.lost), ("doubled", counted.doubled)) if number]
    if counted.undecided > past:
        broken.append(f"{counted.undecided - past} neither decided nor with a person")
    broken += counted.faults[:_SHOWN]
    if written:
        broken.append(f"running it again wrote {written} times")
    told = first[columns].set_index("case_id")
    if not again[columns].set_index("case_id").sort_index().equals(told.loc[sorted(again["case_id"])]):
        broken.append("running it again gave other verdicts")
    if broken:
        return failed("a decision once", "; ".join(broken), figures)
    sentence = f"{len(rows)} cases went through three times, in other parts: {counted.decided} decided by policy, "
    return passed("a decision once", sentence + f"{counted.with_people} asked, each once", figures)


def reason_for_every_verdict(scene: Scene) -> CheckResult:
    """Every case has a verdict of the policy or waits for a person, with a reason; no answer is taken without one."""
    cases, policy, name = scene.decided, scene.use_case.review, "a reason for every verdict"
    silent = cases[~cases["verdict_reason"].fillna("").str.strip().astype(bool)]
    unknown = sorted(set(cases["verdict"].dropna()) - set(policy.verdicts))
    waiting = cases.loc[cases["verdict"].isna(), "case_id"]
    asked = set(questions.open_reviews(scene.work.log, scene.use_case.name, lane=False)["case_id"])
    broken = [f"{len(silent)} cases have no reason"] if len(silent) else []
    broken += [f"the verdicts {unknown} are none of {list(policy.verdicts)}"] if unknown else []
    broken += ["a case without a verdict is not put to anybody"] if set(waiting) - asked else []
    broken += _unreasoned(scene)
    figures = {"cases": len(cases), "reasons": cases["verdict_reason"].nunique()}
    if broken:
        return failed(name, "; ".join(broken), figures)
    most = cases["verdict_reason"].value_counts()
    sentence = f"{len(cases)} cases have one of {len(most)} reasons; the most frequent: {most.index[0]}"
    return passed(name, sentence, figures)


def _unreasoned(scene: Scene) -> list[str]:
    """What is wrong with how a person's answer without a reason is met."""
    case_id = scene.decided["case_id"].iloc[0]
    verdict = scene.use_case.review.verdicts[0]
    try:
        decide(scene.work, scene.use_case, case_id, verdict=verdict, reason=" ", actor="conformance")
    except UseCaseError:
        return []
    return ["a person's answer was taken without a reason"]


def replay_identical(scene: Scene) -> CheckResult:
    """Every automatic decision, made again from what it rested on, is the same; and so is a case's answer alone."""
    cases, name = scene.decided, "replay identical"
    found = reproduce(scene.work, scene.use_case)
    figures = {"decisions": found.decisions, "same": found.same, "furthest": found.worst}
    if found.differences:
        first = found.differences[0]
        sentence = (
            f"{len(found.differences)} of {found.decisions} decisions come out otherwise when they are made again "
            f"({first.what}); a model, a rule, a term or a derived column uses chance, the present moment or the rows "
            "beside it"
        )
        return failed(name, sentence, figures)
    if differing := _otherwise_alone(scene, cases):
        sentence = (
            f"{differing} of {min(_ALONE, len(cases))} cases are answered otherwise alone than among others; what is "
            "said of a case must depend on that case alone"
        )
        return failed(name, sentence, figures)
    if not found.decisions:
        why = "its policy leaves every case to people" if not scene.use_case.review.auto else "no rule held for a case"
        return unproved(name, f"nothing was decided without a person: {why}", figures)
    told = f"{found.decisions} decisions made again, {found.predictions} predictions, furthest {found.worst:.1g} apart"
    return passed(name, told, figures)


def _otherwise_alone(scene: Scene, cases: pd.DataFrame) -> int:
    """How many cases policy would answer otherwise if they came alone."""
    certificate, at = certificate_in_force(scene.work, scene.use_case), scene.work.now()
    together = propose(scene.use_case, cases, certificate, at=at).verdicts
    derived = list(scene.use_case.case.derived)
    differing = 0
    for position in range(min(_ALONE, len(cases))):
        alone = cases.iloc[[position]]
        one = propose(scene.use_case, alone, certificate, at=at).verdicts[0]
        row = [row for row in scene.live_rows if row["case_id"] == alone["case_id"].iloc[0]]
        came = take_in(scene.work, scene.use_case, row)
        same = came[derived].astype(str).equals(alone[derived].astype(str).reset_index(drop=True))
        differing += one != together[position] or not same
    return differing
