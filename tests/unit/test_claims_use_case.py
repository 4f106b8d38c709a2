"""The claims use case: what is a claim, what its models see, and what its policy may decide."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from aiops_flows.steps.checking import Checked, check_rows
from aiops_flows.steps.frames import case_frame
from aiops_flows.steps.sources import deliveries
from aiops_flows.steps.terms import with_terms
from flows.claim_documents import count_documents
from flows.claims import CLAIMS, Claim, paid_wrongly
from flows.lookalike_claims import make_claims
from flows.published_claims import assumed_closing, published_outcomes

ROW = {
    "Claim Number": "2012010512345",
    "Date Received": "2012-01-05",
    "Incident Date": "2011-12-24 14:30:00",
    "Airport Code": "ORD",
    "Airport Name": "Chicago O'Hare International Airport",
    "Airline Name": "UAL  ",
    "Claim Type": "Property Damage",
    "Claim Site": "Checkpoint",
    "Item Category": "Cameras; Cameras",
    "Close Amount": "50",
    "Disposition": "Settle",
}


def checked(claims: pd.DataFrame) -> Checked:
    [delivery] = deliveries(claims)
    return check_rows(Claim, delivery)


def frame_of(claims: pd.DataFrame) -> pd.DataFrame:
    rows = checked(claims)
    return case_frame(Claim, rows.columns | {"batch": [""] * len(rows)})


def labelled(claims: pd.DataFrame) -> pd.DataFrame:
    return frame_of(claims).merge(published_outcomes(claims), on="case_id")


def paid_auc(train: pd.DataFrame, test: pd.DataFrame) -> float:
    spec = CLAIMS.model("claims-disposition")
    fitted = clone(spec.estimator).fit(train[list(spec.features)], train["disposition"])
    denied = fitted.predict_proba(test[list(spec.features)])[:, list(fitted.classes_).index("deny")]
    return float(roc_auc_score(test["disposition"] != "deny", 1 - denied))


@pytest.fixture(scope="module")
def changing() -> pd.DataFrame:
    return make_claims(12_000, seed=3, change_on=date(2025, 7, 1))


# --- cases ---------------------------------------------------------------------------------------------------------


def test_a_published_row_is_a_claim_without_its_outcome() -> None:
    """The published columns become fields; disposition and close amount do not."""
    claim = Claim.model_validate(ROW)
    assert (claim.case_id, claim.airline, claim.items) == ("2012010512345", "UAL", "Cameras; Cameras")
    assert not {"disposition", "amount"} & set(Claim.columns())


def test_a_dash_or_nothing_is_a_missing_value() -> None:
    """What the authority publishes as "-" or leaves empty is no label of its own."""
    columns = checked(pd.DataFrame([ROW | {"Airline Name": "-", "Incident Date": "", "Item Category": " - "}])).columns
    assert [columns[name] for name in ("airline", "incident_at", "items")] == [[None], [None], [None]]


def test_an_incident_without_a_time_is_accepted() -> None:
    """Nearly half of the claims give the day alone."""
    claim = Claim.model_validate(ROW | {"Incident Date": "2011-12-24"})
    assert claim.incident_at is not None
    assert claim.incident_at.isoformat() == "2011-12-24T00:00:00+00:00"


@pytest.mark.parametrize("bad", [{"Claim Number": "<BR>"}, {"Date Received": "soon"}, {"Airport Code": "<script>"}])
def test_what_is_no_claim_is_refused(bad: dict[str, str]) -> None:
    """A row without a number, a day of receipt, or with markup in a label is no claim."""
    with pytest.raises(ValidationError):
        Claim.model_validate(ROW | bad)


# --- look-alike claims ---------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_claims() -> None:
    """Claims are a function of the seed and the arguments."""
    pd.testing.assert_frame_equal(make_claims(500, seed=1), make_claims(500, seed=1))
    assert not make_claims(500, seed=1).equals(make_claims(500, seed=2))


def test_every_lookalike_row_is_a_claim(changing: pd.DataFrame) -> None:
    """No made row goes to quarantine, and numbers never repeat."""
    result = checked(changing)
    assert (len(result), result.refused) == (len(changing), [])
    assert sorted(result.ignored_columns) == ["Close Amount", "Date Closed", "Disposition"]


def test_lookalike_claims_have_the_rates_of_the_published_ones() -> None:
    """Dispositions, missing values and amounts lie near those of 2010 to 2013."""
    claims = make_claims(20_000, seed=5)
    share = claims["Disposition"].value_counts(normalize=True)
    assert share["-"] == pytest.approx(0.11, abs=0.02)
    assert share["Deny"] / (1 - share["-"]) == pytest.approx(0.63, abs=0.06)
    assert (claims["Airline Name"] == "-").mean() == pytest.approx(0.075, abs=0.01)
    assert published_outcomes(claims)["amount"].mean() == pytest.approx(81, rel=0.2)


def test_lookalike_claims_arrive_in_order_and_close_later() -> None:
    """Receipt never goes back, and no claim closes on or before the day it was received."""
    claims = make_claims(5_000, seed=6)
    assert claims["Date Received"].is_monotonic_increasing
    known = published_outcomes(claims).merge(frame_of(claims), on="case_id")
    assert (known["known_at"] > known["received_at"]).all()
    assert (known["known_at"] - known["received_at"]).dt.days.median() == pytest.approx(178, abs=12)


def test_before_the_change_all_is_as_without_it() -> None:
    """The change touches only claims received from its day on."""
    plain, changed = make_claims(3_000, seed=7), make_claims(3_000, seed=7, change_on=date(2025, 7, 1))
    late = changed["Date Received"] >= "2025-07-01"
    pd.testing.assert_frame_equal(plain[~late], changed[~late])
    cosmetics = changed["Item Category"].str.startswith("Cosmetics")
    assert cosmetics[late].mean() > cosmetics[~late].mean() + 0.12


def test_the_change_turns_approvals_into_denials() -> None:
    """Travel goods, most of which were approved in full, are mostly denied after the change, and look as before."""
    plain, changed = make_claims(6_000, seed=7), make_claims(6_000, seed=7, change_on=date(2025, 1, 1))
    travel = changed["Item Category"].str.startswith("Travel") & (changed["Date Received"] >= "2025-01-01")
    closed = travel & (changed["Disposition"] != "-") & (plain["Disposition"] != "-")

    assert (plain[closed]["Disposition"] == "Approve in Full").mean() > 0.5
    assert (changed[closed]["Disposition"] == "Deny").mean() > 0.6
    columns = ["Airport Code", "Airline Name", "Claim Type", "Claim Site", "Item Category"]
    assert plain[closed][columns].equals(changed[closed][columns])


def test_the_change_spoils_a_frozen_model_and_a_retrained_one_recovers(changing: pd.DataFrame) -> None:
    """Ranking is near that of the real claims before the change, falls after it, and comes back by retraining."""
    cases = labelled(changing)
    received = cases["received_at"].dt.strftime("%Y-%m-%d")
    old, before, after, late = (
        cases[received.between(first, last)]
        for first, last in [
            ("2024-01-01", "2024-12-31"),
            ("2025-01-01", "2025-06-30"),
            ("2025-07-01", "2025-09-15"),
            ("2025-09-16", "2025-12-31"),
        ]
    )
    usual, frozen = paid_auc(old, before), paid_auc(old, late)
    assert 0.66 < usual < 0.84
    assert frozen < usual - 0.08
    assert paid_auc(pd.concat([old, before, after]), late) > usual


# --- outcomes ------------------------------------------------------------------------------------------------------


def test_words_and_amounts_of_published_outcomes_are_understood() -> None:
    """Three words tell an outcome, however they are written; others, and none, tell nothing."""
    words = ["Approve in Full", "SETTLED", "deny ", "-", "Canceled"]
    claims = pd.DataFrame(
        [
            ROW | {"Claim Number": f"201201051234{n}", "Disposition": word, "Close Amount": amount}
            for n, (word, amount) in enumerate(zip(words, ["$1,234.50", "50", "-", "-", "0"], strict=True))
        ]
    )
    outcomes = published_outcomes(claims).sort_values("case_id")
    assert outcomes["disposition"].tolist() == ["approve", "settle", "deny"]
    assert outcomes["amount"].tolist() == [1234.5, 50.0, 0.0]


def test_the_assumed_closing_depends_on_the_claim_alone() -> None:
    """Order and company of the rows do not change when a claim is taken to be closed, if the file's day is the same."""
    numbers = pd.Series([f"2012{month:02d}15{n:05d}" for month in range(1, 13) for n in range(50)])
    received = pd.to_datetime(numbers.str[:8], format="%Y%m%d", utc=True)
    closed = assumed_closing(numbers, received)
    turned = assumed_closing(numbers[::-1], received[::-1])
    pd.testing.assert_series_equal(closed, turned.sort_index())
    assert (closed > received).all()
    assert (closed <= received.max() + pd.Timedelta(days=1)).all()


