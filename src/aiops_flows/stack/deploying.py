"""What runs when: the deployments of a ``prefect.yaml``, given to the running Prefect server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiops_flows.errors import StackError
from aiops_flows.private_files import private_folder
from aiops_flows.settings import Settings
from aiops_flows.stack.environment import prefect_environment, process_environment
from aiops_flows.stack.processes import PRIVATE, ask

__all__ = ["WORK_POOL", "deploy", "deployments_of", "require_prefect_yaml", "workers_online"]

WORK_POOL = "aiops"
_DEPLOY_SECONDS = 300
_LAST_LINES = 15


def deploy(settings: Settings, project: Path | None = None, api_url: str = "", only: Sequence[str] = ()) -> list[str]:
    """Give a project's ``prefect.yaml`` to the server: deployments, schedules, automations.

    Deploying again changes what the file changed, and doubles nothing. The work pool and the inbox folders that
    deployments read are made where they are missing.

    Args:
        settings: whose home folder and server.
        project: the folder of ``prefect.yaml``; by default the current one.
        api_url: the server; by default the one that runs for this home folder.
        only: paths of use cases, such as ``flows.claims:CLAIMS``; only their deployments. By default all of the file.

    Returns:
        Names as ``flow/deployment``.

    Raises:
        StackError: there is no file or no server, no deployment of a use case in ``only``, or Prefect refused.
    """
    folder = (project or Path.cwd()).absolute()
    address = api_url or prefect_environment(settings).get("PREFECT_API_URL", "")
    if not address:
        raise StackError("no Prefect server runs for this home folder; start it with: aiops-flows up")
    require_prefect_yaml(folder)
    names = deployments_of(folder, only) if only else []
    _make_pool(address)
    _run_prefect_deploy(settings, folder, address, names)
    deployed = ask(f"{address}/deployments/filter", {}) or []
    _make_inboxes(settings, deployed)
    return sorted(f"{_flow_name(address, one)}/{one['name']}" for one in deployed)


def require_prefect_yaml(project: Path) -> None:
    """Raise `StackError` where the project says nothing of what runs when."""
    if not (project / "prefect.yaml").is_file():
        raise StackError(f"no prefect.yaml in {project}; run this in the project's folder, or copy the file there")


def deployments_of(project: Path, use_cases: Sequence[str]) -> list[str]:
    """The names of the deployments in a project's ``prefect.yaml`` that belong to some use cases.

    A deployment belongs to a use case whose path is its parameter ``use_case``, or whose module holds its flow.

    Raises:
        StackError: the file cannot be read, or has no deployment of one of them.
    """
    import yaml

    try:
        content = yaml.safe_load((project / "prefect.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as fault:
        raise StackError(f"{project / 'prefect.yaml'} cannot be read: {fault}") from fault
    declared = [each for each in (content or {}).get("deployments") or [] if isinstance(each, dict)]
    chosen: list[str] = []
    for use_case in use_cases:
        names = [str(each["name"]) for each in declared if _belongs(each, use_case)]
        if not names:
            raise StackError(
                f"{project / 'prefect.yaml'} has no deployment of {use_case}; aiops-flows new writes such a block, or "
                "leave the use case out to deploy the whole file"
            )
        chosen += names
    return list(dict.fromkeys(chosen))


def _belongs(deployment: dict[str, Any], use_case: str) -> bool:
    module = use_case.partition(":")[0]
    entrypoint = str(deployment.get("entrypoint", "")).replace(":", ".").replace(".py.", ".").replace("/", ".")
    parameters = deployment.get("parameters") or {}
    return parameters.get("use_case") == use_case or entrypoint.rpartition(".")[0] == module


def workers_online(api_url: str) -> int:
    """How many workers of the pool have reported themselves lately."""
    found = ask(f"{api_url}/work_pools/{WORK_POOL}/workers/filter", {})
    return sum(worker.get("status") == "ONLINE" for worker in found) if isinstance(found, list) else 0


def _make_pool(api_url: str) -> None:
    made = ask(f"{api_url}/work_pools/", {"name": WORK_POOL, "type": "process"})
    if made is None or made.get("refused") not in {None, 409}:
        raise StackError(f"the Prefect server at {api_url} did not make the work pool {WORK_POOL}: {made}")


def _run_prefect_deploy(settings: Settings, folder: Path, api_url: str, names: Sequence[str]) -> None:
    which = [part for name in names for part in ("--name", name)] or ["--all"]
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *which, "--prefect-file", "prefect.yaml"]
    environment = process_environment(settings, folder, api_url)
    log = settings.folder / "logs" / "deploy.log"
    private_folder(log.parent)
    with log.open("wb") as output:
        code = subprocess.run(  # noqa: S603  our own command
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_DEPLOY_SECONDS,
            umask=PRIVATE,
            check=False,
        ).returncode
    if code:
        said = "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
        raise StackError(f"prefect deploy refused {folder / 'prefect.yaml'} (all of it in {log}):\n{said}")


def _make_inboxes(settings: Settings, deployed: list[dict[str, Any]]) -> None:
    """The folders below the home folder that deployments name as their source."""
    for source in (one["parameters"].get("source") for one in deployed):
        if isinstance(source, str) and Path(source).is_relative_to(settings.folder):
            private_folder(Path(source))


def _flow_name(api_url: str, deployment: dict[str, Any]) -> str:
    return str((ask(f"{api_url}/flows/{deployment['flow_id']}") or {}).get("name", "?"))
