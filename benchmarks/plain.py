"""The peer that claims are held against: careful plain Python doing the same durable work, with nothing but SQLite.

Columns are taken apart with ``tolist`` and ``zip``, every row is checked by plain code, a batch of 1,000 is one
``executemany`` in one transaction of WAL with ``synchronous=FULL``. What is kept is what the case log keeps: the case
as JSON with its digest, each prediction with confidence, scores and version, the decision or the review with its
reason, and an audit row for each table of each batch, with a digest of the rows and chained to the one before.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow.parquet as pq

__all__ = ["Decider", "Model", "Totals", "run"]

BATCH = 1_000
USE_CASE = "claims"
ABSENT = frozenset({"", "-"})
SOURCE = {
    "Claim Number": "case_id",
    "Date Received": "received_at",
    "Incident Date": "incident_at",
    "Airport Code": "airport",
    "Airport Name": "airport_name",
    "Airline Name": "airline",
    "Claim Type": "claim_type",
    "Claim Site": "site",
    "Item Category": "items",
}
BODY = [name for name in SOURCE.values() if name not in {"case_id", "received_at"}]
LONGEST_LABEL, LONGEST_TEXT = 200, 100_000
is_case_id = re.compile(r"[\w.:/@+-][\w .:/@+#-]{0,199}").fullmatch
is_label = re.compile(r"[\w(](?:-?[\w .,;:&/'()+#%])*-?").fullmatch

SCHEMA = """
CREATE TABLE cases (use_case TEXT, case_id TEXT, batch_id TEXT, received_at TEXT, body TEXT, digest TEXT, seq INTEGER,
    PRIMARY KEY (use_case, case_id));
CREATE TABLE quarantine (use_case TEXT, digest TEXT, reason TEXT, raw TEXT,
    PRIMARY KEY (use_case, digest)) WITHOUT ROWID;
CREATE TABLE predictions (use_case TEXT, case_id TEXT, model TEXT, version INTEGER, value TEXT, confidence REAL,
    scores TEXT, seq INTEGER, PRIMARY KEY (use_case, case_id, model)) WITHOUT ROWID;
CREATE TABLE decisions (use_case TEXT, case_id TEXT, verdict TEXT, reason TEXT, actor TEXT, policy_version TEXT,
    seq INTEGER, PRIMARY KEY (use_case, case_id)) WITHOUT ROWID;
CREATE TABLE reviews (use_case TEXT, case_id TEXT, reason TEXT, priority REAL, due_at TEXT, policy_version TEXT,
    seq INTEGER, PRIMARY KEY (use_case, case_id)) WITHOUT ROWID;
CREATE TABLE audit (seq INTEGER PRIMARY KEY, at TEXT, actor TEXT, kind TEXT, table_name TEXT, row_count INTEGER,
    digest TEXT, previous TEXT, hash TEXT);
