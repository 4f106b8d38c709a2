"""The databases of the set-up on PostgreSQL: their names and addresses, and whether they can be opened."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from aiops_flows.errors import StackError

__all__ = ["CASE_LOG", "MLFLOW", "PREFECT", "check", "database"]

CASE_LOG, MLFLOW, PREFECT = "aiops_case_log", "aiops_mlflow", "aiops_prefect"


def database(server_url: str, name: str, driver: str = "psycopg") -> str:
    """SQLAlchemy URL of one database on a server such as ``postgresql://claims@db.example:5432``."""
    parts = urlsplit(server_url)
    return urlunsplit((f"postgresql+{driver}", parts.netloc, f"/{name}", parts.query, ""))


def check(server_url: str) -> None:
    """Open each database once.

    Raises:
        StackError: it is no PostgreSQL URL, or a database cannot be opened.
    """
    import psycopg

    if not urlsplit(server_url).scheme.startswith("postgres"):
        raise StackError("expected a URL such as postgresql://claims@db.example:5432 for the PostgreSQL server")
    for name in (CASE_LOG, MLFLOW, PREFECT):
        address = database(server_url, name).replace("postgresql+psycopg:", "postgresql:", 1)
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.Error as fault:
            raise StackError(f"cannot open the database {name}: {fault}. Make it with: createdb {name}") from fault
