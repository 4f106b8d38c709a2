"""Past cases with their outcomes for the conformance suite, of each use case that is shipped; all made up but one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["SAMPLES", "Sample"]

Sample = tuple[Any, Any]
"""Cases, and what became of them."""


def claims(_data: Path | None) -> Sample:
    """Claims of two years."""
    from flows.lookalike_claims import make_claims
    from flows.published_claims import published_outcomes

    made = make_claims(10_000, seed=3)
    later = ["Close Amount", "Disposition", "Date Closed"]
    return made.drop(columns=later), published_outcomes(made)


def tickets(_data: Path | None) -> Sample:
    """Tickets of a year."""
    from flows.lookalike_tickets import make_tickets, ticket_outcomes

    made = make_tickets(1_200, seed=3)
    return made[["case_id", "received_at", "channel", "subject", "thread"]], ticket_outcomes(made)


def plan_lines(_data: Path | None) -> Sample:
    """Plan lines of a year, and the sales that tell what they planned."""
    from aiops_flows.steps.series_rows import past_cases
    from flows.lookalike_demand import make_demand, received_by
    from flows.planning import PlanLine

    sales = make_demand(20, seed=3, months=60)
    origins = [str(month) for month in pd.period_range("2024-07", "2025-12", freq="M")]
    return past_cases(PlanLine.rows, received_by(sales, "2025-12"), origins), sales


def looks(_data: Path | None) -> Sample:
    """Looks at pumps in a year, and what the ends of their lives say of each."""
    from aiops_flows.series.lives import life_outcomes
    from aiops_flows.steps.sensor_rows import past_looks
    from flows.lookalike_machines import Fleet
    from flows.maintenance import HORIZON, LONGEST_LIFE, MachineState

    fleet = Fleet(60, seed=7, today=date(2025, 1, 1))
    past = past_looks(MachineState.rows, fleet.run(365))
    return past, life_outcomes(past, fleet.known_ends(), horizon=HORIZON, longest=LONGEST_LIFE)


def renewals(data: Path | None) -> Sample:
    """Policy-years to 2008 as published; nothing without the file."""
    from examples.policy_years import policy_years

    if data is None:
        raise FileNotFoundError("the policy-years are public data: name their folder with --data")
    years = policy_years(data / "lgpif" / "Insample.csv")
    years = years[years["received_at"].dt.year <= 2008]
    return years.drop(columns=["claim", "known_at"]), years[["case_id", "claim", "known_at"]]


SAMPLES: Mapping[str, Callable[[Path | None], Sample]] = {
    "flows.claims:CLAIMS": claims,
    "flows.customer_service:CUSTOMER_SERVICE": tickets,
    "flows.planning:PLANNING": plan_lines,
    "flows.maintenance:MAINTENANCE": looks,
    "examples.renewals:RENEWALS": renewals,
}
