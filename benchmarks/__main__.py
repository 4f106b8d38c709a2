"""``python -m benchmarks``: cost, then quality on the published claims where their file is found; 1 where one fails."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.claims_replay import find_published


def main() -> int:
    """Each in a process of its own, since each sets up its own environment."""
    commands = ["cost"]
    if find_published() is None:
        print("claims_quality is left out: no file of published claims (AIOPS_SHARED_DATA)")
    else:
        commands.append("claims_quality")
    return max(
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode for name in commands
    )


if __name__ == "__main__":
    sys.exit(main())
