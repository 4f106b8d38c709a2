"""What is left of a text is what its writer wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_flows.texts.cleaning import blanked, cleaned

HISTORY = "Hello,\n\nit broke again."


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("  one \t two\r\nthree\u00a0four\u2028five ", "one two three four five"),
        ("a\u200bb\u202ec\u2066d\ufeff \U000e0041x\x07\udcff", "abcd x"),
        ("e\u0301t\u00e9", "été"),
        ("<p>Hello&nbsp;<b>wor</b>ld</p><p>twice", "Hello world twice"),
        ("a<!-- <b>hidden</b> -->b<br/>c", "a b c"),
        ("x<SCRIPT>steal('</b>')</script >y<style>p{}</style>", "x y"),
        (
            "<html><head><title>t</title></head><body>mine<blockquote>his<blockquote>hers</blockquote></blockquote>",
            "mine",
        ),
        ("if a<b and c>d then <john@example.com> &lt;3 &amp;", "if a<b and c>d then <john@example.com> <3 &"),
        ("I typed <script> and it broke", "I typed and it broke"),
    ],
)
def test_markup_and_invisible_characters_go(written: str, words: str) -> None:
    """Only elements that HTML has are markup; a comparison and a mail address are words."""
    assert cleaned(written) == words


@pytest.mark.parametrize(
    "tail",
    [
        "\n\nOn Mon, 3 Jan 2026 at 10:00, Support <s@example.com> wrote:\n> Did you restart?\n> Yours",
        "\n\nAm 3. Januar 2026 schrieb der Support:\n\nHaben Sie neu gestartet?",
        "\n-----Original Message-----\nFrom: Support\nDid you restart?",
        "\n________________________________\nFrom: Support\nSent: today\nDid you restart?",
        "\nVon: Support\nGesendet: heute\nHaben Sie neu gestartet?",
        "\n> Did you restart?\n>> No.",
        "\n-- \nA Customer\n12 Some Street",
        "\n\nKind regards,\nA Customer\nSomewhere Ltd",
        "\nThanks!\n",
        "\n\nSent from my phone",
    ],
)
def test_history_and_signatures_are_cut_off(tail: str) -> None:
    """What was quoted, and who signed, is not what was written."""
    assert cleaned(HISTORY + tail) == "Hello, it broke again."


def test_an_answer_below_the_quotation_stays() -> None:
    """Only quoted lines and the line that announces them go, where the answer follows them."""
    assert (
        cleaned("On Monday the support team wrote:\n> Did you restart?\n\nYes, I did.\n> And now?\nNo.")
        == "Yes, I did. No."
    )


@pytest.mark.parametrize(
    "written", ["Thanks", "> all quoted", "-- \nA Customer", "<script>x</script>", "From: here\nTo: there"]
)
def test_something_is_left_of_every_text(written: str) -> None:
    """Where all would be cut off, it stays: nobody is answered about nothing."""
    assert cleaned(written)


def test_a_closing_word_in_the_middle_closes_nothing() -> None:
    """A long letter that thanks first and asks later is read to its end."""
    asked = "\n".join(f"question {number}?" for number in range(9))
    assert cleaned(f"Hello\nthanks\n{asked}").endswith("question 8?")


@given(st.text(max_size=200))
def test_cleaning_gives_one_line_of_visible_text(text: str) -> None:
    """Whatever comes in: no control character, no double space, and positions are kept where markup is blanked."""
    words = cleaned(text)
    assert words == " ".join(words.split())
    assert not any(character < " " or 0xD800 <= ord(character) < 0xE000 for character in words)
    assert len(blanked(text)) == len(text)
