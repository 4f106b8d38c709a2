"""The drills can fail: each breaks where the promise that it proves is broken."""

from __future__ import annotations

import pytest

from benchmarks.planted_faults import FAULTS, PACKAGE, Fault, noticed, planted

pytestmark = pytest.mark.slow

DRILLED = [fault for fault in FAULTS if fault.drill]


@pytest.mark.parametrize("fault", DRILLED, ids=lambda fault: fault.drill[0])
def test_a_drill_breaks_where_its_promise_is_broken(fault: Fault) -> None:
    """The same drill without the fault passes: see tests/acceptance/test_drill.py."""
    with planted(fault) as folder:
        assert noticed(fault, folder), f"{fault.what}: the drill {fault.drill[0]} did not notice"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_every_planted_fault_fits_the_code(fault: Fault) -> None:
    """The command plants all of them; a list that does not follow the code would prove nothing."""
    assert (PACKAGE / fault.file).read_text(encoding="utf-8").count(fault.old) == 1
