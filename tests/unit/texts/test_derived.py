"""Columns derived from texts give one plain value a row, whatever the row holds."""

from __future__ import annotations

import re

import pandas as pd

from aiops_flows.texts.derived import CustomerWords, Language, PersonalData, TextLength

ROWS = pd.DataFrame(
    {
        "subject": ["Card lost", None, "<b>Hi</b>"],
        "thread": [
            [
                {"speaker": "customer", "text": "I lost my card 4111 1111 1111 1111.\n\nRegards,\nSomebody"},
                {"speaker": "agent", "text": "Write to help@example.com"},
                {"speaker": "customer", "text": "I have done that now, and nobody answered me."},
            ],
            [{"speaker": "agent", "text": "Hello"}],
            None,
        ],
    }
)


def test_the_words_are_the_customers_clean_and_masked() -> None:
    """Subject and turns of the customer; no agent, no card."""
    words = CustomerWords("subject", "thread")(ROWS)
    assert words == ["Card lost\nI lost my card <CARD>.\nI have done that now, and nobody answered me.", "", "Hi"]


def test_each_turn_is_cleaned_by_itself() -> None:
    """A signature ends its own turn, not what was said after it."""
    assert "nobody answered" in CustomerWords("thread")(ROWS)[0]


def test_words_are_bounded_and_take_own_patterns() -> None:
    """No more than asked for, and no part of a mask's secret where the text is cut."""
    frame = pd.DataFrame({"text": ["x" * 9_000, "card 4111111111111111"]})
    assert [len(words) for words in CustomerWords("text", longest=100)(frame)] == [100, 11]
    assert CustomerWords("text", longest=8)(frame)[1] == "card <CA"
    also = {"word": re.compile("x+")}
    assert CustomerWords("text", also=also)(frame)[0] == "<WORD>"


def test_language_kinds_and_length_follow() -> None:
    """Of the words, and of all turns: personal data of the agent is personal data."""
    frame = ROWS.assign(words=CustomerWords("subject", "thread")(ROWS))
    assert Language("words")(frame) == ["en", "und", "und"]
    assert PersonalData("thread")(frame) == ["card email", "none", "none"]
    assert TextLength("thread")(frame)[1:] == [0, 0]


def test_no_rows_give_no_values() -> None:
    """An empty batch is derived from as well."""
    nothing = ROWS.iloc[:0]
    assert [derive(nothing) for derive in (CustomerWords("subject", "thread"), Language("subject"))] == [[], []]
