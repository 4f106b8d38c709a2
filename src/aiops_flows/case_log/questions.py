"""What can be asked of the log about cases, predictions, decisions, reviews and outcomes; each answer is a frame."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from aiops_flows.case_log.conditions import Conditions, limited, listed
from aiops_flows.case_log.frames import ask
from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.moments import moment_text
from aiops_flows.case_log.people import answered, open_reviews, readings
from aiops_flows.case_log.trace import counts, trace, use_cases

__all__ = [
    "answered",
    "automatic",
    "cases",
    "counts",
    "decided_by_version",
    "effective",
    "label_counts",
    "labelled",
    "last_stored",
    "open_reviews",
    "outcomes",
    "predictions",
    "quarantine",
    "readings",
    "received",
    "trace",
    "unfinished",
    "use_cases",
]

# In what follows OFFSET keeps PostgreSQL from turning NOT EXISTS into a join: without statistics of a use case it takes
# all its rows for one, and would join all of them with all.
_LAST_DECISION = """NOT EXISTS (SELECT 1 FROM decisions AS n WHERE n.use_case = d.use_case AND n.case_id = d.case_id
    AND n.revision = d.revision + 1 LIMIT 1 OFFSET 0)"""

_LAST_DECISION_BY = """NOT EXISTS (SELECT 1 FROM decisions AS n
    JOIN audit AS m ON m.use_case = n.use_case AND m.seq = n.seq
    WHERE n.use_case = d.use_case AND n.case_id = d.case_id AND n.revision = d.revision + 1 AND m.at <= ?
    LIMIT 1 OFFSET 0)"""


_WORKED = """(EXISTS (SELECT 1 FROM decisions AS d WHERE d.use_case = c.use_case AND d.case_id = c.case_id)
            OR EXISTS (SELECT 1 FROM reviews AS r WHERE r.use_case = c.use_case AND r.case_id = c.case_id))"""

_BY_RECEIPT = "c.received_at, c.case_id"


def cases(
    log: CaseLog,
    use_case: str,
    *,
    case_ids: Sequence[str] | None = None,
    batch_ids: Sequence[str] | None = None,
    received_from: datetime | None = None,
    received_before: datetime | None = None,
    limit: int | None = None,
    latest: bool = False,
    worked: bool = False,
) -> pd.DataFrame:
    """Stored cases, by moment of receipt and id.

    Args:
        log: which log.
        use_case: whose cases.
        case_ids: only these.
        batch_ids: only those that first came in one of these.
        received_from: only those received at this moment or later.
        received_before: only those received before this moment.
        limit: at most so many.
        latest: with ``limit``, the last ones instead of the first. Of those received at the same moment, as the rows of
            one file are, any are taken and not those with the last ids: files are often sorted.
        worked: only those that were decided or put to a person: no history.

    Returns:
        Columns ``case_id``, ``batch_id`` (of first arrival), ``received_at``, ``body`` (JSON text), ``digest``.
    """
    where = Conditions(use_case, "c")
    where.add("c.case_id = ANY(?)", listed(case_ids))
    where.add(
        "c.seq IN (SELECT seq FROM audit AS b WHERE b.use_case = c.use_case AND b.batch_id = ANY(?))", listed(batch_ids)
    )
    where.add("c.received_at >= ?", received_from)
    where.add("c.received_at < ?", received_before)
    if worked:
        where.require(_WORKED)
    from_the_end = latest and limit is not None
    first = "c.received_at DESC, c.digest DESC, c.case_id DESC" if from_the_end else _BY_RECEIPT
    return ask(log, _chosen_cases(where, first, limit), where.values)


def _chosen_cases(where: Conditions, first: str, limit: int | None) -> str:
    """The statement for cases; with a limit their keys are chosen first, as sorting every body takes far longer."""
    batch = "(SELECT a.batch_id FROM audit AS a WHERE a.use_case = c.use_case AND a.seq = c.seq) AS batch_id"
    asked = f"SELECT c.case_id, {batch}, c.received_at, c.body, c.digest FROM"
    if limit is None:
        return f"{asked} cases AS c WHERE {where} ORDER BY {_BY_RECEIPT}"
    return f"""
        {asked} (SELECT c.use_case, c.case_id FROM cases AS c WHERE {where} ORDER BY {first}{limited(limit)}) AS k
        JOIN cases AS c ON c.use_case = k.use_case AND c.case_id = k.case_id ORDER BY {_BY_RECEIPT}"""


def last_stored(log: CaseLog, use_case: str, *, limit: int, among: int) -> pd.DataFrame:
    """The cases stored last that were decided or put to a person, in the order in which they were stored.

    Those stored together, as parts of a file are, are taken in an order that has nothing to do with their ids.

    Args:
        log: which log.
        use_case: whose cases.
        limit: at most so many.
        among: only of the so many stored last, so that the cost does not grow with the log.

    Returns:
        Columns ``case_id``, ``received_at``, ``body`` (JSON text).
    """
    where = Conditions(use_case, "c")
    last = "ORDER BY c.seq DESC, c.digest DESC, c.case_id DESC"
    keys = "SELECT c.use_case, c.case_id, c.seq, c.digest FROM"
    statement = f"""
        SELECT c.case_id, c.received_at, c.body FROM (
            {keys} ({keys} cases AS c WHERE {where} {last}{limited(among)}) AS c WHERE {_WORKED} {last}{limited(limit)}
        ) AS k JOIN cases AS c ON c.use_case = k.use_case AND c.case_id = k.case_id
        ORDER BY c.seq, c.digest, c.case_id"""
    return ask(log, statement, where.values)


def received(
    log: CaseLog,
    use_case: str,
    *,
    outcomes_known: Sequence[str] = (),
    known_by: datetime | None = None,
    received_from: datetime | None = None,
    received_before: datetime | None = None,
) -> pd.DataFrame:
    """When each case was received, and whether all the named outcomes of it are known, by moment of receipt and id.

    It costs far less than `cases` with `outcomes`, as no body and no value is read.

    Args:
        log: which log.
        use_case: whose cases.
        outcomes_known: names of outcomes.
        known_by: whether they were known at this moment; by default now.
        received_from: only cases received at this moment or later.
        received_before: only cases received before this moment.

    Returns:
        Columns ``case_id``, ``received_at``, ``known``.
    """
    tests, values = ["1 = 1"], []
    for name in outcomes_known:
        of_case = Conditions(use_case, "o")
        of_case.require("o.case_id = c.case_id")
        of_case.add("o.name = ?", name)
        of_case.add("o.known_at <= ?", known_by)
        tests.append(f"EXISTS (SELECT 1 FROM outcomes AS o WHERE {of_case})")
        values += of_case.values
    where = Conditions(use_case, "c")
    where.add("c.received_at >= ?", received_from)
    where.add("c.received_at < ?", received_before)
    statement = f"""
        SELECT c.case_id, c.received_at, {" AND ".join(tests)} AS known FROM cases AS c
        WHERE {where} ORDER BY c.received_at, c.case_id"""
    return ask(log, statement, [*values, *where.values])


def unfinished(log: CaseLog, use_case: str, batch_id: str) -> pd.DataFrame:
    """Stored cases that first came in this batch and have neither a decision nor a review; columns as `cases`."""
    statement = """
        SELECT c.case_id, a.batch_id, c.received_at, c.body, c.digest FROM audit AS a
        CROSS JOIN cases AS c
        WHERE a.use_case = ? AND a.batch_id = ? AND a.table_name = 'cases' AND c.use_case = a.use_case AND c.seq = a.seq
            AND NOT EXISTS (SELECT 1 FROM decisions AS d WHERE d.use_case = c.use_case AND d.case_id = c.case_id)
            AND NOT EXISTS (SELECT 1 FROM reviews AS r WHERE r.use_case = c.use_case AND r.case_id = c.case_id)
        ORDER BY c.received_at, c.case_id"""
    return ask(log, statement, [use_case, batch_id])


def predictions(
    log: CaseLog,
    use_case: str,
    *,
    model: str,
    case_ids: Sequence[str] | None = None,
    shadow_version: int | None = None,
    made_from: datetime | None = None,
    made_before: datetime | None = None,
) -> pd.DataFrame:
    """Every revision of the live predictions, or those of a shadow version, by case id and revision.

    With the moments, only those that were made from the one and before the other.

    Returns:
        Columns ``case_id``, ``revision`` (0 for shadow), ``version``, ``value``, ``confidence``,
        ``scores`` (JSON text), ``at``.
    """
    where = Conditions(use_case, "p")
    where.add("p.model = ?", model)
    where.add("p.version = ?", shadow_version)
    where.add("p.case_id = ANY(?)", listed(case_ids))
    where.add("a.at >= ?", made_from)
    where.add("a.at < ?", made_before)
    table, revision = ("predictions", "p.revision") if shadow_version is None else ("shadow_predictions", "0")
    statement = f"""
        SELECT p.case_id, {revision} AS revision, p.version, p.value, p.confidence, p.scores, a.at FROM {table} AS p
        JOIN audit AS a ON a.use_case = p.use_case AND a.seq = p.seq WHERE {where} ORDER BY 1, 2"""
    return ask(log, statement, where.values)


def effective(
    log: CaseLog,
    use_case: str,
    *,
    case_ids: Sequence[str] | None = None,
    decided_from: datetime | None = None,
    known_by: datetime | None = None,
) -> pd.DataFrame:
    """The decision that holds, or held at the moment ``known_by``, for each decided case, by case id.

    Returns:
        Columns ``case_id``, ``revision``, ``verdict``, ``reason``, ``actor``, ``actor_kind`` (policy or person),
        ``policy_version``, ``at``, ``terms`` (by name; None where there are none).
    """
    where = Conditions(use_case, "d")
    where.add("d.case_id = ANY(?)", listed(case_ids))
    where.add("a.at >= ?", decided_from)
    where.add("a.at <= ?", known_by)
    if known_by is None:
        where.require(_LAST_DECISION)
    where.add(_LAST_DECISION_BY, known_by)
    statement = f"""
        SELECT d.case_id, d.revision, d.verdict, d.reason, d.actor, d.actor_kind, d.policy_version, a.at, d.terms
        FROM decisions AS d JOIN audit AS a ON a.use_case = d.use_case AND a.seq = d.seq
        WHERE {where} ORDER BY d.case_id"""
    return ask(log, statement, where.values)


def automatic(
    log: CaseLog,
    use_case: str,
    *,
    model: str,
    decided_from: datetime | None = None,
    decided_before: datetime | None = None,
    known_by: datetime | None = None,
) -> pd.DataFrame:
    """The cases that policy decided first, with the prediction that this decision rests on, by case id.

    Returns:
        Columns ``case_id``, ``received_at``, ``at`` (of the decision), ``verdict``, ``policy_version``,
        ``audit_probability``, ``terms`` (by name; None where there are none); of the model's prediction ``version``,
        ``value`` and ``confidence``, missing where it had made none.
    """
    where = Conditions(use_case, "d")
    where.require("d.revision = 0 AND d.actor_kind = 'policy'")
    where.add("a.at >= ?", decided_from)
    where.add("a.at < ?", decided_before)
    where.add("a.at <= ?", known_by)
    statement = f"""
        SELECT d.case_id, c.received_at, a.at, d.verdict, d.policy_version, d.audit_probability, d.terms,
            p.version, p.value, p.confidence
        FROM decisions AS d JOIN audit AS a ON a.use_case = d.use_case AND a.seq = d.seq
        JOIN cases AS c ON c.use_case = d.use_case AND c.case_id = d.case_id
        LEFT JOIN predictions AS p ON p.use_case = d.use_case AND p.case_id = d.case_id AND p.model = ?
            AND p.seq < d.seq AND NOT EXISTS (SELECT 1 FROM predictions AS q WHERE q.use_case = p.use_case
                AND q.case_id = p.case_id AND q.model = p.model AND q.revision > p.revision AND q.seq < d.seq
                LIMIT 1 OFFSET 0)
        WHERE {where} ORDER BY d.case_id"""
    return ask(log, statement, [model, *where.values], maybe={"version"})


_LAST_KNOWN = """NOT EXISTS (SELECT 1 FROM outcomes AS n WHERE n.use_case = o.use_case AND n.case_id = o.case_id
    AND n.name = o.name AND n.known_at > o.known_at{known_by} LIMIT 1 OFFSET 0)"""


def _known(where: Conditions, known_by: datetime | None) -> str:
    """The conditions for the latest outcome known by a moment."""
    if known_by is None:
        return f"{where} AND {_LAST_KNOWN.format(known_by='')}"
    where.add("o.known_at <= ?", known_by)
    where.values.append(moment_text(known_by))
    return f"{where} AND {_LAST_KNOWN.format(known_by=' AND n.known_at <= ?')}"


def outcomes(
    log: CaseLog,
    use_case: str,
    *,
    name: str,
    known_by: datetime | None = None,
    case_ids: Sequence[str] | None = None,
    every: bool = False,
) -> pd.DataFrame:
    """The latest outcome of each case that was known by then (by default now), or ``every`` one ever, by case id.

    Returns:
        Columns ``case_id``, ``value``, ``event_at``, ``known_at``.
    """
    where = Conditions(use_case, "o")
    where.add("o.name = ?", name)
    where.add("o.case_id = ANY(?)", listed(case_ids))
    statement = f"""
        SELECT o.case_id, o.value, o.event_at, o.known_at FROM outcomes AS o
        WHERE {where if every else _known(where, known_by)} ORDER BY o.case_id, o.known_at"""
    return ask(log, statement, where.values)


def label_counts(log: CaseLog, use_case: str, *, name: str) -> list[tuple[str, int]]:
    """Each label that was ever stored of an outcome, and how often."""
    where = Conditions(use_case, "o")
    where.add("o.name = ?", name)
    statement = f"SELECT o.value, count(*) AS rows FROM outcomes AS o WHERE {where} GROUP BY o.value ORDER BY o.value"
    counted = ask(log, statement, where.values)
    return [(str(value), int(rows)) for value, rows in zip(counted["value"], counted["rows"], strict=True)]


def labelled(
    log: CaseLog,
    use_case: str,
    *,
    name: str,
    known_by: datetime | None = None,
    received_from: datetime | None = None,
    received_before: datetime | None = None,
) -> pd.DataFrame:
    """Cases with the latest outcome that was known by then (by default now), by moment of receipt and id.

    Returns:
        Columns ``case_id``, ``received_at``, ``body`` (JSON text), ``digest``, ``value``, ``known_at``.
    """
    where = Conditions(use_case, "o")
    where.add("o.name = ?", name)
    where.add("c.received_at >= ?", received_from)
    where.add("c.received_at < ?", received_before)
    statement = f"""
        SELECT o.case_id, c.received_at, c.body, c.digest, o.value, o.known_at FROM outcomes AS o
        JOIN cases AS c ON c.use_case = o.use_case AND c.case_id = o.case_id
        WHERE {_known(where, known_by)} ORDER BY c.received_at, c.case_id"""
    return ask(log, statement, where.values)


def decided_by_version(log: CaseLog, use_case: str, *, model: str, version: int) -> pd.DataFrame:
    """The cases whose decision that holds rests on a prediction by this version, by case id.

    A decision rests on the prediction that was the latest of its case when it was written.

    Returns:
        Columns ``case_id``, ``revision`` (of the decision), ``verdict``, ``actor_kind``, ``terms`` (by name; None
        where there are none).
    """
    statement = f"""
        SELECT d.case_id, d.revision, d.verdict, d.actor_kind, d.terms FROM decisions AS d
        WHERE d.use_case = ? AND {_LAST_DECISION} AND (SELECT p.version FROM predictions AS p
                WHERE p.use_case = d.use_case AND p.case_id = d.case_id AND p.model = ? AND p.seq < d.seq
                ORDER BY p.revision DESC LIMIT 1) = ?
        ORDER BY d.case_id"""
    return ask(log, statement, [use_case, model, int(version)])


def quarantine(log: CaseLog, use_case: str, limit: int | None = None) -> pd.DataFrame:
    """Rows that could not become cases, the latest first.

    Returns:
        Columns ``case_id`` (where it could be read), ``digest``, ``stage``, ``reason``, ``raw``, ``source``,
        ``attempts``, ``at``.
    """
    statement = f"""
        SELECT q.case_id, q.digest, q.stage, q.reason, q.raw, q.source, q.attempts, a.at FROM quarantine AS q
        JOIN audit AS a ON a.use_case = q.use_case AND a.seq = q.seq
        WHERE q.use_case = ? ORDER BY q.seq DESC, q.digest, q.stage{limited(limit)}"""
    return ask(log, statement, [use_case])
