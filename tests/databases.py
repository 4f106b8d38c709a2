"""The databases of the tests: SQLite files, and PostgreSQL databases in a private cluster on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from aiops_flows.case_log import CaseLog, audit

_BINARIES = Path("/usr/lib/postgresql/15/bin")
_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"


def _binary(name: str) -> str | None:
    found = shutil.which(name, path=f"{_BINARIES}{os.pathsep}{os.environ.get('PATH', '')}")
    return found and str(Path(found).resolve())


def _ordinary_user() -> str | None:
    """Somebody to run PostgreSQL as, which refuses to run as root; None where we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(*command: str) -> None:
    """Run a program of PostgreSQL, as an ordinary user."""
    user = _ordinary_user()
    done = subprocess.run(  # its server must not keep our pipes open: output goes to a file
        command,
        check=False,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {' '.join(command)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, without a database name; it goes away with the session."""
    initdb, pg_ctl, server = _binary("initdb"), _binary("pg_ctl"), _binary("postgres")
    if not (initdb and pg_ctl and server):
        pytest.skip("PostgreSQL is not installed (initdb, pg_ctl and postgres are looked for)")
    home = Path(tempfile.mkdtemp(prefix="aiops-postgres-"))
    if user := _ordinary_user():
        shutil.chown(home, user)
    data, port = str(home / "data"), _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' {_FAST}"
    try:
        _run(initdb, "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        _run(pg_ctl, "-D", data, "-w", "-t", "120", "-o", options, "-l", str(home / "server.log"), "start")
        yield f"postgresql://tests@127.0.0.1:{port}"
        _run(pg_ctl, "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_cluster: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database."""
    name = f"t_{uuid4().hex}"
    with psycopg.connect(f"{postgres_cluster}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield f"{postgres_cluster}/{name}"
    with psycopg.connect(f"{postgres_cluster}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'case_log.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def case_log(database_url: str, tmp_path: Path) -> Iterator[CaseLog]:
    """An open case log on a fresh database of each kind; what must always hold in it is checked after the test."""
    with CaseLog.open(database_url, witness=tmp_path / "witness") as log:
        yield log
        assert audit.check_invariants(log) == []
        assert audit.verify(log) == []
