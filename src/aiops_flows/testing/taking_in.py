"""Checks of what comes in: taken once however often it comes, and bad rows set aside."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
from pydantic import ValidationError

from aiops_flows.case_log import questions
from aiops_flows.drill import poison
from aiops_flows.drill.poison import poisons
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.testing.report import CheckResult, failed, passed
from aiops_flows.testing.scene import Scene

__all__ = ["intake_twice", "poison_rows"]

_POISON_ROWS = 120
_SHOWN = 3


def intake_twice(scene: Scene) -> CheckResult:
    """The same cases and outcomes again, and in another order, change nothing and give the same frame."""
    given, place, use_case = scene.given, scene.desk, scene.use_case
    before = scene.head(place)
    again = take_in(place, use_case, scene.source, history=True)
    shuffled = list(scene.rows)
    random.Random(0).shuffle(shuffled)  # noqa: S311  not for secrets
    otherwise = take_in(place, use_case, shuffled, history=True)
    record_outcomes(place, use_case, scene.outcomes)
    written = scene.head(place) - before
    refused = questions.quarantine(place.log, use_case.name)
    figures = {"cases": len(given), "outcomes": len(scene.truth), "quarantined": len(refused), "written_again": written}
    for what, frame in (("taken in again", again), ("taken in again in another order", otherwise)):
        if not _same(given, frame):
            conflicts = refused[refused["reason"].str.contains("other content", regex=False)]
            why = (
                f"{len(conflicts)} of them became conflicts: a field gets another value each time (a default that is "
                "the present moment or by chance); let it come from the source"
                if len(conflicts)
                else "a field or a derived column depends on the moment, on chance, or on the rows beside it"
            )
            return failed("intake twice", f"cases {what} are not the same cases: {why}", figures)
    if written:
        sentence = f"cases and outcomes that came again wrote {written} times; they must be known"
        return failed("intake twice", sentence, figures)
    told = f"{len(given)} cases and {len(scene.truth)} outcomes came three times, in two orders: nothing was added"
    return passed("intake twice", told, figures)


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two frames hold the same cases with the same values, whatever their order and moment of receipt.

    That is the present moment where the source does not give it; where it does, another one is a conflict.
    """
    apart = ["batch", "received_at"]
    first, second = (each.drop(columns=apart).sort_values("case_id", ignore_index=True) for each in (one, other))
    try:
        pd.testing.assert_frame_equal(first, second)
    except AssertionError:
        return False
    return True


def poison_rows(scene: Scene) -> CheckResult:
    """Bad rows of every kind that the fields allow go to quarantine; every other row is decided or with a person."""
    case_type, good = scene.use_case.case, scene.rows[0]
    present = {name: value for name, value in good.items() if value is not None}
    taken = sorted({_spoilt(present, row) for row in poisons(case_type, present) if _is_case(scene, row)})
    if taken:
        sentence = (
            f"{case_type.__name__} takes for a case what is none: {'; '.join(taken[:_SHOWN])}. Give the field a "
            "narrower type, or leave out the validator that lets it pass"
        )
        return failed("poison rows", sentence)
    with scene.stage("poison") as stage:
        held = poison(stage, rows=_POISON_ROWS)
    if held.violations:
        return failed("poison rows", "; ".join(held.violations[:_SHOWN]), held.figures)
    told = f"{held.figures['poisons']} bad rows of {held.figures['kinds']} kinds are in quarantine, the others through"
    return passed("poison rows", told, held.figures)


def _is_case(scene: Scene, row: dict[str, Any]) -> bool:
    """Whether a row passes the case type, as intake would ask it."""
    here = {name: value for name, value in row.items() if value is not None}
    try:
        scene.use_case.case.model_validate(here)
    except (ValidationError, TypeError, ValueError, LookupError, AttributeError):  # what falls over is no case either
        return False
    return True


def _spoilt(good: dict[str, Any], row: dict[str, Any]) -> str:
    """Which field of a good row was spoilt, and by what, in a few characters."""
    if missing := sorted(set(good) - set(row)):
        return f"{missing[0]} left out"
    changed = next(name for name in row if name not in good or row[name] is not good[name])
    said = row[changed]
    return f"{changed} = {ascii(said[:30] if isinstance(said, str) else said)[:40]}"
