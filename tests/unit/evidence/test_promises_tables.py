"""The tables of the promises: short runs of P20 and P21, and what they say when a promise is broken."""

import json

import numpy as np
import pytest

import benchmarks.promises.__main__ as command
from benchmarks.promises import Table, audits, certificates, figure, rate
from benchmarks.promises.certificates import claims_world, drawn_worlds
from benchmarks.promises.certificates import rows_of as rows_of_world


def test_certificates_keep_their_word_on_drawn_worlds() -> None:
    """P20 in short: over 60 draws at most 10 % are broken, where the plug-in threshold breaks a third and more."""
    for world in drawn_worlds()[:2]:
        violations, coverage = rows_of_world(world, 60, seed=1)
        assert violations.held
        assert violations.naive is not None
        assert violations.naive.value > 1 / 3
        assert coverage.naive is not None
        assert coverage.ours.value < coverage.naive.value


def test_audited_figures_hold_the_truth() -> None:
    """P21 in short: intervals hold the truth in at least 93 % of 60 draws; what was reviewed anyway never does."""
    lane = audits.lanes()[0]
    held, mean, _ = audits.rows_of(lane, 60, seed=1)
    assert held.held
    assert held.naive is not None
    assert held.naive.value < 0.1
    assert mean.ours.value == pytest.approx(0.195, abs=0.02)
    assert mean.naive is not None
    assert mean.naive.value > 0.3


@pytest.mark.parametrize("lane", audits.lanes()[1:], ids=lambda lane: lane.name)
def test_every_lane_holds_the_truth(lane: audits.Lane) -> None:
    """Few readings, unequal probabilities, strata with a floor, costs: each in at least 93 % of 60 draws."""
    assert next(audits.rows_of(lane, 60, seed=1)).held


@pytest.mark.real_data
def test_certificates_keep_their_word_on_published_claims() -> None:
    """Labels drawn at random from real claims: at most 10 % of 60 certificates are broken by the other claims."""
    replay = pytest.importorskip("benchmarks.claims_replay")
    file = replay.find_published()
    if file is None:
        pytest.skip(f"AIOPS_SHARED_DATA names no folder that holds {replay.PUBLISHED}")
    violations, coverage = rows_of_world(claims_world(file), 60, seed=1)
    assert violations.held
    assert violations.naive is not None
    assert violations.naive.value > 1 / 3
    assert coverage.ours.value > 0.1


def test_a_table_is_held_when_every_figure_is() -> None:
    """A figure without a limit is only told; a naive rule that must fail and does not breaks the table."""
    good = rate("good", 1, 100, naive=50, at_most=0.1, naive_must_fail=True)
    assert Table("P0", "", "", [good, figure("told", 100, 7.0)]).held
    assert not Table("P0", "", "", [good, rate("bad", 20, 100, at_most=0.1)]).held
    assert not Table("P0", "", "", [rate("blind", 1, 100, naive=2, at_most=0.1, naive_must_fail=True)]).held
    assert not rate("too rarely", 80, 100, at_least=0.93).held


class Broken:
    """A part whose promise is broken."""

    PROMISES = ("P98",)

    def table(self, draws: int, seed: int) -> Table:
        """As many are wrong as the seed says."""
        return Table("P98", "nothing is ever wrong", "hope", [rate("wrong", seed, draws, naive=draws, at_most=0.0)])


def test_a_broken_promise_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code says whether all promises were held, and the tables which one was not."""
    monkeypatch.setattr(command, "parts", lambda: [Broken()])
    assert command.main(["--draws", "10", "--seed", "0"]) == 0
    assert command.main(["--draws", "10", "--seed", "3"]) == 1
    assert "BROKEN" in capsys.readouterr().out
    assert command.main(["--draws", "10", "--seed", "3", "--json"]) == 1
    tables = json.loads(capsys.readouterr().out)
    assert tables[0]["held"] is False
    assert tables[0]["rows"][0]["ours"]["value"] == pytest.approx(0.3)
    assert command.main(["--only", "P1"]) == 2


def test_the_parts_are_found() -> None:
    """Every module of the folder that names its promises is a part, in the order of the promises."""
    found = [promise for part in command.parts() for promise in part.PROMISES]
    assert {"P20", "P21"} <= set(found)
    assert found == sorted(found)


def test_a_seed_gives_the_same_table() -> None:
    """Draws come from the seed alone."""
    lane = audits.lanes()[4]
    assert list(audits.rows_of(lane, 10, 5)) == list(audits.rows_of(lane, 10, 5))
    assert certificates.plug_in(np.array([0.9, 0.5]), np.array([1.0, 1.0]), 0.05) is None
