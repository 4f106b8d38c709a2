"""The resident process as its users have it: killed, ended, crowded, attacked, twice on one record, seen in Prefect."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from aiops_flows.case_log import questions
from aiops_flows.settings import Settings
from aiops_flows.stack import prefect_server
from aiops_flows.stack.processes import ask, wait_until
from aiops_flows.steps.workspace import Workspace
from tests.resident_parcels import parcel

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Served:
    """A resident process, and where it listens."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = JSON
    ) -> tuple[int, Any]:
        """The status and the JSON of an answer; status 0 where there was none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, HTTPException):
            return 0, None
        finally:
            connection.close()
        return answer.status, json.loads(said) if said.startswith((b"{", b"[")) else said.decode()

    def post(self, said: Any, **headers: str) -> tuple[int, Any]:
        """The answer to cases."""
        return self.request("POST", "/cases", json.dumps(said).encode(), {**JSON, **headers})

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


def started(folder: Path, *options: str, flow: str = "parcels", **environment: str) -> Served:
    """A resident process that takes cases."""
    log = folder / f"serve-{len(list(folder.glob('serve-*')))}.log"
    arguments = ["serve", "--flow", f"tests.resident_parcels:{flow}", "--port", "0", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from aiops_flows.cli import main; main()", *arguments],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        return "cases are taken at" in log.read_text()

    wait_until(listens, "the resident process to listen", seconds=90)
    found = re.search(r"taken at http://[^:]+:(\d+)/cases", log.read_text())
    assert found
    return Served(process, int(found.group(1)), log)


@contextmanager
def serving(folder: Path, *options: str, flow: str = "parcels", **environment: str) -> Iterator[Served]:
    """A resident process that is asked to end, and does so without a fault."""
    served = started(folder, *options, flow=flow, **environment)
    try:
        yield served
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 0, served.log.read_text()
    finally:
        served.kill()


def all_through(place: Workspace, ids: Sequence[str]) -> bool:
    """Whether each of these cases is decided or waits for a person, and nothing else is unfinished."""
    stored = questions.cases(place.log, "parcels", case_ids=ids)
    worked = questions.cases(place.log, "parcels", case_ids=ids, worked=True)
    return len(stored) == len(worked) == len(ids)


def sent_by_four(served: Served, ids: Sequence[str], told: Callable[[str], None]) -> None:
    """Four senders post the cases one by one; each acknowledged id is told."""

    def send(case_id: str) -> None:
        status, said = served.post(parcel(case_id))
        if status == 200 and said["state"] == "decided":
            told(case_id)

    with ThreadPoolExecutor(4) as senders:
        list(senders.map(send, ids))


def test_a_killed_process_loses_nothing_that_it_acknowledged(at_home: Workspace, tmp_path: Path) -> None:
    """After kill -9 each acknowledged case is stored and decided; what was half done is done by the next process."""
    acknowledged: list[str] = []
    served = started(tmp_path)
    try:
        with ThreadPoolExecutor(1) as aside:
            sent = aside.submit(sent_by_four, served, [f"k{number}" for number in range(400)], acknowledged.append)
            wait_until(lambda: len(acknowledged) >= 30, "cases to be acknowledged", seconds=60)
            served.kill()
            sent.result(120)
    finally:
        served.kill()
    assert 30 <= len(acknowledged) < 400
    assert all_through(at_home, acknowledged)
    with serving(tmp_path):
        stored = questions.cases(at_home.log, "parcels")["case_id"]
        sent_in = [case_id for case_id in stored if case_id.startswith("k")]
        wait_until(lambda: all_through(at_home, sent_in), "what was half done to be done", seconds=60)


def test_who_asks_it_to_end_gets_what_was_accepted_finished(at_home: Workspace, tmp_path: Path) -> None:
    """After SIGTERM each case has an answer that holds, or was never accepted."""
    acknowledged: list[str] = []
    with serving(tmp_path) as served, ThreadPoolExecutor(1) as aside:
        sent = aside.submit(sent_by_four, served, [f"t{number}" for number in range(300)], acknowledged.append)
        wait_until(lambda: len(acknowledged) >= 20, "cases to be acknowledged", seconds=60)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 0
        sent.result(120)
    stored = questions.cases(at_home.log, "parcels")["case_id"]
    assert {case_id for case_id in stored if case_id.startswith("t")} == set(acknowledged)
    assert all_through(at_home, acknowledged)


def test_a_case_that_ends_the_process_is_set_aside_and_never_tried_again(at_home: Workspace, tmp_path: Path) -> None:
    """A process started again gives it to a person instead, and so it stays when it is sent again."""
    bad = parcel("bad", region="die")
    served = started(tmp_path, flow="brittle", AIOPS_ATTEMPTS="1")
    assert served.post(bad)[0] == 0
    assert served.process.wait(60) == -signal.SIGKILL
    with serving(tmp_path, flow="brittle", AIOPS_ATTEMPTS="1") as again:

        def with_a_person() -> bool:
            return questions.open_reviews(at_home.log, "parcels")["case_id"].tolist() == ["bad"]

        wait_until(with_a_person, "the case to be put to a person", seconds=60)
        status, (first, other) = again.post([bad, parcel("good")])
    assert (status, first["state"], other["state"]) == (200, "waits for a person", "decided")
    assert "stopped the worker" in first["reason"]


def test_two_processes_on_one_record_give_one_answer_to_a_case(at_home: Workspace, tmp_path: Path) -> None:
    """Sent to both at once, a case is stored, predicted and decided once, and both say the same."""
    rows = [parcel(f"c{number}", distance=float(number)) for number in range(60)]
    with serving(tmp_path) as one, serving(tmp_path) as two, ThreadPoolExecutor(8) as senders:
        sent = [(senders.submit(one.post, row), senders.submit(two.post, row)) for row in rows]
        both = [(first.result(120), second.result(120)) for first, second in sent]
    assert [pair for pair in both if pair[0] != pair[1] or pair[0][0] != 200] == []
    ids = [str(row["case_id"]) for row in rows]
    assert len(questions.predictions(at_home.log, "parcels", model="parcels-late", case_ids=ids)) == len(ids)


CANARY = "canary4711"
HOSTILE: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "nothing": (400, b"", {}),
    "no JSON": (400, f"{{'{CANARY}'".encode(), {}),
    "a number": (400, b"7", {}),
    "null": (400, b"null", {}),
    "no objects": (400, b'[{"case_id": "a"}, 7]', {}),
    "deep lists": (400, b"[" * 100_000, {}),
    "a deep value": (400, b'{"case_id": ' + b"[" * 500 + b"]" * 500 + b"}", {}),
    "a huge number": (400, b'{"weight": ' + b"9" * 5_000 + b"}", {}),
    "another encoding": (400, f'{{"case_id": "{CANARY}"}}'.encode("utf-16"), {}),
    "broken UTF-8": (400, b'{"case_id": "\xff\xfe"}', {}),
    "5 MB": (413, b'{"case_id": "' + b"a" * 5_000_000 + b'"}', {}),
    "too many": (413, json.dumps([{"case_id": CANARY}] * 1_001).encode(), {}),
    "a form": (415, b"case_id=a", {"Content-Type": "application/x-www-form-urlencoded"}),
    "text": (415, b"{}", {"Content-Type": "text/plain"}),
    "another site": (403, b"{}", {"Origin": "https://evil.example.com"}),
    "a sandboxed page": (403, b"{}", {"Origin": "null"}),
    "a fetch across sites": (403, b"{}", {"Sec-Fetch-Site": "cross-site"}),
    "a name that was led here": (
        403,
        b"{}",
        {"Host": "evil.example.com:4210", "Origin": "http://evil.example.com:4210"},
    ),
}


def test_hostile_requests_are_refused_and_the_others_served(at_home: Workspace, tmp_path: Path) -> None:
    """Each gets its status and a reason that quotes nothing; rows that are no case are quarantined one by one."""
    with serving(tmp_path, "--waiting", "1000") as served:
        said = {
            name: served.request("POST", "/cases", body, {**JSON, **headers})
            for name, (_, body, headers) in HOSTILE.items()
        }
        wrong = {name: said[name] for name, (status, *_) in HOSTILE.items() if said[name][0] != status}
        assert wrong == {}
        assert CANARY not in json.dumps(said)
        assert served.request("GET", "/cases")[0] == 405
        assert served.request("GET", "/openapi.json")[0] == 404
        assert served.post([]) == (200, [])
        odd = json.dumps([parcel("odd", region=f"<b>{CANARY}</b>"), parcel("good")]).encode()
        status, rows = served.request("POST", "/cases", odd, {**JSON, "Origin": f"http://127.0.0.1:{served.port}"})
        assert (status, [row["state"] for row in rows]) == (200, ["quarantined", "decided"])
        code, health = served.request("GET", "/health")
        assert (code, health.pop("automation") in {"on", "off"}) == (200, True)
        assert health == {"state": "serving", "use_case": "parcels", "waiting": 0}
    assert CANARY not in served.log.read_text()
    assert questions.cases(at_home.log, "parcels", case_ids=["good", "odd", "a"])["case_id"].tolist() == ["good"]


def test_what_a_flow_quotes_when_it_fails_reaches_neither_log_nor_sender(at_home: Workspace, tmp_path: Path) -> None:
    """The kind of the error and the line that raised it are told, its words are not."""
    with serving(tmp_path, flow="brittle") as served:
        status, said = served.post(parcel(CANARY, region="raise"))
        assert (status, said["state"]) == (503, "failed")
        assert "ValueError" in said["reason"]
    logged = served.log.read_text()
    assert "ValueError at resident_parcels.py:" in logged
    assert CANARY not in logged


def test_with_a_token_only_who_knows_it_is_let_in(at_home: Workspace, tmp_path: Path) -> None:
    """Without, or with another one, the answer is 401; a public address without a token is refused at the start."""
    token = "a-long-random-text-that-nobody-knows"
    with serving(tmp_path, AIOPS_SERVE_TOKEN=token) as served:
        assert served.post(parcel("a"))[0] == 401
        assert served.post(parcel("a"), Authorization="Bearer wrong")[0] == 401
        assert served.post(parcel("a"), Authorization=f"Bearer {token}")[0] == 200
    public = [sys.executable, "-c", "from aiops_flows.cli import main; main()", "serve", "--host", "0.0.0.0"]
    public += ["--flow", "tests.resident_parcels:parcels"]
    refused = subprocess.run(public, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 3
    assert "AIOPS_SERVE_TOKEN" in refused.stderr
    assert token not in served.log.read_text()


@pytest.mark.prefect_server
def test_each_window_is_one_flow_run_that_says_what_was_done(at_home: Workspace, tmp_path: Path) -> None:
    """Its message counts cases and tells how fast they were answered; no case stands in Prefect's record."""
    with prefect_server(Settings(), own=True) as api_url:
        killed = started(tmp_path, "--window", "10")

        def states() -> list[str]:
            return [run["state_type"] for run in ask(f"{api_url}/flow_runs/filter", {})]

        wait_until(lambda: states() == ["RUNNING"], "the window to be seen while it lasts", seconds=60)
        killed.kill()
        _windows_are_seen(api_url, tmp_path)
        assert states().count("CRASHED") == 1
        assert "RUNNING" not in states()


