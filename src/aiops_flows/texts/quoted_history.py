"""Which lines of a mail its writer wrote, and which are quoted history or a signature.

More than one sign must say that a line belongs to somebody else: in doubt it is the writer's. The kinds of lines are
those that mail programs write in many languages; every rule looks at a bounded piece of text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiops_flows.texts.mail_words import (
    ANSWERED_TITLES,
    CLOSINGS,
    DEVICES,
    FORWARDED_TITLES,
    LABELS,
    MY,
    SENT,
    SENT_FROM,
    SENT_LINES,
    STARTERS,
    VERBS,
)

__all__ = ["JOINER", "own_parts"]

JOINER = "\u2060"
"""Unicode's word joiner, which stands for markup within a line."""

_LONGEST_LINE = 400
"""No mail program announces a mail in a longer line."""
_MOST_WRAPPED, _MOST_WRAPPED_NAMES = 4, 2
_LONGEST_LABELLED_BLOCK = 12

_QUOTED = re.compile(r"[ \t\u2060]*(?:>|&gt;)")
_COMPARISON = re.compile(r"[ \t]*(?:>|&gt;)[ \t]*(?:=|[$\u20ac\u00a3]?\d)")

_YEAR_OR_DATE = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[./-]\d{1,2}[./-](?:\d\d)?\d\d(?!\d)|\d\u5e74|\d\ub144"
)
_TIME = re.compile(r"(?<!\d)\d{1,2}[:.h\u6642\u70b9\uff1a] ?\d\d(?!\d)")
_ADDRESS = re.compile(r"[^\s<>@\"']{1,100}@[^\s<>@\"']{2,}")
_STARTS_WITH_DATE = re.compile(
    r"(?:\w{2,12}[.,] ?)?(?:\d{1,2}[. ]|\d{1,2}\W\d{1,2}\W\d{2,4}|(?:19|20)\d\d[-/.\u5e74 ])|\w{3,12}, \d{1,2} \w{3,12}"
)

_STARTER = re.compile(rf"(?:{'|'.join(STARTERS)})(?:[ ,]|(?=[\d\u5e74]))", re.IGNORECASE)
_VERBS = "|".join(VERBS)
_ANNOUNCES = re.compile(
    rf"(?:(?<!\w)(?:{_VERBS})(?!\w).{{0,160}}|\u5199\u9053|\u5beb\u9053|\u306e\u30e1\u30c3\u30bb\u30fc\u30b8|"
    r"\u66f8\u304d\u307e\u3057\u305f|\u4f5c\u6210|\uc791\uc131.{0,12}|\uc4f4.{0,12})[ \t]*[:\uff1a][ \t>*-]*$|"
    rf"(?<!\w)(?:{_VERBS})[ \t]*-{{2,}}$",
    re.IGNORECASE,
)
_ANNOUNCES_WITHOUT_COLON = re.compile(rf"(?<!\w)(?:{_VERBS})$", re.IGNORECASE)
_DATE_AND_ADDRESS = re.compile(r"<[^<>\s]{1,100}@[^<>\s]{1,100}>[ \t]*[:\uff1a]?$")
_ISO_AND_NAME = re.compile(r"20\d\d-\d\d-\d\d \d{1,2}:\d\d GMT[+-]\d\d:?\d\d \w")

_DASHED = re.compile(r"[ \t*]*-{2,}[ \t*]*([^-\n]{6,60}?)[ \t*]*(?:-{2,}[ \t*]*|[ \t]*)$")
_ANSWERED = re.compile(rf"[ \t*]*(?:{'|'.join(ANSWERED_TITLES)})", re.IGNORECASE)
_FORWARDED = re.compile(
    rf"[ \t>*-]*(?:{'|'.join(FORWARDED_TITLES)}).{{0,60}}?(?:-{{2,}}|[:\uff1a])?[ \t*]*$", re.IGNORECASE
)
_RULE = re.compile(r"[ \t]*(?:_{10,}|-{10,}|\u2500{10,})[ \t]*$")

