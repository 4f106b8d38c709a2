"""Gates both ways: a better challenger passes; a worse, a drifted and an unmeasurable one do not."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from aiops_flows.drift import DriftReport
from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.paired import compare_paired
from aiops_flows.gate_results import GateResult, all_passed, as_json, gate_table
from aiops_flows.gates import METRICS, Scored, judge, judge_shadow, measure
from aiops_flows.use_case import Gate, ModelSpec

ROWS = 2_000
RANDOM = np.random.default_rng(0)
SIGNAL = RANDOM.normal(size=ROWS)
TRUTH = (RANDOM.random(ROWS) < 1 / (1 + np.exp(-2 * SIGNAL))).astype(int)
AMOUNTS = RANDOM.gamma(2, 100, ROWS)
DRIFTLESS = DriftReport("no drift", [], 500, 400, 0.4, 0.05, "nothing moved")


def classifier(noise: float, rows: int = ROWS) -> Scored:
    """A model of the truth whose score is blurred by noise."""
    shares = 1 / (1 + np.exp(-2 * (SIGNAL[:rows] + noise * np.random.default_rng(1).normal(size=rows))))
    return Scored((shares > 0.5).astype(int), np.column_stack([1 - shares, shares]), [0, 1])


def naive(rows: int = ROWS) -> Scored:
    return Scored(np.ones(rows, int), np.full((rows, 2), 0.5), [0, 1])


def regressor(noise: float, rows: int = ROWS) -> Scored:
    return Scored(AMOUNTS[:rows] + noise * np.random.default_rng(2).normal(size=rows))


def spec(*gates: Gate, kind: str = "classifier") -> ModelSpec:
    estimator = LogisticRegression() if kind == "classifier" else LinearRegression()
    return ModelSpec("claims-fraud", ["amount"], "is_fraud", estimator, gates=gates)


def verdict(
    gate: Gate,
    challenger: Scored,
    champion: Scored | None = None,
    *,
    drift: dict[str, DriftReport] | None = None,
    missing_share: float | None = 0.0,
    latency_ms: float | None = 1.0,
) -> GateResult:
    found = judge(
        spec(gate), TRUTH, challenger, champion, naive(), {} if drift is None else drift, missing_share, latency_ms
    )
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "gate",
    [
        Gate("roc_auc", at_least=0.75, max_drop=0.02, beats_baseline=True),
        Gate("brier_score", at_most=0.2, max_drop=0.02, beats_baseline=True),
        Gate("log_loss", max_drop=0.05),
        Gate("average_precision", beats_baseline=True),
        Gate("accuracy", at_least=0.7, beats_baseline=True),
        Gate("f1_macro", beats_baseline=True),
        Gate("balanced_accuracy", beats_baseline=True),
        Gate("calibration_error", at_most=0.1),
    ],
)
def test_a_better_challenger_passes(gate: Gate) -> None:
    """A challenger that is better than the champion meets every bound, with its evidence beside it."""
    found = verdict(gate, classifier(0.2), classifier(0.8))
    assert found.passed, found.reason
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert found.champion is not None
    assert found.baseline is not None


@pytest.mark.parametrize(
    "gate",
    [
        Gate("roc_auc", max_drop=0.02),
        Gate("brier_score", max_drop=0.02),
        Gate("roc_auc", at_least=0.8),
        Gate("brier_score", at_most=0.18),
        Gate("accuracy", at_least=0.5, max_drop=0.01),
    ],
)
def test_a_worse_challenger_does_not_pass(gate: Gate) -> None:
    """A challenger that is worse than the champion, or than the bound, is refused with the numbers in the reason."""
    found = verdict(gate, classifier(2.0), classifier(0.2))
    assert not found.passed
    assert f"{found.value:.4g}" in found.reason or "champion" in found.reason


def test_a_challenger_no_better_than_the_baseline_does_not_pass() -> None:
    """Being as good as the naive baseline is not better."""
    assert not verdict(Gate("roc_auc", beats_baseline=True), naive()).passed
    assert not verdict(Gate("accuracy", beats_baseline=True), naive()).passed


def test_the_interval_counts_against_the_challenger() -> None:
    """An estimate that meets the bound by less than its uncertainty does not pass, and the reason says why."""
    exact = verdict(Gate("roc_auc", at_least=0.1), classifier(0.5)).value
    assert exact is not None
    found = verdict(Gate("roc_auc", at_least=exact - 0.001), classifier(0.5))
    assert not found.passed
    assert "more rows" in found.reason


def test_differences_are_paired() -> None:
    """The difference to the same model is exactly nothing, however uncertain both are."""
    found = verdict(Gate("roc_auc", max_drop=0.0), classifier(0.5), classifier(0.5))
    assert found.passed
    assert (found.champion_difference_low, found.champion_difference_high) == (0, 0)


def test_without_a_champion_max_drop_binds_nobody_and_the_others_still_do() -> None:
    """The first version is held against bounds and baseline alone, and the reason says so."""
    first = verdict(Gate("roc_auc", at_least=0.7, max_drop=0.02, beats_baseline=True), classifier(0.5))
    assert first.passed
    assert "no champion" in first.reason
    assert first.champion is None
    assert not verdict(Gate("roc_auc", at_least=0.99, max_drop=0.02), classifier(0.5)).passed


def money(mean: float, noise: float = 0.0) -> Scored:
    """Answers that are off by about ``mean`` euros."""
    return Scored(AMOUNTS + mean + noise * np.random.default_rng(3).normal(size=ROWS))


@pytest.mark.parametrize("unit", [1.0, 1_000.0])
def test_a_share_of_the_champions_value_judges_alike_in_any_unit(unit: float) -> None:
    """A table in cents and one in thousands get the same verdict; an absolute drop fits one of them only."""
    errors = {"champion": 200.0, "a little worse": 206.0, "much worse": 230.0}
    scored = {name: Scored((AMOUNTS + error) * unit) for name, error in errors.items()}

    def passed(name: str, gate: Gate) -> bool | None:
        model = spec(gate, kind="regressor")
        found = judge(model, AMOUNTS * unit, scored[name], scored["champion"], money(0), {}, 0.0, 1.0)
        return found[0].passed

    gate = Gate("mean_absolute_error", max_drop_share=0.05)
    assert passed("a little worse", gate)
    assert not passed("much worse", gate)
    assert passed("a little worse", Gate("mean_absolute_error", max_drop=10.0)) == (unit == 1.0)


def test_a_share_of_the_champions_value_binds_nobody_without_a_champion_and_is_a_share() -> None:
    """It is compared with the champion alone, and a percentage written as a number is refused."""
    first = verdict(Gate("roc_auc", at_least=0.7, max_drop_share=0.02), classifier(0.5))
    assert first.passed
    assert "max_drop_share does not apply" in first.reason
    for wrong in (5, -0.1, 1.0):
        with pytest.raises(UseCaseError, match="expected a share of the champion's value"):
            Gate("mean_cost", max_drop_share=wrong)
    with pytest.raises(UseCaseError, match="leave out max_drop_share"):
        Gate("latency", max_drop_share=0.1)


UNMEASURABLE = {
    "no probabilities": Scored(TRUTH),
    "missing predictions": Scored([None, *TRUTH[1:]], classifier(0.1).probabilities, [0, 1]),
    "too few predictions": Scored(TRUTH[:-1], np.full((ROWS - 1, 2), 0.5), [0, 1]),
    "no numbers": Scored(TRUTH, np.full((ROWS, 2), np.nan), [0, 1]),
    "another shape": Scored(TRUTH, np.full((ROWS, 3), 1 / 3), [0, 1]),
    "other types": Scored(TRUTH.astype(str), classifier(0.1).probabilities, ["0", "1"]),
}


@pytest.mark.parametrize("what", UNMEASURABLE)
def test_a_challenger_that_cannot_be_measured_does_not_pass(what: str) -> None:
    """Whatever is missing from the challenger's answers refuses it with a reason, without an exception."""
    found = verdict(Gate("roc_auc", at_least=0.0), UNMEASURABLE[what])
    assert not found.passed
    assert "cannot be measured" in found.reason
    assert found.value is None


