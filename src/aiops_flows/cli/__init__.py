"""The command line: everything an operator, a reviewer and a risk officer ask, without writing Python.

Exit codes: 0 done, 1 the answer is "no" (a refused promotion, a finding of ``verify`` or ``doctor``), 2 a usage error,
3 an error that the message explains.
"""

from __future__ import annotations

from aiops_flows.cli.app import app, main

__all__ = ["app", "main"]