# --- models and policy ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["claims-disposition", "claims-amount"])
def test_a_fitted_model_scores_claims_of_a_kind_never_seen(model: str, changing: pd.DataFrame) -> None:
    """New airports, airlines, types, missing values and single rows are scored, with finite results."""
    cases = labelled(changing.iloc[:3_000])
    spec = CLAIMS.model(model)
    fitted = clone(spec.estimator).fit(cases[list(spec.features)], cases[spec.output])
    strange = frame_of(pd.DataFrame([dict.fromkeys(ROW, "-") | {"Claim Number": "X1", "Date Received": "2031-02-03"}]))
    unseen = frame_of(pd.DataFrame([ROW | {"Airport Code": "ZZZ", "Airline Name": "Nova Air", "Claim Type": "Noise"}]))
    for rows in (strange, unseen):
        said = fitted.predict(rows[list(spec.features)])
        assert len(said) == 1
        assert spec.kind == "classifier" or np.isfinite(said).all()


def test_policy_approves_only_small_property_claims_and_denies_none() -> None:
    """Injuries, unknown types, dear claims, claims without an expected amount and all denials are left to a person."""
    cases = pd.DataFrame(
        {
            "disposition": ["approve", "approve", "approve", "approve", "approve", "deny", "settle"],
            "disposition_confidence": 0.8,
            "amount": [200.0, 20.0, 20.0, 900.0, np.nan, 20.0, 20.0],
            "claim_type": ["Property Damage", "Personal Injury", None, *["Property Damage"] * 4],
        }
    )
    cases = with_terms(CLAIMS, cases)
    assert list(CLAIMS.review.auto) == ["approve"]
    assert CLAIMS.review.auto["approve"](cases).tolist() == [True, *[False] * 6]
    assert cases["payment"].tolist()[:4] == [250.0, 25.0, 25.0, 1125.0]


