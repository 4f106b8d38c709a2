"""Text drifts by what its descriptors and its words say, at the rate that was asked for; no word of it is shown."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from aiops_flows.drift import ColumnDrift, DriftReport, find_breaks, measure_drift, render_report
from aiops_flows.drift.texts import DESCRIPTORS, text_columns

TOPICS = 12
OWN_WORDS, SHARED_WORDS = 30, 200


def word(number: int) -> str:
    """A made-up word of five letters, whatever its number."""
    return "".join(chr(97 + number // 21**place % 21) for place in range(5))


def texts(rows: int, seed: int, topics: range = range(TOPICS)) -> list[str]:
    """Texts of ten words: six that all topics share, four of the topic's own; all words have the same length."""
    random = np.random.default_rng(seed)
    own = random.choice(list(topics), rows)[:, None] * OWN_WORDS + random.integers(0, OWN_WORDS, (rows, 4))
    numbers = np.hstack([random.integers(0, SHARED_WORDS, (rows, 6)), SHARED_WORDS + own])
    return [" ".join(word(number) for number in line) for line in numbers.tolist()]


def tickets(rows: int, seed: int, **other: Any) -> pd.DataFrame:
    """Tickets of words and a channel."""
    random = np.random.default_rng(seed + 10_000)
    channels = random.choice(np.array(["mail", "chat"], object), rows)
    return pd.DataFrame({"words": texts(rows, seed), "channel": channels}).assign(**other)


def talks(said: list[str], answer: str = "ok") -> pd.Series[Any]:
    """Conversations in which the customers said that, and all were answered alike."""
    values: list[Any] = [[{"speaker": "customer", "text": text}, {"speaker": "agent", "text": answer}] for text in said]
    return pd.Series(values, dtype=object)


def measured(current: pd.DataFrame, **given: Any) -> DriftReport:
    """Drift of some tickets against 600 others."""
    return measure_drift(tickets(600, 1), current, ["words", "channel"], **given)


def column(report: DriftReport, name: str) -> ColumnDrift:
    """One column of a report."""
    return next(each for each in report.columns if each.name == name)


@pytest.mark.parametrize(("rows_reference", "rows_current", "repeats"), [(200, 200, 80), (2_000, 300, 20)])
def test_unchanged_text_alarms_at_the_rate_that_was_asked_for(
    rows_reference: int, rows_current: int, repeats: int
) -> None:
    """Over all descriptors and the other columns together."""
    reports = [
        measure_drift(
            tickets(rows_reference, 2 * number), tickets(rows_current, 2 * number + 1), ["words", "channel"],
            false_alarm_rate=0.1, column_rate=0.1, seed=number,
        )
        for number in range(repeats)
    ]  # fmt: skip
    low, high = binom.ppf([0.001, 0.999], repeats, 0.1)
    assert low <= sum(report.verdict == "drift" for report in reports) <= high
    alone = [any(each.alarmed for each in report.columns if each.of == "words") for report in reports]
    assert low <= sum(alone) <= high  # the descriptors of one text have one rate


def test_a_new_topic_is_found_while_lengths_stay_equal() -> None:
    """One text in four is about something else, in words as long and as many; unchanged ones beside it say nothing."""
    now = tickets(300, 2)
    now["words"] = [*now["words"][:225], *texts(75, 3, range(TOPICS, TOPICS + 2))]
    report = measured(now)
    assert report.verdict == "drift"
    assert column(report, "words.meaning").drifted
    assert not column(report, "words.length").drifted
    assert not column(report, "words.words").drifted
    assert measured(tickets(300, 2)).verdict == "no drift"


