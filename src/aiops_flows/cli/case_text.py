"""A case as text for the person who answers it: fields, histories, predictions, and what is proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiops_flows.cli.output import printable, say, show_rows
from aiops_flows.errors import SourceError
from aiops_flows.private_files import write_private

__all__ = ["readable", "show_case", "with_terms", "write_page"]

_LAST = 24  # values of a history that a line shows
_PERCENT = 100


def show_case(shown: Mapping[str, Any], terms: Sequence[str]) -> None:
    """Print a case as `steps.explaining.shown` gives it; ``terms`` are the names that an answer may say."""
    fields = {**shown["case"], **shown["derived"]}
    show_rows([{"field": name, "value": readable(value)} for name, value in fields.items()], as_json=False)
    for said in shown["predictions"]:
        say("")
        _show_prediction(said)
    say("")
    if any(value is not None for value in shown["terms"].values()):
        say(printable(f"proposed{with_terms(shown['terms'])}"))
    elif terms and shown["blind"]:
        say("say what you would decide: " + " ".join(f"--term {name}=..." for name in terms))
    say(f"asked because: {shown['asked_because'] or 'no review is open'}")


def with_terms(terms: Mapping[str, Any] | None) -> str:
    """Terms as words that follow a verdict, such as ``: level 34.2, order 36``; nothing where there are none."""
    told = [f"{name} {_number(value)}" for name, value in (terms or {}).items() if value not in {None, ""}]
    return f": {', '.join(told)}" if told else ""


def write_page(file: Path, page: str) -> None:
    """Write a page to a file.

    Raises:
        SourceError: the file cannot be written.
    """
    try:
        write_private(file, page)
    except OSError as fault:
        raise SourceError(
            f"{file} cannot be written: {fault.strerror}; name a file in a folder that is there"
        ) from None


def readable(value: Any) -> Any:
    """A field of a case as text for people: turns of a conversation one below the other, a history in one line."""
    from aiops_flows.steps.explaining import is_history

    if isinstance(value, list) and value and all(isinstance(turn, dict) and "text" in turn for turn in value):
        return "\n".join(f"{turn.get('speaker', '?')}: {turn['text']}" for turn in value)
    return _history(value) if is_history(value) else value


def _history(history: Any) -> str:
    """The last values of a series, oldest first, a dash where one is not known."""
    from aiops_flows.series.history import first_after
    from aiops_flows.series.periods import label_of

    values, after = history["values"], first_after(history)
    if not values:
        return "no values"
    last = ["-" if value is None else _number(value) for value in values[-_LAST:]]
    begun = label_of(after - len(last), history["every"])
    told = f"{begun} to {label_of(after - 1, history['every'])}: {' '.join(last)}"
    return told if len(values) == len(last) else f"{len(values)} values by {history['every']}; {told}"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _show_prediction(said: Mapping[str, Any]) -> None:
    """What a model says of the case, for people: classes with their probabilities, texts as texts."""
    about = f"{said['model']} version {said['version']}"
    if said["kind"] == "writer":
        _show_writing(about, said["value"])
        return
    say(printable(f"{about} says {_number(said['value'])} (confidence {said['confidence']})"))
    if said["quantiles"]:
        say("; ".join(_intervals(said["quantiles"])))
    if len(said["likeliest"]) > 1:
        show_rows(said["likeliest"], as_json=False)
    show_rows(said["reasons"], as_json=False, empty="no reasons: the version cannot be loaded")


def _intervals(quantiles: Mapping[str, float]) -> list[str]:
    """Quantiles as people read them: intervals, the narrowest first, then what has no counterpart."""
    levels = {float(name[1:].replace("_", ".")): value for name, value in quantiles.items()}
    pairs = {low: round(_PERCENT - low, 8) for low in sorted(levels, reverse=True) if 2 * low < _PERCENT}
    pairs = {low: high for low, high in pairs.items() if high in levels}
    told = [
        f"{high - low:g} % between {_number(levels[low])} and {_number(levels[high])}" for low, high in pairs.items()
    ]
    alone = [level for level in sorted(levels) if level not in {*pairs, *pairs.values()}]
    return told + [f"{level:g} % below {_number(levels[level])}" for level in alone]


def _show_writing(about: str, writing: Any) -> None:
    """A writing as its text, and the candidates to choose from where it has any, with where each comes from."""
    writing = writing if isinstance(writing, dict) else {"text": writing}
    candidates = writing.get("candidates") or []
    if not writing.get("text"):
        say(f"{about} has nothing to say")
    elif not candidates:
        say(printable(f"{about} writes:\n{writing['text']}"))
    else:
        say(f"{about} offers, the best first:")
        named = ("source", "title", "similarity", "text")
        show_rows([{name: each.get(name) for name in named if name in each} for each in candidates], as_json=False)
