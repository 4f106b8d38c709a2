"""Gates in every slice, both ways: one bad slice refuses a challenger that is good on the whole."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from aiops_flows.errors import UseCaseError
from aiops_flows.gate_results import GateResult
from aiops_flows.gates import Scored, judge
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase

LANGUAGES = np.repeat(["en", "de", "fr"], [400, 300, 200])
CASES = pd.DataFrame({"language": LANGUAGES, "length": np.arange(900)})
TRUTH = np.array(["a", "b", "c"])[np.random.default_rng(0).integers(3, size=900)]


def answered(accuracy: dict[str, float], seed: int = 1, truth: Any = TRUTH, cases: pd.DataFrame = CASES) -> Scored:
    """Answers that are right at another rate in each language."""
    rate = cases["language"].map(accuracy).fillna(0.9).to_numpy(float)
    right = np.random.default_rng(seed).random(len(truth)) < rate
    return Scored(np.where(right, truth, "wrong"), None, ["a", "b", "c", "wrong"])


def verdict(gate: Gate, challenger: Scored, champion: Scored | None = None, **more: Any) -> GateResult:
    spec = ModelSpec("tickets-intent", ["length"], "intent", LogisticRegression(), gates=[gate])
    given: dict[str, Any] = {"cases": CASES, "resamples": 100} | more
    truth = given.pop("truth", TRUTH)
    naive = Scored(np.full(len(truth), "a"), None, ["a", "b", "c"])
    [found] = judge(spec, truth, challenger, champion, naive, {}, 0.0, 1.0, **given)
    return found


EVEN = {"en": 0.9, "de": 0.9, "fr": 0.9}
UNEVEN = {"en": 0.97, "de": 0.97, "fr": 0.6}


def test_a_challenger_that_holds_in_each_slice_passes() -> None:
    """Every slice holds the bound, and the result shows the worst of them with its evidence."""
    found = verdict(Gate("accuracy", at_least=0.8, beats_baseline=True, by="language"), answered(EVEN))
    assert found.passed, found.reason
    assert found.rows == 900
    assert "in each of 3 slices by language, worst is slice" in found.reason
    assert "in each slice by language" in found.bound
    assert found.baseline is not None


def test_one_bad_slice_refuses_what_passes_on_the_whole() -> None:
    """The mean of all rows hides a language that is served badly; the slices do not."""
    assert verdict(Gate("accuracy", at_least=0.8), answered(UNEVEN)).passed
    found = verdict(Gate("accuracy", at_least=0.8, by="language"), answered(UNEVEN))
    assert not found.passed
    assert "1 of 3 slices by language fail, worst is slice 'fr' (200 rows)" in found.reason
    assert found.value == pytest.approx(0.6, abs=0.1)


def test_a_drop_in_one_slice_refuses_a_challenger_that_is_better_on_the_whole() -> None:
    """A gain in the large slice buys no loss in a small one."""
    champion = answered({"en": 0.7, "de": 0.9, "fr": 0.95}, seed=2)
    challenger = answered({"en": 0.97, "de": 0.95, "fr": 0.7}, seed=2)
    assert verdict(Gate("accuracy", max_drop=0.02), challenger, champion).passed
    found = verdict(Gate("accuracy", max_drop=0.02, by="language"), challenger, champion)
    assert not found.passed
    assert "'fr'" in found.reason
    assert found.champion == pytest.approx(0.95, abs=0.05)


def test_small_slices_are_told_and_not_named() -> None:
    """What holds fewer rows than asked for is not judged, and its value, which could be somebody, is not said."""
    cases = CASES.assign(language=np.where(np.arange(900) < 12, "rare", CASES["language"]))
    cases.loc[20:24, "language"] = None
    found = verdict(Gate("accuracy", at_least=0.8, by="language"), answered(EVEN), cases=cases)
    assert found.passed
    assert "(not judged: 1 slices of fewer than 30 rows, 12 rows together; 5 rows in no slice)" in found.reason
    assert "rare" not in found.reason
    assert found.rows == 883


def test_without_a_slice_that_can_be_judged_nothing_passes() -> None:
    """Doubt closes the gate: too few rows everywhere, or rows that are not at hand."""
    few = verdict(Gate("accuracy", at_least=0.1, by="length"), answered(EVEN))
    assert not few.passed
    assert "no slice by length can be judged (not judged: 900 slices of fewer than 30 rows, 900 rows" in few.reason
    assert not verdict(Gate("accuracy", at_least=0.1, by="language"), answered(EVEN), cases=None).passed


def test_the_true_label_may_slice() -> None:
    """By its own output each true class is judged by itself, though all its rows are of one class."""
    bad = Scored(np.where((TRUTH == "b") & (np.arange(900) % 2 == 0), "a", TRUTH), None, ["a", "b", "c"])
    assert verdict(Gate("accuracy", at_least=0.8), bad).passed
    found = verdict(Gate("accuracy", at_least=0.8, by="intent"), bad)
    assert not found.passed
    assert "slice 'b'" in found.reason
    assert verdict(Gate("accuracy", at_least=0.95, by="intent"), Scored(TRUTH, None, ["a", "b", "c"])).passed


def team_of(tickets: pd.DataFrame) -> "pd.Series[str]":
    return tickets["intent"].map({"a": "billing", "b": "billing", "c": "cards"})


def test_a_function_may_slice_by_the_truth_and_the_case() -> None:
    """A function sees the case's columns and the truth, and is named in the result."""
    assert (
        "in each of 2 slices by team_of" in verdict(Gate("accuracy", at_least=0.8, by=team_of), answered(EVEN)).reason
    )
    found = verdict(Gate("accuracy", at_least=0.8, by=lambda tickets: tickets["language"].str.upper()), answered(EVEN))
    assert "slices by a function, worst is slice" in found.reason


