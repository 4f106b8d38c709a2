"""A Prefect server that ends when the process that started it does, however that ends.

Run as ``python -m aiops_flows.stack.leash`` with uvicorn's arguments; standard input is the leash.
"""

from __future__ import annotations

import os
import signal
import sys
import threading


def _end_with_parent() -> None:
    """Wait for the other end of standard input to close, then end this process in the usual way."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run uvicorn on a leash."""
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvicorn.main(sys.argv[1:])


if __name__ == "__main__":
    main()