def test_a_wrong_approval_costs_what_it_pays() -> None:
    """All of it where the claim had to be denied, half of it where it would have been settled; 250 dollars at most."""
    claims = pd.DataFrame({"payment": [100.0, 100.0, 100.0, 900.0]})
    assert paid_wrongly(claims, ["approve", "deny", "settle", "deny"]).tolist() == [0.0, 100.0, 50.0, 250.0]


def test_reviews_of_hurt_people_and_of_dear_claims_come_first() -> None:
    """Priority is the expected amount; what is no property claim goes before it."""
    cases = pd.DataFrame(
        {"amount": [10.0, 400.0, 10.0], "claim_type": ["Property Damage", "Property Damage", "Personal Injury"]}
    )
    assert CLAIMS.review.priority is not None
    assert CLAIMS.review.priority(cases).rank().tolist() == [1.0, 2.0, 3.0]


# --- documents -----------------------------------------------------------------------------------------------------


def test_documents_beside_a_claim_are_counted(tmp_path: Path) -> None:
    """Plain files in the folder named like the claim count; hidden ones, links and other folders do not."""
    (tmp_path / "A1").mkdir()
    for name in ("letter.pdf", "photo.jpg", ".hidden"):
        (tmp_path / "A1" / name).write_text("x")
    (tmp_path / "A1" / "link.pdf").symlink_to(tmp_path / "A1" / "letter.pdf")
    found = count_documents(tmp_path)
    assert (found["A1"], found["A2"], found["../A1"]) == (2, 0, 0)


def test_no_folder_of_documents_means_none(tmp_path: Path) -> None:
    """Where nobody files documents, every claim has none."""
    assert count_documents(tmp_path / "documents")["A1"] == 0
