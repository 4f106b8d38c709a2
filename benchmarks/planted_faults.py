"""Faults planted in the modules that keep promises, each of which a test or a drill must notice.

python -m benchmarks.planted_faults [--only WORD] [--write FILE]

Each fault is one edit of one file, made in a copy of the package. Its tests must pass without it and fail with it; a
fault that survives is a promise without a proof, and the exit code is 1. An edit that no longer fits its file is an
error: the list has to follow the code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FAULTS", "Fault", "main", "planted"]

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "aiops_flows"
_SECONDS = 600


@dataclass(frozen=True)
class Fault:
    """One edit that breaks one promise."""

    promise: str
    what: str
    file: str
    """Below ``src/aiops_flows``."""
    old: str
    """Stands in the file exactly once."""
    new: str
    tests: Sequence[str] = ()
    """What pytest is given: files, or files with the name of a test."""
    drill: Sequence[str] = ()
    """Instead of tests: what ``aiops-flows drill`` is given."""


CASE_LOG = "tests/integration/case_log"
STEPS = "tests/integration/steps"

FAULTS = (
    Fault(
        "P16",
        "whether policy may decide is not asked when decisions are written",
        "case_log/verdicts.py",
        "if len(decisions.case_ids):",
        "if False:",
        drill=["stopping", "--stops", "4"],
    ),
    Fault(
        "P16",
        "whether policy may decide is not asked when decisions are written",
        "case_log/verdicts.py",
        "if len(decisions.case_ids):",
        "if False:",
        tests=[f"{CASE_LOG}/test_holds.py"],
    ),
    Fault(
        "P16",
        "the end of a certificate is judged when it is planned only",
        "case_log/permission.py",
        "if permission.expires_at is None or transaction.at >=",
        "if permission.expires_at is None and transaction.at >=",
        tests=[f"{CASE_LOG}/test_holds.py"],
    ),
    Fault(
        "P6",
        "the fence of a lease is not compared when a batch is written",
        "case_log/transaction.py",
        "if now != fence:",
        "if False:",
        drill=["pausing", "--stops", "4"],
    ),
    Fault(
        "P6",
        "the fence of a lease is not compared when a batch is written",
        "case_log/transaction.py",
        "if now != fence:",
        "if False:",
        tests=[f"{CASE_LOG}/test_leases.py"],
    ),
    Fault(
        "P5",
        "the same id with other content is ignored",
        "case_log/arrivals.py",
        "if stored[case_id] != digest]",
        "if False]",
        drill=["poison", "--rows", "300"],
    ),
    Fault(
        "P28",
        "any error of a sink counts as a delivery",
        "steps/outbox.py",
        'return _failed(effect, f"the sink failed: {type(fault).__name__}", for_good=False)',
        'return Attempt(effect.effect_id, "delivered")',
        drill=["effects", "--kills", "5"],
    ),
    Fault(
        "P18",
        "an audit row is not compared with the one that it follows",
        "case_log/audit.py",
        'elif row["previous"] != (before["hash"] if before else GENESIS) and _is_whole(row):',
        "elif False:",
        tests=[f"{CASE_LOG}/test_audit.py"],
    ),
    Fault(
        "P18",
        "the digest of stored rows is not compared",
        "case_log/audit.py",
        'elif content_digest(columns) != row["digest"]:',
        "elif False:",
        tests=[f"{CASE_LOG}/test_audit.py"],
    ),
    Fault(
        "P18",
        "the end of the audit trail is not compared with its head",
        "case_log/audit.py",
        'elif last and trail[use_case][last]["hash"] != digest:',
        "elif False:",
        tests=[f"{CASE_LOG}/test_audit.py"],
    ),
    Fault(
        "P1",
        "PostgreSQL acknowledges a commit that a crash can lose",
        "case_log/log.py",
        "-c synchronous_commit=on ",
        "",
        tests=[f"{CASE_LOG}/test_schema.py::test_postgresql_is_set_to_lose_nothing"],
    ),
    Fault(
        "P1",
        "SQLite does not sync at each commit",
        "case_log/log.py",
        "'NORMAL' if options.get('aiops_leasing') else 'FULL'",
        "'NORMAL'",
        tests=[f"{CASE_LOG}/test_schema.py"],
    ),
    Fault(
        "P2",
        "policy decides a case that waits for a person",
        "case_log/verdicts.py",
        "policy, CASE_IS_STORED, _NO_REVIEW)",
        "policy, CASE_IS_STORED)",
        tests=[f"{CASE_LOG}/test_decisions.py", f"{CASE_LOG}/test_writes.py"],
    ),
    Fault(
        "P14",
        "a promotion does not look whether somebody else moved the champion",
        "case_log/promotions.py",
        "    if now != expected:\n",
        "    if False:\n",
        tests=[f"{CASE_LOG}/test_promotions.py"],
    ),
    Fault(
        "P13",
        "a model is loaded whatever its digest is",
        "registry/files.py",
        "if found != digest or not content:",
        "if not content:",
        tests=["tests/integration/registry", "tests/unit/registry"],
    ),
    Fault(
        "P20",
        "a certificate of another version of the policy is accepted",
        "steps/certificate.py",
        "if certificate.policy_version != policy:",
        "if False:",
        tests=["tests/unit/test_certificate_in_force.py"],
    ),
    Fault(
        "P20",
        "a certificate that has expired is accepted",
        "steps/certificate.py",
        "if certificate.expired(at):",
        "if False:",
        tests=["tests/unit/test_certificate_in_force.py"],
    ),
    Fault(
        "P20",
        "an answer of another version than the certified one is decided on",
        "steps/proposing.py",
        "        allowed = allowed & same\n",
        "",
        tests=["tests/unit/test_certificate_in_force.py"],
    ),
    Fault(
        "P16",
        "an alarm that sends cases to people is not looked at",
        "steps/proposing.py",
        'if alarm.action != "to people" or alarm.model not in rests_on:',
        "if True:",
        tests=["tests/unit/test_certificate_in_force.py"],
    ),
    Fault(
        "P16",
        "a hold is not looked at in the transaction that decides",
        "case_log/permission.py",
        "if holds := rows_in_force(transaction):",
        "if holds := []:",
        tests=[f"{CASE_LOG}/test_holds.py"],
    ),
    Fault(
        "P16",
        "the end of a certificate is not looked at in the transaction that decides",
        "case_log/permission.py",
        "if permission.expires_at is None or transaction.at >= moment_text(permission.expires_at):",
        "if False:",
        tests=[f"{CASE_LOG}/test_holds.py"],
    ),
    Fault(
        "P20",
        "a threshold is certified by the observed error, without its bound",
        "evidence/thresholds.py",
        "budget = (1 - confidence_level) / max(len(begin), 1)",
        "budget = 0.5",
        tests=["tests/unit/evidence"],
    ),
    Fault(
        "P20",
        "a batch is not compared with the certified rows",
        "steps/proposing.py",
        "if before is None or certified is None or not asked.use_case.review.batch_false_alarms:",
        "if True:",
        tests=[f"{STEPS}/test_certificates.py::test_a_batch_unlike_the_certified_rows_goes_to_people"],
    ),
    Fault(
        "P20",
        "answers are compared with the latest 200 cases only",
        "steps/likeness.py",
        "    if len(before.answers) > needed and _rows_count(use_case):\n",
        "    if False:\n",
        tests=["tests/unit/test_likeness.py"],
    ),
    Fault(
        "P27",
        "the size of a body that comes in chunks is not limited",
        "serving/http.py",
        "                if len(body) > MOST_BYTES:\n",
        "                if False:\n",
        tests=["tests/integration/serving/test_connections.py"],
    ),
    Fault(
        "P27",
        "a request without the token is let in",
        "serving/guard.py",
        "if self.token and not hmac.compare_digest(given.encode(), self.token.encode()):",
        "if False:",
        tests=["tests/acceptance/test_resident.py"],
    ),
)


@contextmanager
def planted(fault: Fault | None) -> Iterator[Path]:
    """A folder with a copy of the package in which a fault is planted, to put before the path of modules.

    Raises:
        ValueError: the edit does not fit the file.
    """
    folder = Path(tempfile.mkdtemp(prefix="planted-"))
    try:
        copy = folder / "aiops_flows"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        if fault is not None:
            _edit(copy / fault.file, fault)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _edit(file: Path, fault: Fault) -> None:
    text = file.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        raise ValueError(
            f"{fault.file} has {text.count(fault.old)} places like {fault.old!r}, expected one: the fault "
            f"'{fault.what}' has to follow the code"
        )
    file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")


def noticed(fault: Fault, folder: Path) -> bool:
    """Whether the fault's tests, or its drill, end with a failure when they run on the package in a folder."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    if fault.drill:
        command = [sys.executable, "-c", "from aiops_flows.cli import main; main()", "drill", *fault.drill]
    else:
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", *fault.tests]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if ended.returncode not in {0, 1}:
        raise RuntimeError(f"{' '.join(command[-3:])} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.returncode == 1


def _table(rows: Sequence[tuple[Fault, bool]]) -> str:
    head = ["| promise | planted | in | looked for by | noticed |", "| --- | --- | --- | --- | --- |"]
    lines = []
    for fault, seen in rows:
        by = (
            f"drill {fault.drill[0]}"
            if fault.drill
            else ", ".join(Path(test.split("::")[0]).stem for test in fault.tests)
        )
        lines.append(f"| {fault.promise} | {fault.what} | `{fault.file}` | {by} | {'yes' if seen else '**no**'} |")
    return "\n".join([*head, *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant each fault, print how it went; 1 where one survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="faults whose promise, file or words hold this")
    parser.add_argument("--write", type=Path, help="file for the page")
    asked = parser.parse_args(arguments)
    chosen = [each for each in FAULTS if asked.only in f"{each.promise} {each.file} {each.what}"]

    with planted(None) as sound:
        for tests, drill in dict.fromkeys((tuple(each.tests), tuple(each.drill)) for each in chosen):
            fault = Fault("", "nothing", "", "", "", tests, drill)
            if noticed(fault, sound):
                print(f"without a fault, {' '.join(drill or tests)} must pass and fails")
                return 1

    rows = []
    for fault in chosen:
        with planted(fault) as folder:
            seen = noticed(fault, folder)
        print(f"{'noticed ' if seen else 'SURVIVED'}  {fault.promise}  {fault.what}", flush=True)
        rows.append((fault, seen))
    killed = sum(seen for _, seen in rows)
    words = f"{killed} of {len(rows)} planted faults were noticed."
    print(words)
    if asked.write:
        command = "Written by `python -m benchmarks.planted_faults --write FILE`."
        page = f"# Planted faults\n\n{command}\n\n{words}\n\n{_table(rows)}\n"
        asked.write.write_text(page, encoding="utf-8")
    return int(killed < len(rows))


if __name__ == "__main__":
    sys.exit(main())