def _windows_are_seen(api_url: str, folder: Path) -> None:
    """Windows of a process that takes five cases; one more is the rest."""
    with serving(folder, "--window", "0.02") as served:
        for number in range(5):
            assert served.post(parcel(f"{CANARY}-{number}"))[0] == 200

        def runs() -> list[dict[str, Any]]:
            return [run for run in ask(f"{api_url}/flow_runs/filter", {}) if run["state_type"] == "COMPLETED"]

        def said() -> str:
            return " ".join(str(run["state"]["message"]) for run in runs())

        wait_until(lambda: len(re.findall(r"\b[1-9]\d* cases in", said())) > 0, "a window with cases", seconds=60)
        assert sum(map(int, re.findall(r"(\d+) cases in", said()))) == 5
        assert re.search(r"answered within \d+ ms \(median\), \d+ ms \(95 %\)", said())
        assert {run["parameters"]["use_case"] for run in runs()} == {"parcels"}
        assert CANARY not in json.dumps(ask(f"{api_url}/flow_runs/filter", {}))
    assert "unseen" not in served.log.read_text()


def test_without_a_prefect_server_it_goes_on_serving_and_says_so_once(at_home: Workspace, tmp_path: Path) -> None:
    """A server that is named and does not answer holds up no case."""
    away = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    with serving(tmp_path, "--window", "0.01", **away) as served:
        told = Event()

        def warned() -> bool:
            assert served.post(parcel("a"))[0] == 200
            return "does not answer" in served.log.read_text() or told.is_set()

        wait_until(warned, "the warning", seconds=60)
        for number in range(20):
            assert served.post(parcel(f"a{number}"))[0] == 200
    assert served.log.read_text().count("does not answer") == 1
