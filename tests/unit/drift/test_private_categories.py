"""A drift report shows no category that names a person or a single row."""

from __future__ import annotations

import pandas as pd
from faker import Faker

from aiops_flows.drift import measure_drift, render_report

FAKER = Faker("en_US")
FAKER.seed_instance(1)
NAMES = [f"{FAKER.first_name()} {FAKER.last_name()}" for _ in range(15)]
RARE = [f"depot {letter}" for letter in "abcdefgh"]


def frame(rows: int, shift: int) -> pd.DataFrame:
    """Customers that come again, ids of their own, and depots of which eight have one row each."""
    return pd.DataFrame(
        {
            "contact": [NAMES[number % len(NAMES)] for number in range(rows)],
            "code": [f"id-{chr(97 + number % 26)}{number + shift}" for number in range(rows)],
            "depot": [*RARE, *["main depot"] * (rows - len(RARE))],
        }
    )


def test_names_ids_and_rare_values_stand_in_no_report() -> None:
    """Names are numbered, a column of ids is left out with a note, rare values are one; frequent ones are named."""
    reference, current = frame(300, 0), frame(300, 10_000)
    report = measure_drift(reference, current, ["contact", "code", "depot"])
    rendered = render_report(reference, current, report)
    text = (rendered.html + rendered.json).decode()
    assert "main depot" in text
    assert not [value for value in [*NAMES, *RARE, *reference["code"], *current["code"]] if value in text]
    (code,) = [column for column in report.columns if column.name == "code"]
    assert "nearly every row has a value of its own, so no report shows it" in code.note
