"""From `aiops-flows new` to a scheduled run, in an empty folder: which commands, and how long each took.

    python -m benchmarks.kit.fresh

Starts a Prefect server, MLflow and a worker on this machine, and ends them. It does not wait for the quarter of an
hour: that the schedule is there is read from the server, and the run is asked for at once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 600
USE_CASE = "refunds:REFUNDS"
_ADDRESS = """from aiops_flows import Settings, stack
print(stack.status(Settings()).api_url)"""


def environment(home: Path) -> dict[str, str]:
    """That of a fresh shell: the library is installed, nothing is set but the use case."""
    paths = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    bins = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = {"AIOPS_HOME": str(home), "AIOPS_USE_CASE": USE_CASE, "PATH": bins, "PYTHONPATH": paths}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIOPS_", "PREFECT_"))}
    return kept | told | {"OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


class Sitting:
    """Commands, one after the other, with their seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = environment(folder / "home")
        self.rows: list[tuple[str, float]] = []

    def run(self, command: str, place: str = "refunds") -> str:
        """Run a command as typed; what it said.

        Raises:
            RuntimeError: it failed.
        """
        begun = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder / place,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self.rows.append((command, time.monotonic() - begun))
        print(f"{self.rows[-1][1]:7.1f} s  {command}", flush=True)
        if done.returncode:
            raise RuntimeError(f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def until_decided(self, cases: int) -> None:
        """Wait until a run of the deployment has decided the cases or put them to people.

        Raises:
            RuntimeError: they are not through in time.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < SECONDS:
            status = json.loads(self.quietly("aiops-flows status --json"))
            through = sum(int(row["decided_by_policy"]) + int(row["open_reviews"]) for row in status)
            if through >= cases and not list((self.folder / "home" / "inbox" / "refunds").glob("*.csv")):
                self.rows.append((f"(a worker decides {cases} cases)", time.monotonic() - begun))
                print(f"{self.rows[-1][1]:7.1f} s  {self.rows[-1][0]}; status: {status}", flush=True)
                return
            time.sleep(2)
        raise RuntimeError("the cases are not through")

    def quietly(self, command: str) -> str:
        """Run a command that is not part of the sitting; what it said."""
        told = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder / "refunds",
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        return told.stdout


def main() -> None:
    """Print each command with its seconds, and the sum."""
    folder = Path(tempfile.mkdtemp(prefix="fresh-"))
    sitting = Sitting(folder)
    try:
        sitting.run("aiops-flows new refunds", place=".")
        sitting.run("python -m pytest -q -p no:cacheprovider")
        sitting.run("aiops-flows history data/past.csv data/past_outcomes.csv")
        sitting.run("aiops-flows retrain && aiops-flows promote decision")
        sitting.run("aiops-flows up")
        try:
            sitting.run('cp data/new.csv "$AIOPS_HOME/inbox/refunds/"')
            api = sitting.quietly(f"python -c '{_ADDRESS}'").strip()
            sitting.environment["PREFECT_API_URL"] = api
            listed = sitting.quietly("prefect deployment inspect refunds/refunds -o json")
            print("schedule:", json.loads(listed)["schedules"][0]["schedule"], flush=True)
            sitting.run("prefect deployment run refunds/refunds")
            sitting.until_decided(90)
        finally:
            sitting.environment.pop("PREFECT_API_URL", None)
            sitting.run("aiops-flows down")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    typed = [seconds for command, seconds in sitting.rows if not command.startswith("(")]
    whole = sum(seconds for _, seconds in sitting.rows)
    print(f"{len(typed)} commands, {whole / 60:.1f} minutes")


if __name__ == "__main__":
    main()
