"""Renewals of a property insurance fund: renew a policy as it is, or look at it first?

The columns are those of the policy-years of the Wisconsin Local Government Property Insurance Fund, as published with
the open textbook Loss Data Analytics (Insample.csv). A case is one policy in one year, on its first day.
"""

from datetime import timedelta

import pandas as pd
from prefect import flow
from pydantic import Field
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from aiops_flows import Case, Gate, ModelSpec, ReviewPolicy, UseCase, intake, predict, review
from aiops_flows.evidence.losses import wrong


class PolicyYear(Case):
    """A policy on the day it is to be renewed; whether a claim will be made this year is its late outcome."""

    policy: int = Field(alias="PolicyNum")
    entity: str
    coverage: float = Field(alias="LnCoverage", description="logarithm of the sum insured, in millions of USD")
    deductible: float = Field(alias="lnDeduct")
    no_claim_credit: int = Field(alias="NoClaimCredit")
    claims_before: float | None = Field(None, ge=0, description="in the year before; missing for a new policy")


NUMBERS = ["coverage", "deductible", "no_claim_credit", "claims_before"]
columns = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["entity"]),
    (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), NUMBERS),
)
claim = ModelSpec(
    name="renewals-claim", features=["entity", *NUMBERS], output="claim",
    estimator=make_pipeline(columns, LogisticRegression(max_iter=1_000)),
    gates=[Gate("roc_auc", at_least=0.7, max_drop=0.02, beats_baseline=True), Gate("calibration_error", at_most=0.1)],
)  # fmt: skip
RENEWALS = UseCase(
    name="renewals", case=PolicyYear, models=[claim], cut="policy",  # all years of a policy on one side
    review=ReviewPolicy(
        verdicts=["renew", "look at"], auto={"renew": lambda years: years.claim == "no"}, judged_by={"claim": wrong},
        max_error=0.15, audit=0.0, valid_for=timedelta(days=365), priority=lambda years: years.coverage,
    ),
)  # fmt: skip


@flow
def renewals(source: str) -> pd.DataFrame:
    """Take in the policies that are to be renewed; renew them, or have somebody look at them first."""
    return review(RENEWALS, predict(RENEWALS, claim, intake(RENEWALS, source)))