@pytest.mark.parametrize(
    ("change", "descriptor"),
    [
        (lambda text: text[: len(text) // 2], "length"),
        (str.upper, "upper"),
        (lambda text: f"{text} 12345", "digits"),
        (lambda text: " ".join(f"{each}{crc32(text.encode()) % 99_991:x}" for each in text.split()), "rare"),
    ],
)
def test_each_descriptor_sees_what_it_is_named_for(change: Any, descriptor: str) -> None:
    """Shorter, louder, fuller of numbers, stranger; capitals alone are no other meaning."""
    report = measured(tickets(300, 2).assign(words=lambda frame: frame["words"].map(change)))
    assert column(report, f"words.{descriptor}").drifted
    assert column(report, "words.meaning").drifted == (descriptor in {"length", "digits", "rare"})


def test_a_text_is_never_a_category() -> None:
    """Its column stands in the report by its descriptors only, in the order in which it was named."""
    report = measured(tickets(300, 2))
    assert [each.name for each in report.columns] == [*(f"words.{part}" for part in DESCRIPTORS), "channel"]
    assert {each.of for each in report.columns} == {"words", ""}
    assert DriftReport.from_dict(json.loads(report.as_json())) == report


def test_missing_texts_are_told_once() -> None:
    """Half of the texts are gone: the share of missing values moved, and the rest is measured on what is there."""
    now = tickets(300, 2)
    now.loc[::2, "words"] = None
    report = measured(now)
    assert report.drifted_columns == ["words.length"]
    assert "missing values moved from 0 to 0.5" in column(report, "words.length").note
    assert measured(now.assign(words=None)).drifted_columns == ["words.length"]


def test_text_is_told_from_labels_by_its_look() -> None:
    """Conversations, and mostly distinct values of four words and more; what is named is text however it looks."""
    frame = tickets(200, 1).assign(
        thread=talks(["ok"] * 200),
        place=[f"{number} Some Street" for number in range(200)],
        product=["a long label of many words"] * 200,
        amount=1.0,
        nothing=None,
    )
    columns = [*frame.columns, "absent"]
    assert text_columns(frame, frame.iloc[:50], columns) == ["words", "thread"]
    assert text_columns(frame, frame, columns, ["product", "words"]) == ["words", "thread", "product"]
    assert text_columns(frame, frame.iloc[:0], ["words"]) == ["words"]


def test_no_word_reaches_a_report() -> None:
    """Neither Evidently's page nor the JSON shows what somebody wrote, though a text is repeated in many rows."""
    secret = "canary4111 pays to the account of somebody"
    before, now = tickets(300, 1), tickets(300, 2)
    now["words"] = [secret] * 40 + now["words"][40:].tolist()
    report = measure_drift(before, now, ["words"], texts=["words"])
    rendered = render_report(before, now, report)
    assert report.verdict == "drift"
    for page in (rendered.html, rendered.json, report.as_json().encode()):
        assert b"canary" not in page
    shown = {each["metric_name"] for each in json.loads(rendered.json)["evidently"]["metrics"]}
    assert len(shown) == len(DESCRIPTORS) - 1


def test_a_supply_of_text_breaks_without_its_words() -> None:
    """Left out, emptied or frozen text is a break; new texts are what texts are, and a conversation is one."""
    before, now = tickets(300, 1), tickets(300, 2)
    assert find_breaks(before, now, ["words"]) == []
    assert [each.kind for each in find_breaks(before, now.drop(columns="words"), ["words"])] == ["missing column"]
    assert [each.kind for each in find_breaks(before, now.assign(words=None), ["words"])] == ["missing values"]
    assert [each.kind for each in find_breaks(before, now.assign(words="the same again and again"), ["words"])] == [
        "constant"
    ]
    talked = [frame.assign(words=talks(frame["words"].tolist())) for frame in (before, now)]
    assert find_breaks(talked[0], talked[1], ["words"]) == []


def test_conversations_are_measured_by_what_the_customer_said() -> None:
    """An agent who writes otherwise is no drift of what arrives."""
    frames = [tickets(200, seed) for seed in (1, 2)]
    for frame, agent in zip(frames, ("short", "A VERY LONG ANSWER " * 20), strict=True):
        frame["words"] = talks(frame["words"].tolist(), agent)
    assert measure_drift(frames[0], frames[1], ["words"]).verdict == "no drift"