@pytest.mark.parametrize("what", UNMEASURABLE)
def test_a_champion_that_cannot_be_measured_closes_max_drop(what: str) -> None:
    """No champion's score, no promotion over it."""
    found = verdict(Gate("roc_auc", max_drop=0.5), classifier(0.1), UNMEASURABLE[what])
    assert not found.passed
    assert "champion cannot be measured" in found.reason


@pytest.mark.parametrize(
    ("truth", "told"),
    [
        (np.zeros(200, int), "one class"),
        (np.array([1, 1, 1] + [0] * 197), "only 3 rows"),
        ([None] + [0, 1] * 99 + [1], "no true value"),
        (TRUTH[:20], "at least 30"),
        ([], "at least 30"),
    ],
)
def test_rows_that_cannot_judge_anything_refuse(truth: Any, told: str) -> None:
    """One class, too few rows of a class or at all, or missing truth: not passed, and said why."""
    rows = len(truth)
    found = judge(spec(Gate("accuracy", at_least=0.0)), truth, classifier(0.1, rows), None, naive(rows), {}, 0.0, 1.0)
    assert not found[0].passed
    assert told in found[0].reason


def test_several_classes_are_judged() -> None:
    """With three classes the challenger that knows them passes against the one that does not."""
    random = np.random.default_rng(4)
    truth = random.choice(["approve", "deny", "settle"], 600)
    places = np.searchsorted(["approve", "deny", "settle"], truth)
    shares = np.full((600, 3), 0.2)
    shares[np.arange(600), np.where(random.random(600) < 0.8, places, 0)] = 0.6
    names = ["approve", "deny", "settle"]
    good = Scored(np.array(names)[shares.argmax(axis=1)], shares, names)
    poor = Scored(["approve"] * 600, np.full((600, 3), 1 / 3), names)
    gates = [
        Gate(name, max_drop=0.01, beats_baseline=True) for name in ("roc_auc", "brier_score", "log_loss", "f1_macro")
    ]
    assert all_passed(judge(spec(*gates), truth, good, poor, poor, {}, 0.0, 1.0))
    assert not any(each.passed for each in judge(spec(*gates), truth, poor, good, poor, {}, 0.0, 1.0))