"""


@dataclass(frozen=True)
class Model:
    """A fitted estimator, as it is used."""

    name: str
    output: str
    version: int
    fitted: Any
    features: Sequence[str]


@dataclass(frozen=True)
class Decider:
    """The policy: which verdict each case gets, from which confidence on, and how urgent the others are."""

    rules: dict[str, Callable[[pd.DataFrame], Any]]
    judged_by: str
    threshold: float
    reasons: dict[str, str]
    doubt: str
    priority: Callable[[pd.DataFrame], Any]
    due: timedelta
    version: str


@dataclass(frozen=True)
class Totals:
    """What was stored."""

    cases: int
    quarantined: int
    decided: int
    reviewed: int


def run(source: Path, database: Path, models: Sequence[Model], decider: Decider) -> Totals:
    """Take the claims of a Parquet file in, score them, decide what may be decided and put the rest to people."""
    with closing(_opened(database)) as log:
        chain = Chain(log)
        rows, refused = _checked(_columns(source))
        _store_cases(chain, rows)
        _store_refused(chain, refused)
        frame = _frame(rows)
        ids = frame["case_id"].tolist()
        for model in models:
            _predict(chain, model, frame, ids)
        decided, reviewed = _decide(chain, decider, frame, ids)
    return Totals(len(ids), len(refused), decided, reviewed)


# --- reading and checking ------------------------------------------------------------------------------------------


def _columns(source: Path) -> list[list[Any]]:
    table = pq.read_table(source, columns=list(SOURCE))
    return [column.tolist() for _, column in table.to_pandas().items()]


def _checked(columns: list[list[Any]]) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]]]:
    """The good rows, each id once; and the others as JSON with the reason."""
    rows: dict[str, tuple[Any, ...]] = {}
    refused: list[tuple[str, str]] = []
    for line in zip(*columns, strict=True):
        try:
            row = _row(*line)
        except ValueError as fault:
            refused.append((orjson.dumps(line, default=str).decode(), str(fault)))
            continue
        if rows.setdefault(row[0], row) != row:
            refused.append((orjson.dumps(line, default=str).decode(), f"conflict: {row[0]} came with other content"))
    return list(rows.values()), refused


def _row(number: Any, received: Any, incident: Any, *fields: Any) -> tuple[Any, ...]:
    """One claim, checked: every field by the rule of its kind."""
    airport, airport_name, airline, claim_type, site, items = fields
    if number.__class__ is not str or is_case_id(number := number.strip()) is None:
        raise ValueError(f"case_id: {number!r} is no case id")
    received_at = _moment("received_at", received)
    if received_at is None:
        raise ValueError("received_at: missing")
    return (
        number,
        received_at,
        _moment("incident_at", incident),
        _label("airport", airport),
        _label("airport_name", airport_name),
        _label("airline", airline),
        _label("claim_type", claim_type),
        _label("site", site),
        _text("items", items),
    )


def _moment(name: str, value: Any) -> datetime | None:
    if value is None or value in ABSENT:
        return None
    if value.__class__ is not str:
        raise ValueError(f"{name}: {value!r} is no moment")
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _label(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if value.__class__ is not str:
        raise ValueError(f"{name}: {value!r} is no text")
    label: str = value.strip()
    if label in ABSENT:
        return None
    if len(label) > LONGEST_LABEL or is_label(label) is None:
        raise ValueError(f"{name}: {label[:60]!r} is no label")
    return label


def _text(name: str, value: Any) -> str | None:
    if value is None or value in ABSENT:
        return None
    if value.__class__ is not str:
        raise ValueError(f"{name}: {value!r} is no text")
    text: str = value
    if len(text) > LONGEST_TEXT or "\x00" in text:
        raise ValueError(f"{name}: too long, or with a NUL")
    return text


# --- the steps -----------------------------------------------------------------------------------------------------


def _store_cases(chain: Chain, rows: list[tuple[Any, ...]]) -> None:
    batch_id = hashlib.sha256(orjson.dumps(sorted(row[0] for row in rows))).hexdigest()
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        bodies = [orjson.dumps(dict(zip(BODY, row[2:], strict=True))).decode() for row in part]
        stored = [
            (USE_CASE, row[0], batch_id, _stamp(row[1]), body, hashlib.sha256(body.encode()).hexdigest())
            for row, body in zip(part, bodies, strict=True)
        ]
        with chain.writing("intake"):
            chain.insert("cases", stored)


def _store_refused(chain: Chain, refused: list[tuple[str, str]]) -> None:
    if refused:
        rows = [(USE_CASE, hashlib.sha256(raw.encode()).hexdigest(), reason, raw) for raw, reason in refused]
        with chain.writing("quarantine"):
            chain.insert("quarantine", rows, sealed=False)


def _frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    columns = dict(zip(SOURCE.values(), map(list, zip(*rows, strict=True)), strict=True))
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    for name in ("received_at", "incident_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def _predict(chain: Chain, model: Model, frame: pd.DataFrame, ids: list[str]) -> None:
    features = frame[list(model.features)]
    if hasattr(model.fitted, "predict_proba"):
        values, confidences, scores = _classes(model.fitted, features)
    else:
        values = model.fitted.predict(features).tolist()
        confidences, scores = [None] * len(values), [None] * len(values)
    texts = [orjson.dumps(value).decode() for value in values]
    for start in range(0, len(ids), BATCH):
        part = slice(start, start + BATCH)
        columns = zip(ids[part], texts[part], confidences[part], scores[part], strict=True)
        rows = [(USE_CASE, case, model.name, model.version, said, sure, score) for case, said, sure, score in columns]
        with chain.writing("predict"):
            chain.insert("predictions", rows)
    frame[model.output] = values
    frame[f"{model.output}_confidence"] = np.array(confidences, dtype=float)


def _classes(fitted: Any, features: pd.DataFrame) -> tuple[list[Any], list[Any], list[Any]]:
    probabilities = fitted.predict_proba(features)
    names = [str(name) for name in fitted.classes_]
    best = probabilities.argmax(axis=1)
    confidences = probabilities[np.arange(len(best)), best].tolist()
    scores = [orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in probabilities.tolist()]
    return np.array(names, dtype=object)[best].tolist(), confidences, scores


def _decide(chain: Chain, decider: Decider, frame: pd.DataFrame, ids: list[str]) -> tuple[int, int]:
    sure = frame[f"{decider.judged_by}_confidence"].to_numpy() >= decider.threshold
    verdicts = np.full(len(ids), None, dtype=object)
    reasons = np.full(len(ids), "no rule of the policy decides this", dtype=object)
    for verdict, rule in decider.rules.items():
        holds = np.asarray(rule(frame)) & (verdicts == None)  # noqa: E711  elementwise
        verdicts[holds & sure] = verdict
        reasons[holds] = np.where(sure[holds], decider.reasons[verdict], decider.doubt)
    said, why, urgency = verdicts.tolist(), reasons.tolist(), decider.priority(frame).astype(float).tolist()
    due = _stamp(datetime.now(UTC) + decider.due)
    for start in range(0, len(ids), BATCH):
        part = slice(start, start + BATCH)
        lines = list(zip(ids[part], said[part], why[part], urgency[part], strict=True))
        by = decider.version
        decided = [(USE_CASE, case, verdict, reason, "policy", by) for case, verdict, reason, _ in lines if verdict]
        asked = [(USE_CASE, case, reason, urgent, due, by) for case, verdict, reason, urgent in lines if not verdict]
        with chain.writing("review"):
            chain.insert("decisions", decided)
            chain.insert("reviews", asked)
    decisions = sum(verdict is not None for verdict in said)
    return decisions, len(said) - decisions


# --- the database --------------------------------------------------------------------------------------------------


def _opened(database: Path) -> sqlite3.Connection:
    log = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "wal_autocheckpoint=10000"):
        log.execute(f"PRAGMA {pragma}")
    log.executescript(SCHEMA)
    return log


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Chain:
    """The audit rows: one for each table of each transaction, with a digest of its rows, each naming the one before."""

    def __init__(self, log: sqlite3.Connection) -> None:
        self.log = log
        self.kind = ""
        found = log.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        self.seq: int = found[0] if found else 0
        self.head: str = found[1] if found else "0" * 64

    @contextmanager
    def writing(self, kind: str) -> Iterator[None]:
        """One transaction."""
        self.kind = kind
        self.log.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.log.execute("ROLLBACK")
            raise
        self.log.execute("COMMIT")

    def insert(self, table: str, rows: list[tuple[Any, ...]], *, sealed: bool = True) -> None:
        """Insert rows whose key is new, with the audit row that vouches for them."""
        if not rows:
            return
        self.seq += 1
        digest = hashlib.sha256(orjson.dumps(rows)).hexdigest()
        if sealed:
            rows = [(*row, self.seq) for row in rows]
        marks = ",".join("?" * len(rows[0]))
        self.log.executemany(f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING", rows)  # noqa: S608  own names
        said = (self.seq, _stamp(datetime.now(UTC)), "plain", self.kind, table, len(rows), digest, self.head)
        self.head = hashlib.sha256(orjson.dumps(said)).hexdigest()
        self.log.execute("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?)", (*said, self.head))