def test_a_function_that_fails_is_told_without_its_words() -> None:
    """The words of a fault may quote a case, so that only its kind is told."""

    def wrong(tickets: pd.DataFrame) -> Any:
        raise ValueError("Ada's ticket")

    with pytest.raises(UseCaseError, match=r"function wrong .* failed \(ValueError\)") as caught:
        verdict(Gate("accuracy", at_least=0.8, by=wrong), answered(EVEN))
    assert "Ada" not in str(caught.value)
    with pytest.raises(UseCaseError, match="gave 3 values for 900 rows"):
        verdict(Gate("accuracy", at_least=0.8, by=lambda _: [1, 2, 3]), answered(EVEN))  # type: ignore[arg-type,return-value]


def test_a_challenger_with_one_slice_at_the_limit_passes_in_at_most_one_of_twenty() -> None:
    """However many slices there are: passing asks every one of them, so no interval needs to be widened for it."""
    cases = pd.DataFrame({"language": np.repeat([f"l{number}" for number in range(8)], 40)})
    truth = np.repeat("a", 320)
    gate = Gate("accuracy", at_least=0.9, by="language")
    rates = {f"l{number}": 0.9 if number == 3 else 1.0 for number in range(8)}
    passed = 0
    for seed in range(400):
        said = answered(rates, seed, truth, cases)
        passed += bool(verdict(gate, said, cases=cases, truth=truth, resamples=2).passed)
    assert passed <= 400 * 0.05 + 3 * np.sqrt(400 * 0.05 * 0.95)


def test_quantities_are_judged_by_slice_as_well() -> None:
    """A regressor that is far off for one group is refused."""
    amounts = np.linspace(10, 100, 900)
    off = Scored(amounts + np.where(LANGUAGES == "fr", 20.0, np.where(np.arange(900) % 2, 1.0, -1.0)))
    naive = Scored(np.full(900, 50.0))
    gates = [Gate("mean_absolute_error", at_most=10), Gate("mean_absolute_error", at_most=10, by="language")]
    spec = ModelSpec("tickets-hours", ["length"], "hours", LinearRegression(), gates=gates)
    whole, sliced = judge(spec, amounts, off, None, naive, {}, 0.0, 1.0, cases=CASES)
    assert whole.passed, whole.reason
    assert not sliced.passed
    assert "slice 'fr'" in sliced.reason


class Ticket(Case):
    """A request."""

    language: str
    length: float


def test_slices_that_cannot_be_are_refused_where_they_are_declared() -> None:
    """A gate slices by what the judging rows have, and only qualities have slices."""

    def declared(gate: Gate) -> UseCase:
        model = ModelSpec("tickets-intent", ["length"], "intent", LogisticRegression(), gates=[gate])
        return UseCase("tickets", Ticket, [model], ReviewPolicy(verdicts=["a"]))

    assert declared(Gate("accuracy", at_least=0.5, by="intent")).models
    with pytest.raises(UseCaseError, match=r"gates by \['colour'\]"):
        declared(Gate("accuracy", at_least=0.5, by="colour"))
    with pytest.raises(UseCaseError, match="looks at the whole"):
        Gate("drift", at_most=0.05, by="language")
    with pytest.raises(UseCaseError, match="number of rows"):
        Gate("accuracy", at_least=0.5, by="language", fewest=0)
