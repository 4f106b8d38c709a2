"""No text of 100,000 characters costs more than a moment, whatever it is made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from aiops_flows.texts.cleaning import cleaned
from aiops_flows.texts.hashed import hashed_counts
from aiops_flows.texts.language import languages
from aiops_flows.texts.personal import masked
from aiops_flows.texts.sentences import text_sentences
from aiops_flows.texts.threads import read_thread

LENGTH = 100_000
SECONDS = 3.0  # what is quadratic takes minutes at this length; these machines are noisy
READERS: list[Callable[[str], Any]] = [
    cleaned,
    masked,
    text_sentences,
    lambda text: read_thread([["customer", text]]),
    lambda text: languages([text]),
    lambda text: hashed_counts([text]),
]
PIECES = [
    *("a", "1", "1 ", "@", "a@", "@a", "a.", "a@b.", "<", "<a", "<b>", "<a =", "<script>", "</script>", "<blockquote>"),
    *("<!--", "-->", "&", "&amp", "&lt;", "\n", ">\n", "On \n", "On x wrote:\n", "thanks\n", "From: x\n", "--", "_"),
    *(" ", "\t", "\r\n", "\0", "\u0300", "a\u0300\u0327", "\u202e", "\U000e0041", "\u2028", "é", "中", "👩‍🚀", "ﷺ"),
    *("+", "+(", "1.", "1.1.1.1", "::", "f:", "DE89", "DE893704004405320130 ", "http://", "www.", "?", ". ", "A. "),
    *("a1-", "born 1", "2026-01-02 ", "1/", "[at]", "a [at] ", "Customer: a\n", "agent:", "^AB", "$1", "\ud800"),
]


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
def test_a_text_costs_what_its_length_costs(piece: str) -> None:
    """Each function that reads a text, on nothing but one piece of it over and over."""
    languages(["The model is read before the clock runs."])
    text = (piece * (LENGTH // len(piece) + 1))[:LENGTH]
    for reader in READERS:
        started = time.process_time()
        reader(text)
        assert time.process_time() - started < SECONDS
