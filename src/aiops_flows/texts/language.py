"""Which language a text is written in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

__all__ = ["UNKNOWN", "languages"]

UNKNOWN = "und"
"""ISO 639's word for a language that is not determined."""
_SHORTEST = 16  # bytes of words: four Chinese characters, three short English words
_LONGEST = 200  # characters that are looked at
_SUREST = 0.5
_WORDLESS = ("<", "@", "#", "http", "www.")


def languages(texts: Sequence[str]) -> list[str]:
    """The language of each text as ISO 639-1 (``en``), or ``und`` where it is too short or too mixed to tell.

    By py3langid's model, which comes with it; the first 200 characters are looked at, masks and links left out.
    """
    classify = _identifier().classify
    found = []
    for text in texts:
        words = " ".join(word for word in text[:_LONGEST].split() if not word.startswith(_WORDLESS))
        written = words.encode(errors="ignore")
        if sum(map(str.isalpha, words)) * len(written) < _SHORTEST * len(words) or not written:
            found.append(UNKNOWN)
            continue
        language, sureness = classify(written)
        found.append(str(language) if sureness >= _SUREST else UNKNOWN)
    return found


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """The model, read once a process (0.2 s); one of our own, so that nobody else's choice of languages reaches it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
