"""Moments as the case log writes them: ISO 8601 text in UTC with microseconds, which sorts as time does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import cast

import numpy as np
import pandas as pd

__all__ = ["moment", "moment_text", "moment_texts", "moments"]

_LENGTH = len("2026-03-03T12:00:00.000000Z")


def moment_text(moment: datetime) -> str:
    """The text of a moment, as in ``2026-03-03T12:00:00.000000Z``.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; give an aware datetime, for example with tzinfo=UTC")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _any_text(moment: datetime | str | None, now: str) -> str:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return now if moment is None or pd.isna(moment) else moment_text(moment)


def moment_texts(moments: Sequence[datetime | str | None], now: str) -> list[str]:
    """The text of each moment; text in the log's own form is taken as it is, and a missing one is ``now``."""
    if set(map(type, moments)) == {str}:
        texts = cast("Sequence[str]", moments)
        if set(map(len, texts)) == {_LENGTH} and {text[10::16] for text in texts} == {"TZ"}:
            return list(texts)
    return [_any_text(moment, now) for moment in moments]


def moment(text: str) -> datetime:
    """The aware moment that a text of the log says."""
    return datetime.fromisoformat(text)


def moments(texts: Iterable[str | None]) -> pd.Series[pd.Timestamp]:
    """The moments of a column of texts, in UTC; missing ones are NaT."""
    plain = np.array([text[:-1] if text else "NaT" for text in texts], dtype="datetime64[us]")
    return pd.Series(plain).dt.tz_localize("UTC")
