"""The environment keeps Prefect and MLflow silent, at home, and on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiops_flows.errors import StackError
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.stack import prefect_environment, start, status, stop
from aiops_flows.stack.environment import mlflow_environment, process_environment, server_environment
from aiops_flows.stack.postgresql import check, database

API = "http://127.0.0.1:4200/api"


def test_nothing_is_sent_to_anybody(tmp_path: Path) -> None:
    """Every process of the stack has telemetry switched off."""
    settings = Settings(home=tmp_path)
    for environment in (
        prefect_environment(settings),
        server_environment(settings, API),
        process_environment(settings, tmp_path, API),
        mlflow_environment(settings, "sqlite://"),
    ):
        assert environment["DO_NOT_TRACK"] == "1"
        assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
        assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_prefect_knows_every_variable_that_is_meant_for_it(tmp_path: Path) -> None:
    """A setting that a new Prefect no longer has is found out here."""
    from prefect.settings import temporary_settings

    settings = Settings(home=tmp_path)
    ours = server_environment(settings, API) | process_environment(settings, tmp_path, API)
    meant = {name: value for name, value in ours.items() if name.startswith("PREFECT_")}
    with temporary_settings(updates={name: meant[name] for name in meant if not name.startswith("PREFECT__")}) as seen:
        assert seen.api.url == API
        assert seen.server.services.task_run_recorder.batch_size > 1


def test_prefects_home_is_below_ours(tmp_path: Path) -> None:
    """The user's own Prefect profile is never read or written."""
    assert Path(prefect_environment(Settings(home=tmp_path))["PREFECT_HOME"]).is_relative_to(tmp_path)


def test_a_server_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    """Without a stack of ours the address of a Prefect server is the user's to set."""
    assert "PREFECT_API_URL" not in prefect_environment(Settings(home=tmp_path))
    assert prefect_environment(Settings(home=tmp_path), API)["PREFECT_API_URL"] == API


def test_only_its_own_page_may_call_the_server(tmp_path: Path) -> None:
    """Another site open in the same browser cannot approve a promotion."""
    allowed = server_environment(Settings(home=tmp_path), API)["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"]
    assert allowed == "http://127.0.0.1:4200,http://localhost:4200"


def test_loopback_is_never_asked_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user excluded from the proxy stays excluded, and loopback with it."""
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    assert prefect_environment(Settings(home=tmp_path))["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"


def test_nothing_runs_before_anything_was_started(tmp_path: Path) -> None:
    """Status and stop say nothing runs; stopping twice is no fault."""
    settings = Settings(home=tmp_path)
    assert not status(settings).runs
    assert status(settings).rows() == []
    assert stop(settings) == stop(settings) == []


def test_a_damaged_record_counts_as_nothing_running(tmp_path: Path) -> None:
    """A record that cannot be read does not keep anything from starting."""
    settings = Settings(home=tmp_path)
    (tmp_path / "stack.json").write_text('{"parts": 3}')
    assert status(settings).parts == ()


def test_each_database_has_its_driver_and_keeps_the_rest_of_the_address() -> None:
    """User, port and options of the server's URL go to each of its databases."""
    url = database("postgresql://claims:geheim@db.example:5433?sslmode=require", "aiops_prefect", "asyncpg")
    assert url == "postgresql+asyncpg://claims:geheim@db.example:5433/aiops_prefect?sslmode=require"


@pytest.mark.parametrize("url", ["sqlite:///x.db", "postgresql://nobody@127.0.0.1:1"])
def test_a_database_that_cannot_be_opened_is_named(url: str) -> None:
    """The message says what was expected, without the password."""
    with pytest.raises(StackError, match=r"postgresql://|createdb aiops_case_log"):
        check(url)


def test_a_project_without_prefect_yaml_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    """The fault is found before any process is started."""
    with pytest.raises(StackError, match=r"no prefect\.yaml"):
        start(Settings(home=tmp_path), project=tmp_path)
    assert not status(Settings(home=tmp_path)).parts


def test_no_password_of_a_database_is_printed_with_the_settings() -> None:
    """Settings are shown by debuggers and in logs of errors."""
    settings = Settings(database_url="postgresql://me:hush@db/x", mlflow_url="https://me:hush@mlflow.example?t=hush")
    assert "hush" not in f"{settings!r} {settings}"
    registry = Registry(settings.mlflow_url, settings.model_cache)
    assert "hush" not in registry.url_of("claims", 1) + registry.place + repr(registry)
