"""The conformance suite: what any use case must keep, checked on its own cases in a scratch folder."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from aiops_flows.drill import crash_points
from aiops_flows.errors import AiopsError, UseCaseError
from aiops_flows.progress import logging_from, step
from aiops_flows.settings import Settings
from aiops_flows.steps.sources import Source
from aiops_flows.testing.deciding import decision_once, reason_for_every_verdict, replay_identical
from aiops_flows.testing.promoting import gate_both_ways, rollback_and_recall
from aiops_flows.testing.report import CheckResult, Report, failed, passed
from aiops_flows.testing.scene import Scene
from aiops_flows.testing.sending import effects_once
from aiops_flows.testing.taking_in import intake_twice, poison_rows
from aiops_flows.use_case import load_use_case

__all__ = ["CHECKS", "check_conformance", "conformance"]

Check = Callable[[Scene], CheckResult]
_EVERY = 48  # of the short drill: two or three places to die at in the life of a batch
_SHOWN = 3


def short_drill(scene: Scene) -> CheckResult:
    """A process dies at several places of a batch's life; the same command afterwards brings everything through."""
    with scene.stage("drill") as stage:
        held = crash_points(stage, every=_EVERY)
    if held.violations:
        return failed("short drill", "; ".join(held.violations[:_SHOWN]), held.figures)
    told = f"killed at {held.figures['points']} places of a batch's life; the same again came through, nothing twice"
    return passed("short drill", told, held.figures)


CHECKS: Mapping[str, Check] = {
    "intake twice": intake_twice,
    "gate both ways": gate_both_ways,
    "a decision once": decision_once,
    "a reason for every verdict": reason_for_every_verdict,
    "replay identical": replay_identical,
    "effects once": effects_once,
    "rollback and recall": rollback_and_recall,
    "poison rows": poison_rows,
    "short drill": short_drill,
}
"""Every check by its name, in the order in which they are held."""


def conformance(
    use_case: str,
    rows: Source,
    outcomes: Source,
    *,
    home: Path | str | None = None,
    only: Sequence[str] = (),
    told: Callable[[str], None] = lambda _: None,
) -> Report:
    """What became of each check of a use case: passed or failed, with a sentence.

    Everything happens in a scratch folder; the record and the models of your home folder are not touched. The models
    are trained on the given cases as of the moment after the last outcome.

    Args:
        use_case: path such as ``returns:RETURNS``; it must be importable, as processes of the drill import it too.
        rows: past cases: file, folder, frame or rows; a few hundred with outcomes.
        outcomes: what became of them.
        home: folder to work in, kept afterwards; by default a temporary one.
        only: names of `CHECKS`; by default all.
        told: is told which check is held.

    Raises:
        UseCaseError: there is no such use case, or no such check.
    """
    if unknown := [name for name in only if name not in CHECKS]:
        raise UseCaseError(f"no check is called {unknown}; choose among {list(CHECKS)}")
    declared = load_use_case(use_case)
    results: list[CheckResult] = []
    with _scratch(home) as folder, logging_from(logging.CRITICAL):
        settings = Settings(home=folder, database_url="", mlflow_url="", actor="conformance")
        place = Path(tempfile.mkdtemp(prefix="conformance-", dir=folder))
        scene = Scene(use_case, declared, rows, outcomes, place, settings)
        try:
            for name in only or CHECKS:
                told(name)
                step("%s (%d of %d)", name, len(results) + 1, len(only or CHECKS))
                results.append(_held(name, scene))
        finally:
            scene.close()
    return Report(declared.name, results)


def check_conformance(
    use_case: str, rows: Source, outcomes: Source, *, home: Path | str | None = None, only: Sequence[str] = ()
) -> Report:
    """The report of `conformance`, for a test: a check that fails is an assertion error with its sentence.

    Raises:
        AssertionError: a check failed; the message holds the sentence of each.
    """
    report = conformance(use_case, rows, outcomes, home=home, only=only)
    if not report.passed:
        raise AssertionError("\n".join(str(result) for result in report.failed))
    return report


def _held(name: str, scene: Scene) -> CheckResult:
    """The result of one check; what the use case's own code raises is a failure with its place, not its words."""
    begun = time.monotonic()
    try:
        result = CHECKS[name](scene)
    except AiopsError as fault:
        result = failed(name, f"{type(fault).__name__}: {fault}")
    except Exception as fault:  # noqa: BLE001  code of the user's: its words may quote a case
        spot = traceback.extract_tb(fault.__traceback__)[-1]
        sentence = f"{type(fault).__name__} in {Path(spot.filename).name}, line {spot.lineno}, {spot.name}"
        result = failed(name, sentence)
    return replace(result, seconds=time.monotonic() - begun)


@contextmanager
def _scratch(home: Path | str | None) -> Iterator[Path]:
    """The folder that is worked in; a temporary one is removed."""
    if home is not None:
        Path(home).mkdir(parents=True, exist_ok=True)
        yield Path(home).absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="aiops-conformance-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
