"""Looking at an installation: is what it needs there, does it answer, is it safe?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal

from aiops_flows.case_log import audit, questions
from aiops_flows.errors import AiopsError, NoAnswer
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.automation import automation
from aiops_flows.steps.workspace import Workspace
from aiops_flows.telemetry import SILENT

__all__ = ["Examined", "examine"]

Verdict = Literal["good", "look", "broken"]
_HOME_STEP = "correct AIOPS_HOME; `aiops-flows up` or `run` makes a new home folder"
_OTHERS = 0o077  # the rights of group and others
_SHOWN = 5
_LEAST_FREE = 2**30
_TELEMETRY = {
    name: SILENT[name] for name in ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "PREFECT_SERVER_ANALYTICS_ENABLED")
}


@dataclass(frozen=True)
class Examined:
    """One thing that was looked at: ``good``, worth a ``look``, or ``broken``; and the next step."""

    what: str
    verdict: Verdict
    found: str
    next_step: str = ""


def examine() -> list[Examined]:
    """Everything that is looked at, in the order in which it would be mended."""
    checks: list[Callable[[], Examined]] = [
        _packages,
        _home,
        _disk,
        _case_log,
        _audit,
        _automation,
        _effects,
        _mlflow,
        _prefect,
        _telemetry,
    ]
    found = []
    for check in checks:
        found.append(check())
        if (found[-1].what, found[-1].verdict) == ("home", "broken"):
            break  # all that follows stands in it
    return found


def _packages() -> Examined:
    """Whether the installed versions are within the ranges this library names."""
    from packaging.requirements import Requirement

    wrong = []
    for text in requires("aiops-flows") or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} {found}, needed {requirement.specifier}")
    if wrong:
        return Examined("packages", "broken", "; ".join(wrong), "pip install -c constraints.txt aiops-flows")
    return Examined("packages", "good", f"aiops-flows {version('aiops-flows')}, all within their ranges")


def _home() -> Examined:
    folder = Settings().home_folder
    if not folder.is_dir():
        return Examined("home", "broken", f"the home folder {folder} does not exist", _HOME_STEP)
    if not os.access(folder, os.W_OK):
        return Examined("home", "broken", f"{folder} cannot be written", _HOME_STEP)
    if folder.stat().st_mode & _OTHERS:
        open_files = sorted(path.name for path in folder.iterdir() if path.lstat().st_mode & _OTHERS)
        also = f", and so can {', '.join(open_files[:_SHOWN])}" if open_files else ""
        step = f"it holds customers' data: chmod -R go= {folder}"
        return Examined("home", "look", f"{folder} can be read by others{also}", step)
    return Examined("home", "good", str(folder))


def _disk() -> Examined:
    free = shutil.disk_usage(Settings().home_folder).free
    if free < _LEAST_FREE:
        return Examined("disk", "look", f"{free / 2**20:.0f} MB free", "make room: a full disk stops batches whole")
    return Examined("disk", "good", f"{free / 2**30:.0f} GB free")


def _case_log() -> Examined:
    try:
        counts = questions.counts(Workspace.existing().log)
    except AiopsError as fault:
        return Examined("case log", "broken", str(fault), "check AIOPS_DATABASE_URL and that the database runs")
    kind = "SQLite" if Settings().case_log_url.startswith("sqlite") else "PostgreSQL"
    return Examined("case log", "good", f"{kind}, use cases: {len(counts)}, cases: {int(counts['cases'].sum())}")


def _audit() -> Examined:
    try:
        broken = audit.check_invariants(Workspace.existing().log)
    except AiopsError as fault:
        return Examined("record", "broken", str(fault), "mend the case log first")
    if broken:
        return Examined("record", "broken", "; ".join(broken[:3]), "aiops-flows verify tells the first bad place")
    return Examined("record", "good", "one effective decision a case, each with its audit row")


def _automation() -> Examined:
    """Whether policy decides cases, for each use case."""
    try:
        place = Workspace.existing()
        found = [automation(place, name) for name in questions.use_cases(place.log)]
    except AiopsError as fault:
        return Examined("automation", "broken", str(fault), "mend the case log first")
    lines = [f"{each.use_case}: {str(each).removeprefix('automation: ')}" for each in found]
    if any(not each.on for each in found):
        return Examined("automation", "look", "; ".join(lines), "aiops-flows alarms list; hold --list; certify")
    return Examined("automation", "good", "; ".join(lines) or "no use case yet")


def _effects() -> Examined:
    """Whether everything that decisions send to other systems arrives."""
    try:
        counts = questions.counts(Workspace.existing().log)
    except AiopsError as fault:
        return Examined("effects", "broken", str(fault), "mend the case log first")
    waiting, gone = int(counts["effects_waiting"].sum()), int(counts["effects_given_up"].sum())
    if gone:
        mend = "aiops-flows effects list tells why; once mended: effects retry --all"
        return Examined("effects", "look", f"{gone} given up, {waiting} waiting", mend)
    return Examined("effects", "good", f"none given up, {waiting} waiting")


def _mlflow() -> Examined:
    settings = Settings()
    registry = Registry(settings.tracking_url, settings.model_cache)
    url = registry.place
    if not registry.healthy():
        return Examined(
            "MLflow", "look", f"{url} does not answer", "scoring goes on with cached champions; training waits for it"
        )
    return Examined("MLflow", "good", url)


def _prefect() -> Examined:
    """Whether a Prefect server is set, answers, and is safe where others reach it."""
    from urllib.parse import urlparse

    from aiops_flows.outgoing import Caller

    url = os.environ.get("PREFECT_API_URL", "")
    if not url:
        return Examined("Prefect", "look", "no PREFECT_API_URL: flows start a server of their own", "aiops-flows up")
    try:
        Caller().call("GET", f"{url.rstrip('/')}/health", seconds=3)
    except NoAnswer as fault:
        return Examined(
            "Prefect", "broken", f"{url} does not answer: {fault}", "aiops-flows up, or mend PREFECT_API_URL"
        )
    if urlparse(url).hostname not in {"127.0.0.1", "localhost", "::1"} and not os.environ.get(
        "PREFECT_API_AUTH_STRING"
    ):
        return Examined("Prefect", "look", f"{url} is used without a login", "set PREFECT_SERVER_API_AUTH_STRING there")
    return Examined("Prefect", "good", url)


def _telemetry() -> Examined:
    open_ones = [name for name, value in _TELEMETRY.items() if os.environ.get(name, "").lower() != value]
    if open_ones:
        step = "set " + " ".join(f"{name}={_TELEMETRY[name]}" for name in open_ones)
        return Examined("telemetry", "look", "libraries may report their use", step)
    return Examined("telemetry", "good", "off")