def test_quantities_are_judged() -> None:
    """A regressor closer to the truth passes, one further away does not, on every quality."""
    naive_amount = Scored(np.full(ROWS, np.median(AMOUNTS)))
    names = [name for name, metric in METRICS.items() if metric.kind == "regressor" and metric.needs == "values"]
    names.remove("bias")
    gates = [Gate(name, max_drop=0.01, beats_baseline=True) for name in names] + [Gate("bias", at_most=0.1)]
    better = judge(spec(*gates, kind="r"), AMOUNTS, regressor(10), regressor(40), naive_amount, {}, 0.0, 1.0)
    worse = judge(spec(*gates, kind="r"), AMOUNTS, regressor(300), regressor(40), naive_amount, {}, 0.0, 1.0)
    assert all_passed(better), as_json(better)
    assert not any(each.passed for each in worse[:-1])


def test_a_metric_of_the_other_kind_does_not_pass() -> None:
    """A metric that does not exist, or measures quantities and not classes, refuses and lists those there are."""
    for name in ("wape", "roc_acu"):
        found = verdict(Gate(name, at_least=0.0), classifier(0.1))
        assert not found.passed
        assert "roc_auc" in found.reason


@pytest.mark.parametrize(
    ("reports", "passed"),
    [
        ({"learned_vs_arriving": DRIFTLESS}, True),
        (
            {"learned_vs_arriving": DRIFTLESS, "champion": DriftReport("drift", [], 500, 400, 0.01, 0.05, "age moved")},
            False,
        ),
        ({"learned_vs_arriving": DriftReport("unknown", [], 500, 4, None, 0.05, "4 current rows")}, False),
        ({}, False),
    ],
)
def test_drift_and_not_knowing_close_the_gate(reports: dict[str, DriftReport], passed: bool) -> None:
    """The drift gate passes only where every comparison was made and none found drift."""
    found = verdict(Gate("drift", at_most=0.05), classifier(0.1), drift=reports)
    assert found.passed is passed
    assert all(report.reason in found.reason for report in reports.values() if report.verdict != "no drift")


def test_the_drift_gate_has_its_own_false_alarm_rate() -> None:
    """A p-value of 0.03 is drift at 5 % and none at 1 %."""
    report = {"both": DriftReport("drift", [], 500, 400, 0.03, 0.05, "age moved")}
    assert not verdict(Gate("drift", at_most=0.05), classifier(0.1), drift=report).passed
    assert verdict(Gate("drift", at_most=0.01), classifier(0.1), drift=report).passed


def test_the_shadow_gate_is_left_open_for_live_cases() -> None:
    """With a champion it neither passes nor refuses at training; without one it passes; other bounds are refused."""
    found = verdict(Gate("shadow", at_most=0.05), classifier(0.1), classifier(0.2))
    assert found.passed is None
    assert all_passed([found])
    assert gate_table([found])[0]["passed"] == "at promotion"
    first = verdict(Gate("shadow", at_most=0.05), classifier(0.1))
    assert first.passed is True
    assert "no champion" in first.reason
    for gate in (Gate("shadow", at_least=0.1), Gate("shadow", at_most=2), Gate("shadow", at_most=0.1, max_drop=1)):
        assert verdict(gate, classifier(0.1), classifier(0.2)).passed is False


def test_the_shadow_gate_says_what_live_cases_say() -> None:
    """Better passes, worse does not, and too little is neither; the figures stand in the result."""
    gate, random = Gate("shadow", at_most=0.05), np.random.default_rng(3)
    worse, better = random.binomial(1, 0.4, 600).astype(float), random.binomial(1, 0.1, 600).astype(float)
    passed = judge_shadow(gate, compare_paired(worse, better, alpha=0.05))
    assert (passed.passed, passed.rows) == (True, 600)
    assert passed.value is not None
    assert passed.value > 0
    assert judge_shadow(gate, compare_paired(better, worse, alpha=0.05)).passed is False
    assert judge_shadow(gate, compare_paired(worse[:5], better[:5], alpha=0.05)).passed is None
    assert judge_shadow(gate, compare_paired([], [], alpha=0.05)).value is None