_LABELLED = re.compile(
    r"[ \t>*_]*(?:"
    + "|".join(f"(?P<l_{label}>{'|'.join(words)})" for label, words in LABELS.items())
    + r")[*_]*[ \t\u00a0]*[:\uff1a](?P<value>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ONLY_IN_MAILS = frozenset({"sent", "subject", "reply"})
_FEW_LABELS, _MANY_LABELS = 2, 3

_DEVICE = rf"(?:{'|'.join(DEVICES)})(?!\w)"
_SENT_FROM = re.compile(
    rf"[ \t]*(?:(?:{'|'.join(SENT)})[ \t]+(?:{'|'.join(SENT_FROM)})?[ \t]*(?:{'|'.join(MY)})?[ \t]*"
    rf"\[?(?:\w{{1,15}} ){{0,2}}{_DEVICE}.{{0,40}}"
    rf"|Von meinem {_DEVICE}.{{0,40}}gesendet\.?|Diese Nachricht wurde von mein\w{{1,4}} {_DEVICE}.{{0,60}}gesendet\.?"
    rf"|From my {_DEVICE}.{{0,30}}|{'|'.join(SENT_LINES)})[ \t]*$",
    re.IGNORECASE,
)
_CLOSING = re.compile(rf"[ \t]*(?:{'|'.join(CLOSINGS)})[ \t]*[,.!]?[ \t]*$", re.IGNORECASE)
_DELIMITER = re.compile(r"-- ?$")
_CONTACT = re.compile(r"@|https?:|www\.|\+\d|(?:\d[ ()/.-]{0,2}){6}", re.IGNORECASE)
_AFTERTHOUGHT = re.compile(r"[ \t]*(?:P\.? ?P?\.? ?S|N\.? ?B|PD|BTW|Edit|Update)\b\.?[ \t]*[:.,]?", re.IGNORECASE)
_CLOSING_LINES = 6
_SIGNATURE_LINES = 15
_LONGEST_CLOSING_LINE = 80
_WORDS_OF_A_NAME = 4
_WORDS_OF_A_SENTENCE = 6


@dataclass(frozen=True, slots=True)
class _Line:
    """A line: where it stands, and the beginning of what it says."""

    start: int
    end: int
    words: str

    @property
    def quoted(self) -> bool:
        return _QUOTED.match(self.words) is not None

    @property
    def blank(self) -> bool:
        return not self.words


def own_parts(text: str) -> list[tuple[int, int]]:
    """Where the writer's own lines stand, as (start, end) of runs of lines: no quoted history, no signature."""
    if "\n" not in text:
        return [(0, len(text))]
    own = _without_signature(text, _without_history(_lines(text)))
    parts: list[tuple[int, int]] = []
    for line in own:
        if parts and text[parts[-1][1] : line.start] == "\n":
            parts[-1] = (parts[-1][0], line.end)
        else:
            parts.append((line.start, line.end))
    return parts


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        words = text[start : min(end, start + _LONGEST_LINE + 1)].replace(JOINER, "").replace("\u00a0", " ")
        lines.append(_Line(start, end, words.rstrip("\r\t\v\f ") if words.strip() else ""))
        start = end + 1
    return lines


def _without_history(lines: list[_Line]) -> list[_Line]:
    """The lines that quote nothing, up to where a whole earlier mail begins; what was forwarded is kept."""
    own: list[_Line] = []
    written = False  # whether the writer has said something already
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.blank:
            own.append(line)
            number += 1
            continue
        if _forwards(line):
            return own + lines[number:]

        announced = _announcing_lines(lines, number)
        if announced:
            if written and not _quotes_follow(lines, number + announced - 1):
                return own
            number += announced
            continue
        if written and _answered_mail_begins(lines, number):
            return own
        if not line.quoted or _is_comparison(lines, number):
            own.append(line)
            written = True
        number += 1
    return own


def _forwards(line: _Line) -> bool:
    """Whether a mail program says here that a mail was passed on."""
    words = line.words
    if len(words) > _LONGEST_CLOSING_LINE or not _FORWARDED.match(words):
        return False
    return words.rstrip().endswith(("-", ":", "\uff1a")) or words.lstrip().startswith("-")


def _is_comparison(lines: Sequence[_Line], number: int) -> bool:
    """A line such as ``> 5 kg`` that stands alone quotes nobody."""
    neighbours = lines[max(number - 1, 0) : number + 2]
    return _COMPARISON.match(lines[number].words) is not None and sum(line.quoted for line in neighbours) == 1


def _announcing_lines(lines: Sequence[_Line], number: int) -> int:
    """How many lines from here on announce a quotation (``On Monday, ... wrote:``); 0 for none."""
    first = lines[number].words.lstrip(" \t>*-<\"'")
    if not first or len(first) > _LONGEST_LINE:
        return 0
    starts = _STARTER.match(first) is not None
    if not starts and not (_STARTS_WITH_DATE.match(first) or _ADDRESS.search(first) or _ANNOUNCES.search(first)):
        return 0

    joined = ""
    for count, line in enumerate(lines[number : number + _MOST_WRAPPED], 1):
        words = line.words.lstrip(" \t>*").rstrip(" \t*")
        begins_anew = count > 1 and _STARTER.match(words) and _YEAR_OR_DATE.search(words)
        joined = f"{joined} {words}".strip()
        if not words or begins_anew or len(joined) > _LONGEST_LINE or (count > _MOST_WRAPPED_NAMES and not starts):
            return 0
        if _announces(lines, number, count, joined):
            return count
    return 0


def _announces(lines: Sequence[_Line], number: int, count: int, words: str) -> bool:
    """Whether some words announce a quotation: two signs beside the verb, or a date, a time and an address."""
    address = _ADDRESS.search(words) is not None
    dated = _YEAR_OR_DATE.search(words) is not None
    timed = _TIME.search(words) is not None
    if _ISO_AND_NAME.match(words):
        return True
    before = number == 0 or lines[number - 1].blank
    after = number + count >= len(lines) or lines[number + count].blank
    if _STARTS_WITH_DATE.match(words) and dated and _DATE_AND_ADDRESS.search(words):
        return timed or before or words.endswith((":", "\uff1a"))
    if not _ANNOUNCES.search(words):
        return _ANNOUNCES_WITHOUT_COLON.search(words) is not None and address and dated and timed
    if _quotes_follow(lines, number + count - 1):
        return True
    return address + dated + timed + (before and after) >= _FEW_LABELS


def _quotes_follow(lines: Sequence[_Line], number: int) -> bool:
    return any(line.quoted for line in _following(lines, number)[:1])


def _following(lines: Sequence[_Line], number: int) -> list[_Line]:
    """The next lines that are not blank, of the three that follow."""
    return [line for line in lines[number + 1 : number + 4] if not line.blank]


def _answered_mail_begins(lines: Sequence[_Line], number: int) -> bool:
    """Whether the mail that is answered begins here, with the title or the headers that mail programs give it."""
    words = lines[number].words
    if not words or len(words) > _LONGEST_LINE:
        return False
    titled = _DASHED.match(words)
    if titled and _ANSWERED.match(titled.group(1)):
        return True
    if _RULE.match(words):
        following = next(
            (place for place in range(number + 1, min(number + 4, len(lines))) if lines[place].words), None
        )
        return following is not None and _header_block(lines, following)
    return _header_block(lines, number)


def _header_block(lines: Sequence[_Line], number: int) -> bool:
    """Whether these lines are the headers of a mail: who wrote, and words that only mails have, or an address."""
    first = _labelled(lines[number])
    if first is None or first[0] != "from":
        return False
    labels: set[str] = set()
    addressed = False
    missed = 0
    for line in lines[number : number + _LONGEST_LABELLED_BLOCK]:
        labelled = _labelled(line)
        if labelled is None:
            missed += 1
            if missed > 1 or (not line.blank and len(labels) >= _MANY_LABELS):
                break
            continue
        missed = 0
        labels.add(labelled[0])
        addressed = addressed or (labelled[0] != "subject" and _ADDRESS.search(labelled[1]) is not None)
    if len(labels) >= _MANY_LABELS:
        return addressed or not _ONLY_IN_MAILS.isdisjoint(labels)
    if len(labels) < _FEW_LABELS:
        return False
    return "sent" in labels or (addressed and not labels.isdisjoint({"date", "to"}))


def _labelled(line: _Line) -> tuple[str, str] | None:
    """The label of a header and its value."""
    found = _LABELLED.match(line.words)
    if found is None or not found.lastgroup:
        return None
    label = next(name for name, value in found.groupdict().items() if name != "value" and value is not None)
    return label.removeprefix("l_"), found.group("value")


def _without_signature(text: str, lines: list[_Line]) -> list[_Line]:
    """The lines without those that a program adds, up to a signature or to a closing formula near the end."""
    lines = [line for line in lines if not (len(line.words) <= _LONGEST_CLOSING_LINE and _SENT_FROM.match(line.words))]
    last = _last_lines(lines)
    for number in range(last, len(lines)):
        words = lines[number].words
        if len(words) <= _LONGEST_CLOSING_LINE and _CLOSING.match(words) and _only_signature(lines[number + 1 :]):
            lines = lines[:number]
            break
    delimiters = [
        number for number, line in enumerate(lines) if _DELIMITER.match(text[line.start : line.end].rstrip("\r"))
    ]
    if len(delimiters) == 1 and _is_delimiter(text, lines, delimiters[0]):
        return lines[: delimiters[0]]
    return lines


def _is_delimiter(text: str, lines: Sequence[_Line], number: int) -> bool:
    """Whether two dashes end a mail: with the blank that the standard asks for, or before what looks like a name."""
    following = [line.words for line in lines[number + 1 :] if not line.blank]
    if len(following) > _SIGNATURE_LINES:
        return False
    if text[lines[number].start : lines[number].end].rstrip("\r") == "-- " or not following:
        return True
    return (
        _is_name(following[0])
        or _CLOSING.match(following[0].partition("/")[0]) is not None
        or any(map(_CONTACT.search, following))
    )


def _is_name(words: str) -> bool:
    parts = words.strip().split()
    return len(parts) <= _WORDS_OF_A_NAME and all(part[:1].isupper() for part in parts) and words[-1:] not in "?!:"


def _only_signature(lines: Sequence[_Line]) -> bool:
    """Whether nothing that a person would tell stands in some lines at the end of a mail."""
    for line in lines:
        sentence = len(line.words.split()) >= _WORDS_OF_A_SENTENCE and not _CONTACT.search(line.words)
        asks = line.words.rstrip().endswith("?")
        if sentence or asks or _AFTERTHOUGHT.match(line.words):
            return False
    return True


def _last_lines(lines: Sequence[_Line]) -> int:
    """From which line on only a few short ones are left: a closing formula may stand there, never in the first."""
    left = 0
    for number in range(len(lines) - 1, 0, -1):
        words = lines[number].words.strip()
        left += bool(words)
        if left > _CLOSING_LINES or len(words) > _LONGEST_CLOSING_LINE:
            return number + 1
    return 1
