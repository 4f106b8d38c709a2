"""The fourth use case on the published policy-years; and that it is as short, and as public, as its page says."""

from __future__ import annotations

import ast
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import aiops_flows
from aiops_flows.case_log import audit
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.review import review
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from examples.policy_years import policy_years
from examples.renewals import RENEWALS, claim
from tests.homes import living_in

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "examples" / "renewals.py").read_text()
DATA = Path(os.environ.get("AIOPS_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FILE = DATA / "lgpif" / "Insample.csv"
DOCUMENTED = "aiops_flows.evidence.losses"


def test_the_example_is_short_and_uses_the_public_interface_alone() -> None:
    """Under 60 lines, imports of documented names only, and the tutorial shows it as it is."""
    assert len(EXAMPLE.splitlines()) < 60
    imported = [node for node in ast.walk(ast.parse(EXAMPLE)) if isinstance(node, ast.ImportFrom)]
    ours = {node.module: {name.name for name in node.names} for node in imported if "aiops" in str(node.module)}
    assert ours.pop("aiops_flows") <= set(aiops_flows.__all__)
    assert set(ours) == {DOCUMENTED}
    page = (ROOT / "docs" / "tutorial" / "fourth-use-case.md").read_text()
    assert EXAMPLE in page
    assert re.search(rf"one file of {len(EXAMPLE.splitlines())} lines", page)


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.skipif(not FILE.is_file(), reason="AIOPS_SHARED_DATA names no folder that holds lgpif/Insample.csv")
def test_policies_are_renewed_within_the_promise_in_the_year_after(tmp_path: Path) -> None:
    """Learned to 2008, half of the policies of 2009 are renewed unread, and no more have a claim than was promised."""
    years = policy_years(FILE)
    past, came = (years[years["received_at"].dt.year.isin(some)] for some in ((2006, 2007, 2008), (2009,)))
    with living_in(tmp_path / "home"):
        place = Workspace.here()
        take_in(place, RENEWALS, past, history=True)
        record_outcomes(place, RENEWALS, past)
        made = retrain(place, RENEWALS, claim, as_of=datetime(2009, 1, 1, 1, tzinfo=UTC))
        assert promote(place, RENEWALS, claim, version=made.version).promoted
        done = review(place, RENEWALS, predict(place, RENEWALS, claim, take_in(place, RENEWALS, came)))
        renewed = done.loc[done["verdict"] == "renew", "case_id"]
        assert len(renewed) > 0.4 * len(came) > 400
        assert (came.set_index("case_id").loc[renewed, "claim"] == "yes").mean() <= RENEWALS.review.max_error
        assert audit.verify(place.log) == []
        place.log.close()