def test_missing_values_and_latency_are_held_to_their_bounds() -> None:
    """Measured numbers are compared as they are; what was not measured does not pass."""
    assert verdict(Gate("missing_values", at_most=0.1), classifier(0.1), missing_share=0.05).passed
    assert not verdict(Gate("missing_values", at_most=0.1), classifier(0.1), missing_share=0.2).passed
    assert not verdict(Gate("missing_values", at_most=0.1), classifier(0.1), missing_share=None).passed
    assert verdict(Gate("latency", at_most=50), classifier(0.1), latency_ms=20).passed
    assert not verdict(Gate("latency", at_most=50), classifier(0.1), latency_ms=80).passed
    assert not verdict(Gate("latency", at_most=50), classifier(0.1), latency_ms=float("nan")).passed


def test_bounds_that_a_check_cannot_hold_do_not_pass() -> None:
    """A check that has nothing to be compared with refuses a relative bound."""
    for gate in (Gate("drift", at_least=0.1), Gate("latency", max_drop=1), Gate("missing_values", beats_baseline=True)):
        assert not verdict(gate, classifier(0.1), drift={"both": DRIFTLESS}).passed


def test_a_model_without_gates_is_not_passed() -> None:
    """Nothing becomes champion unjudged: no gate is a refusal, and so is no result."""
    found = judge(spec(), TRUTH, classifier(0.1), None, naive(), {}, 0.0, 1.0)
    assert not all_passed(found)
    assert "no gate" in found[0].reason
    assert not all_passed([])


def test_judging_twice_gives_the_same_results() -> None:
    """Resampling is seeded, so evidence can be made again."""
    gates = spec(Gate("roc_auc", at_least=0.7, max_drop=0.02), Gate("calibration_error", at_most=0.1))
    first, second = (
        as_json(judge(gates, TRUTH, classifier(0.3), classifier(0.5), naive(), {}, 0.0, 1.0)) for _ in range(2)
    )
    assert first == second
    assert json.loads(first)[0]["gate"] == "roc_auc"


def test_the_interval_narrows_with_the_rows_also_beyond_those_that_are_resampled() -> None:
    """20,000 rows give about half the interval of 5,000, though only 5,000 are resampled."""
    widths = []
    for rows in (5_000, 20_000):
        random = np.random.default_rng(5)
        truth, noise = random.integers(0, 2, rows), random.normal(size=rows)
        shares = 1 / (1 + np.exp(-(truth - 0.5 + noise)))
        said = Scored((shares > 0.5).astype(int), np.column_stack([1 - shares, shares]), [0, 1])
        found = judge(spec(Gate("roc_auc", at_least=0.5)), truth, said, None, said, {}, 0.0, 1.0)[0]
        assert found.low is not None
        assert found.high is not None
        widths.append(found.high - found.low)
    assert 0.35 <= widths[1] / widths[0] <= 0.65


def test_a_false_promotion_is_rare() -> None:
    """A challenger exactly as much worse as allowed passes in about 5 % of samples, not in half."""
    passed = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 2, 400)
        champion = np.where(random.random(400) < 0.80, truth, 1 - truth)
        challenger = np.where(random.random(400) < 0.75, truth, 1 - truth)
        found = judge(
            spec(Gate("accuracy", max_drop=0.05)), truth, Scored(challenger), Scored(champion), naive(400), {}, 0.0, 1.0
        )
        passed += found[0].passed is True
    assert passed <= 24


def test_the_table_is_text_for_people() -> None:
    """Each gate is a row of text, whatever could be measured."""
    gates = spec(Gate("roc_auc", at_least=0.7), Gate("latency", at_most=1), Gate("drift", at_most=0.05))
    table = gate_table(judge(gates, TRUTH, classifier(0.3), None, naive(), {}, 0.0, None))
    assert [row["passed"] for row in table] == ["yes", "no", "no"]
    assert all(value for row in table for value in row.values())


def test_measure_gives_every_quality_that_can_be_measured() -> None:
    """All metrics of the kind are measured on the same rows, those that cannot be are left out."""
    assert set(measure("classifier", TRUTH, classifier(0.3))) == {
        n for n, m in METRICS.items() if m.kind == "classifier"
    }
    assert "roc_auc" not in measure("classifier", TRUTH, Scored(TRUTH))
    assert measure("classifier", TRUTH, Scored(TRUTH[:3])) == {}
    plain = {n for n, m in METRICS.items() if m.measures("regressor") and m.needs == "values"}
    assert set(measure("regressor", AMOUNTS, regressor(5))) == plain
