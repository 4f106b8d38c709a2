"""Without a network everything starts and works: nothing reports its use, looks for updates, or waits for a name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_pages import ROOT, blocks

pytestmark = [pytest.mark.prefect_server, pytest.mark.slow]

PAGE = ROOT / "docs" / "tutorial" / "claims.md"
QUESTIONS = """
aiops-flows status
aiops-flows verify
aiops-flows down
"""
SMALL = """
from flows.lookalike_claims import make_claims
from prefect import flow
from aiops_flows import intake

@flow
def take_in():
    return intake(CLAIMS, make_claims(20, seed=7))

print(len(take_in()), "claims came")
"""


def namespace() -> list[str]:
    """The command that runs a script where there is no network but loopback; skips where that is not allowed."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("unshare and ip are needed to take the network away")
    words = ["unshare", "--map-root-user", "--net"]
    tried = subprocess.run([*words, "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"a network namespace is not allowed here: {tried.stderr.decode().strip()}")
    return words


@pytest.mark.timeout(600)
def test_the_claims_tutorial_begins_without_a_network(tmp_path: Path) -> None:
    """Its own first commands: everything is started, the process is read, cases come in, questions are answered."""
    apart = namespace()
    shown = blocks(PAGE)
    first = next(place for place, block in enumerate(shown) if block.language == "python")
    commands = "\n".join(block.body for block in shown[:first] if block.language == "sh")
    commands = commands.replace("source .venv/bin/activate\n", "").replace("$PWD/.tutorial", str(tmp_path / "home"))
    assert "aiops-flows up" in commands
    script = tmp_path / "page.sh"
    script.write_text(
        f"set -euo pipefail\nip link set lo up\ntrap 'aiops-flows down' EXIT\n{commands}\n"
        f"python - <<'END'\n{shown[first].body}\n{SMALL}\nEND\n{QUESTIONS}"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "AIOPS_"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
        "HOME": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    for name in ("CI", "DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY"):
        environment.pop(name, None)
    ran = subprocess.run(
        [*apart, "bash", str(script)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert ran.returncode == 0, f"{ran.stdout[-3000:]}\n{ran.stderr[-6000:]}"
    assert "20 claims came" in ran.stdout
    assert "the audit trail holds" in ran.stdout
