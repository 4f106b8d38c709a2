"""Which version of the code a use case is written in."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["code_version"]


def code_version(place: Workspace, use_case: UseCase) -> str:
    """The git commit of the use case's file (with ``+changes`` where it is edited), else the library's version."""
    if place.settings.code_version:
        return place.settings.code_version
    module = sys.modules.get(use_case.case.__module__)
    file = getattr(module, "__file__", None)
    if file:
        folder = Path(file).parent
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        if commit:
            return commit + ("+changes" if _git(folder, "status", "--porcelain", "--", file) else "")
        return f"sha256:{hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12]}"
    return "interactive"


def _git(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603, S607
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
