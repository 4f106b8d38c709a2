"""Every sentence can be found again where it is said to stand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_flows.texts.sentences import sentences, stands, text_sentences
from aiops_flows.texts.threads import Turn


def said(text: str) -> list[str]:
    """The sentences of a text."""
    return [words for words, _, _ in text_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It broke. Can you help? thanks!! ok", ["It broke.", "Can you help?", "thanks!!", "ok"]),
        ("Dr. No paid 3.50 at 5 p.m. on Main St. today.", ["Dr. No paid 3.50 at 5 p.m. on Main St. today."]),
        ('He said "no." (Really.) Then left', ['He said "no."', "(Really.)", "Then left"]),
        ("坏了。怎么办？谢谢", ["坏了。", "怎么办？", "谢谢"]),  # noqa: RUF001
        ("first line\nsecond line", ["first line", "second line"]),
        (f"{'a wrapped line ' * 5}\ngoes on here.", [f"{'a wrapped line ' * 5}goes on here."]),
        ("Tried:\n- restarting\n- waiting", ["Tried:", "- restarting", "- waiting"]),
        ("@shop @12345 Where is it? ^AB", ["Where is it?"]),
        ("<p>One <b>two</b>.</p><p>Three &amp; four</p>", ["One two.", "Three & four"]),
        ("Mine.\n> his\n\n-- \nA Customer", ["Mine."]),
        ("... !!! 🎉", []),
    ],
)
def test_sentences_are_what_a_reader_calls_so(text: str, expected: list[str]) -> None:
    """Abbreviations, decimals, wrapped lines, lists, other scripts, quotations and signatures."""
    assert said(text) == expected


def test_an_endless_sentence_is_cut_between_words() -> None:
    """No sentence has more than 500 characters, and no word is lost."""
    text = "word " * 1_000
    assert max(map(len, said(text))) <= 500
    assert " ".join(said(text)).split() == text.split()


def test_a_sentence_stands_only_where_it_was_said() -> None:
    """Another turn, another place, another speaker or other words are noticed."""
    thread: list[Turn] = [{"speaker": "customer", "text": "It broke. Help!"}, {"speaker": "agent", "text": "It broke?"}]
    first, second, third = sentences(thread)
    assert all(stands(each, thread) for each in (first, second, third))
    false = [
        first._replace(turn=1), first._replace(turn=9), first._replace(turn=-2), first._replace(speaker="agent"),
        first._replace(text="It works."), first._replace(start=1), second._replace(end=99), second._replace(start=-6),
    ]  # fmt: skip
    assert not any(stands(each, thread) for each in false)


@given(st.lists(st.text(alphabet=st.sampled_from("aB.!?\n <>/bp&;@^-中。\u200b\u0301"), max_size=80), max_size=3))
def test_every_sentence_stands(texts: list[str]) -> None:
    """Whatever was written: each sentence is verbatim from its place, in order, without overlap."""
    thread: list[Turn] = [{"speaker": "customer", "text": text} for text in texts]
    found = sentences(thread)
    assert all(stands(each, thread) for each in found)
    places = [(each.turn, each.start, each.end) for each in found]
    assert places == sorted(places)
    assert all(one[0] < other[0] or one[2] <= other[1] for one, other in pairwise(places))
