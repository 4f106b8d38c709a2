"""The turns of a conversation, read from the forms in which exports write them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, NotRequired, cast

from pydantic import BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from aiops_flows.values.missing import is_missing
from aiops_flows.values.times import moment_of

__all__ = ["LONGEST", "MOST_TURNS", "Speaker", "Thread", "Turn", "read_thread", "said", "transcript"]

MOST_TURNS = 500
LONGEST = 100_000
"""Characters of all turns together."""

Speaker = Literal["customer", "agent", "system"]

_WORDS: dict[Speaker, str] = {
    "customer": "customer client consumer user human caller visitor guest requester buyer member subscriber passenger "
    "patient tenant kunde kundin cliente usuario utente",
    "agent": "agent assistant bot chatbot support representative rep advisor adviser operator staff employee service "
    "helpdesk company agente mitarbeiter mitarbeiterin conseiller operatore",
    "system": "system note event internal info",
}
_SPEAKERS: dict[str, Speaker] = {word: speaker for speaker, words in _WORDS.items() for word in words.split()}
_STRONG = frozenset(
    (
        "customer", "consumer", "user", "human", "caller", "visitor", "agent", "assistant", "bot", "chatbot", "support",
        "representative", "rep", "advisor", "adviser", "operator", "helpdesk", "kunde", "kundin", "cliente", "usuario",
        "agente", "mitarbeiter", "mitarbeiterin", "conseiller",
    )
)  # fmt: skip
"""Words that are seldom the name of a field of a form; `company`, `system` or `client` often are."""
_NAMES = {
    "speaker": ("speaker", "role", "author", "sender", "from"),
    "text": ("text", "content", "message", "body", "utterance"),
    "at": ("at", "time", "timestamp", "created_at", "sent_at", "date"),
}
_LISTS = ("turns", "messages", "thread", "comments")
_LINE = re.compile(rf"^[ \t]*({'|'.join(_SPEAKERS)})[ \t]*:[ \t]?", re.IGNORECASE | re.MULTILINE)
_PAIR = 2
_CHANGES_OF_A_TALK = 2
_WORDS_OF_A_SENTENCE = 4
_SIDES: tuple[Speaker, Speaker] = ("customer", "agent")


class Turn(TypedDict):
    """What one side said at once."""

    speaker: Speaker
    text: Annotated[str, StringConstraints(max_length=LONGEST, pattern=r"^[^\x00]*$")]
    at: NotRequired[str]
    """ISO 8601, in UTC."""


def read_thread(value: Any) -> Any:
    """The turns that a value tells; what is no conversation at all is given back as it is, for pydantic to refuse.

    Read are: turns as objects (``speaker`` and ``text``, and the usual other names for them), ``[speaker, text]``
    pairs, either of them as JSON text, and a transcript: lines that begin with ``Customer:`` and ``Agent:`` (or the
    usual other words), where both sides say a sentence. Any other text, such as a form with lines like ``Company:``
    and ``System:``, is one turn of the customer, with all its words. Who writes such a text may pretend to be the
    agent: send turns where you can.
    """
    if isinstance(value, str):
        value = _from_text(value)
    elif hasattr(value, "tolist"):  # Parquet gives arrays
        value = value.tolist()
    if isinstance(value, Mapping):
        value = next((value[name] for name in _LISTS if name in value), [value])
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return value
    _refuse_long(value)
    turns = [_turn(each) for each in value]
    length = sum(len(turn["text"]) for turn in turns if isinstance(turn, dict) and isinstance(turn.get("text"), str))
    if length > LONGEST:
        raise PydanticCustomError("thread_length", f"{length} characters in all turns; at most {LONGEST} are read")
    return turns


def _refuse_long(value: Sequence[Any]) -> None:
    if len(value) > MOST_TURNS:
        raise PydanticCustomError("thread_turns", f"{len(value)} turns; at most {MOST_TURNS} are read")


def _from_text(text: str) -> Any:
    """Turns of JSON text or a transcript; else one turn of the customer."""
    if text.lstrip()[:1] in {"[", "{"}:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if _are_turns(found):
            return found
    return _from_transcript(text) or [{"speaker": "customer", "text": text}]


def _are_turns(found: Any) -> bool:
    if isinstance(found, dict):
        return any(name in found for name in (*_LISTS, *_NAMES["text"]))
    return isinstance(found, list) and all(isinstance(each, dict | list) for each in found)


def _from_transcript(text: str) -> list[dict[str, Any]]:
    """The turns of a transcript; none where the text may as well be a form."""
    text = text.lstrip()
    marks = list(_LINE.finditer(text))
    if not marks or marks[0].start() != 0:
        return []
    counts = Counter(mark.group(1).lower() for mark in marks)
    strong = {_SPEAKERS[word] for word in counts if word in _STRONG}
    marks = [mark for mark in marks if _opens_turn(mark.group(1).lower(), counts, strong)]
    if not marks or marks[0].start() != 0:
        return []

    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    turns = [
        {"speaker": mark.group(1), "text": text[mark.end() : end].strip()}
        for mark, end in zip(marks, ends, strict=True)
    ]
    return turns if _is_conversation(turns) else []


def _opens_turn(word: str, counts: Counter[str], strong: set[Speaker]) -> bool:
    """Whether a word at the beginning of a line names a speaker; a word of forms has to come again, or stand alone."""
    return word in _STRONG or counts[word] > 1 or (_SPEAKERS[word] in _SIDES and _SPEAKERS[word] not in strong)


def _is_conversation(turns: Sequence[Mapping[str, str]]) -> bool:
    """Whether both sides say a sentence, and take turns or are named by words that no form has."""
    speakers = [_SPEAKERS[turn["speaker"].lower()] for turn in turns]
    said_by = {speaker for speaker, turn in zip(speakers, turns, strict=True) if _is_sentence(turn["text"])}
    if not said_by.issuperset(_SIDES):
        return False
    sides = [speaker for speaker in speakers if speaker in _SIDES]
    changes = sum(one != other for one, other in pairwise(sides))
    named = all(turn["speaker"].lower() in _STRONG for turn in turns if _SPEAKERS[turn["speaker"].lower()] in _SIDES)
    return named or changes >= _CHANGES_OF_A_TALK


def _is_sentence(text: str) -> bool:
    """Whether a person may have said it; names, numbers and places of forms have few words and no full stop."""
    line = text.strip().split("\n", 1)[0]
    return len(line.split()) >= _WORDS_OF_A_SENTENCE or line.endswith(
        (".", "?", "!", "\u2026", "\u3002", "\uff1f", "\uff01")
    )


def _turn(given: Any) -> Any:
    """One turn in our words, as far as it can be told."""
    if isinstance(given, Mapping):
        turn = {name: _first(given, names) for name, names in _NAMES.items()}
    elif isinstance(given, Sequence) and not isinstance(given, str) and len(given) == _PAIR:
        turn = {"speaker": given[0], "text": given[1], "at": None}
    else:
        return given
    if isinstance(turn["speaker"], str):
        turn["speaker"] = _SPEAKERS.get(turn["speaker"].strip().lower(), turn["speaker"])
    if is_missing(turn["at"]) or turn["at"] == "":
        del turn["at"]
    else:
        turn["at"] = _moment(turn["at"])
    return {name: value for name, value in turn.items() if name == "at" or not is_missing(value)}


def _first(given: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((given[name] for name in names if not is_missing(given.get(name))), None)


def _moment(given: Any) -> str:
    """A moment as ISO 8601 in UTC; without a zone it is taken as UTC."""
    try:
        moment = _parsed(given)
    except (ValueError, OverflowError, TypeError, IndexError):
        raise PydanticCustomError("turn_moment", "a turn's moment is no ISO 8601 or mail date") from None
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _parsed(given: Any) -> datetime:
    try:
        return moment_of(given)
    except ValueError:
        moment = parsedate_to_datetime(str(given)[:100])
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Thread = Annotated[list[Turn], BeforeValidator(read_thread)]
"""A conversation as a field of a `Case`: up to 500 turns, 100,000 characters together."""


def said(value: Any, speaker: Speaker = "customer") -> str:
    """All that one side said, turns parted by blank lines; of a plain text, the text; of a missing value, nothing."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    return "\n\n".join(turn["text"] for turn in cast("list[Turn]", value) if turn["speaker"] == speaker)


def transcript(thread: Sequence[Turn]) -> str:
    """A conversation for a reader: one paragraph a turn, each with who said it."""
    return "\n".join(f"{turn['speaker'].capitalize()}: {turn['text']}" for turn in thread)
