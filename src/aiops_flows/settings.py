"""Where things are kept and who acts, from ``AIOPS_*`` in the environment; by default everything is in one folder."""

from __future__ import annotations

import getpass
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from aiops_flows.private_files import private_folder

__all__ = ["Settings"]


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a passwd entry
        return "unknown"


class Settings(BaseSettings):
    """The settings of this process, read from the environment at the moment it is made.

    Nothing is read at import; make a new one to see a changed environment.
    """

    model_config = SettingsConfigDict(env_prefix="AIOPS_", frozen=True, extra="ignore")

    home: Path = Field(default=Path("~/.aiops-flows"), description="folder that holds everything not set otherwise")
    database_url: str = Field(default="", repr=False, description="case log; empty: SQLite in the home folder")
    mlflow_url: str = Field(
        default="", repr=False, description="MLflow tracking and registry; empty: SQLite in the home folder"
    )
    actor: str = Field(default_factory=_login_name, description="who acts, where a person's name is recorded")
    batch_size: int = Field(default=1_000, ge=1, description="cases written in one transaction")
    lease_seconds: float = Field(
        default=300.0, gt=0, description="a batch is taken over when its worker is silent so long"
    )
    attempts: int = Field(default=3, ge=1, description="a batch that failed so often is split, then quarantined")
    code_version: str = Field(
        default="", description="version of the flow code; empty: the git commit of the use case's file"
    )

    file_encoding: str = Field(
        default="", description="encoding of text files that are not UTF-8, such as cp1252; empty: they are refused"
    )
    serve_token: SecretStr = Field(
        default=SecretStr(""), description="what senders of cases must know; empty: they are on this machine"
    )

    @field_validator("mlflow_url", "database_url")
    @classmethod
    def _a_url(cls, given: str) -> str:
        """Without a scheme MLflow would take it for a folder, and nobody would notice."""
        if given and "://" not in given:
            raise ValueError("expected a URL such as http://127.0.0.1:5000 or sqlite:////home/me/mlflow.db")
        return given

    @property
    def folder(self) -> Path:
        """The home folder, made where it is missing."""
        return private_folder(self.home_folder)

    @property
    def home_folder(self) -> Path:
        """The home folder, which may be missing."""
        return self.home.expanduser().absolute()

    @property
    def case_log_url(self) -> str:
        """SQLAlchemy URL of the case log."""
        return self.database_url or f"sqlite:///{self.home_folder / 'case_log.db'}"

    @property
    def tracking_url(self) -> str:
        """URI of MLflow's tracking store and registry."""
        return self.mlflow_url or f"sqlite:///{self.home_folder / 'mlflow.db'}"

    @property
    def model_cache(self) -> Path:
        """Folder of model versions by digest, verified at each load."""
        return self.home_folder / "models"
