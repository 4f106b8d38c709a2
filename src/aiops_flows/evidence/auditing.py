r"""Which automatic decisions a person reads as well, and what the readings say of all of them.

Everybody can check the draw: a case is read where the first 53 bits of ``SHA-256(salt, line feed, case id)`` (UTF-8),
taken as a number from 0 up to 1, lie below the probability that is recorded with its decision. So

    printf '%s\n%s' "$salt" "$case_id" | sha256sum

tells for any case whether it had to be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

__all__ = ["AuditEstimate", "audit_probabilities", "audited_share", "selected"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AuditEstimate:
    """The mean loss over all decided cases, as the readings tell it."""

    value: float | None
    """None where nothing was read."""
    low: float
    high: float
    readings: int
    population: int
    """Decided cases that it speaks of, read or not."""
    method: str
    reason: str = ""
    """Why there is no value."""


@dataclass(frozen=True)
class _Readings:
    """What was read: by how much each loss differs from the expected one, and the chance it had to be read."""

    residual: Floats
    probability: Floats
    expected: float
    """Mean expected loss of all decided cases; 0 without a model of it."""
    loss: float
    """Sum of the losses that were read."""
    population: int


def selected(case_ids: Sequence[str], probability: ArrayLike, salt: str) -> NDArray[np.bool_]:
    """Whether each case is read by a person as well: the same answer for ever, and each with its own probability."""
    chances = np.broadcast_to(np.asarray(probability, np.float64), (len(case_ids),))
    drawn: NDArray[np.bool_] = _uniforms(case_ids, salt) < chances
    return drawn


def audit_probabilities(
    strata: Sequence[str] | NDArray[np.object_] | NDArray[np.str_],
    *,
    share: float,
    floor: float,
    recent: Mapping[str, int],
) -> Floats:
    """The probability with which each case is read, one a row.

    It is ``share``, or more where a stratum has so few cases (``recent`` ones, by stratum, and these) that fewer than
    ``floor`` of them would be read on average; at most 1.
    """
    if not (0 <= share <= 1 and floor >= 0):
        raise ValueError(f"share {share} and floor {floor}: expected a share between 0 and 1 and a floor from 0 up")
    names, place, counts = np.unique(np.asarray(strata, object).astype(str), return_inverse=True, return_counts=True)
    cases = counts + np.array([recent.get(str(name), 0) for name in names], np.float64)
    raised: Floats = np.minimum(1.0, np.maximum(share, floor / np.maximum(cases, 1)))
    return raised[place]


def audited_share(
    loss: ArrayLike,
    probability: ArrayLike,
    *,
    population: int,
    expected: ArrayLike | None = None,
    labelled: ArrayLike | None = None,
    confidence_level: float = 0.95,
) -> AuditEstimate:
    """The mean loss of all decided cases, from those that were read, each with its own probability.

    Each reading stands for one over its probability cases (Horvitz and Thompson 1952), as a share of the cases that
    all readings stand for (Hajek 1971). With ``expected``, the loss that a model expects of every decided case, the
    readings only correct its mean (augmented inverse probability weighting: Robins, Rotnitzky and Zhao 1994; the
    difference estimator of Saerndal, Swensson and Wretman 1992): right whatever the model, narrower where it is good.

    The interval is Clopper and Pearson's (1934) at the effective number of readings (Korn and Graubard 1998), where
    as a precaution one more reading of the greatest weight counts against each end (Fay and Feuer 1997). With equal
    small probabilities it is Clopper and Pearson's own. It never leaves what the cases not read could still make true.

    Args:
        loss: between 0 and 1, one a reading; or one a decided case, of which only the ``labelled`` are looked at.
        probability: with which each was to be read, above 0; as many as ``loss``.
        population: decided cases, read or not.
        expected: a loss between 0 and 1 for every decided case.
        labelled: for every decided case, whether it was read; needed with ``expected``.
        confidence_level: of the interval.

    Raises:
        ValueError: shapes that do not fit, or losses or probabilities that are none.
    """
    readings = _read(loss, probability, population, expected, labelled)
    number = len(readings.residual)
    if not number:
        reason = f"none of {population} decided cases was read" if population else "no case was decided"
        return AuditEstimate(None, 0.0, 1.0, 0, population, "none", reason)
    if number == population:
        value = readings.loss / population
        return AuditEstimate(value, value, value, number, population, "every case read")
    weight = 1 / readings.probability
    value = min(max(readings.expected + float(weight @ readings.residual) / float(weight.sum()), 0.0), 1.0)
    tail = (1 - confidence_level) / 2
    high = _high(readings, value, tail)
    low = 1 - _high(_opposite(readings), 1 - value, tail)
    sure = readings.loss / population
    most = sure + (population - number) / population
    method = "Hajek" if expected is None else "AIPW"
    value = min(max(value, sure), most)
    return AuditEstimate(
        value, max(min(low, value), sure), min(max(high, value), most), number, population, f"{method}, exact tails"
    )


def _uniforms(case_ids: Sequence[str], salt: str) -> Floats:
    """A number from 0 up to 1 for each case."""
    begun = hashlib.sha256(f"{salt}\n".encode())
    numbers = np.empty(len(case_ids))
    for place, case_id in enumerate(case_ids):
        digest = begun.copy()
        digest.update(case_id.encode())
        numbers[place] = (int.from_bytes(digest.digest()[:8]) >> 11) / 2**53
    return numbers


def _read(
    loss: ArrayLike, probability: ArrayLike, population: int, expected: ArrayLike | None, labelled: ArrayLike | None
) -> _Readings:
    losses = np.atleast_1d(np.asarray(loss, np.float64))
    chances = np.broadcast_to(np.asarray(probability, np.float64), losses.shape)
    marked = np.ones(len(losses), np.bool_) if labelled is None else np.asarray(labelled, np.bool_)
    if len(losses) == len(marked):
        losses, chances = losses[marked], chances[marked]
    elif len(losses) != marked.sum():
        raise ValueError(f"{len(losses)} losses for {marked.sum()} readings of {len(marked)} cases")
    _check(losses, chances, population)
    foreseen = np.zeros(len(marked)) if expected is None else np.asarray(expected, np.float64)
    if expected is not None and not (labelled is not None and len(foreseen) == len(marked) == population):
        raise ValueError(
            f"{len(foreseen)} expected losses for {population} decided cases; give one for each, and in labelled which "
            "of them were read"
        )
    if not ((foreseen >= 0) & (foreseen <= 1)).all():
        raise ValueError("expected losses that are not numbers between 0 and 1")
    mean = float(foreseen.mean()) if len(foreseen) else 0.0
    return _Readings(losses - foreseen[marked], chances, mean, float(losses.sum()), population)


def _check(losses: Floats, chances: Floats, population: int) -> None:
    if len(losses) > population:
        raise ValueError(f"{len(losses)} readings of {population} decided cases; a case is read once")
    if not ((losses >= 0) & (losses <= 1)).all():
        raise ValueError("losses that are not numbers between 0 and 1")
    if not ((chances > 0) & (chances <= 1)).all():
        raise ValueError("a case was read whose recorded probability is not above 0 and at most 1")


def _opposite(readings: _Readings) -> _Readings:
    """The same in terms of what was right."""
    number = len(readings.residual)
    return _Readings(
        -readings.residual, readings.probability, 1 - readings.expected, number - readings.loss, readings.population
    )


def _high(readings: _Readings, value: float, tail: float) -> float:
    """What the mean stays below, but for ``tail``.

    One more reading with a loss of 1 is added: of the weight that the least likely reading has, or less where cases
    are so likely to be read that one with a loss would have been found: 3.7 of those that a probability p misses are
    ruled out as -3.7 / ln(1 - p).
    """
    weight, missed = 1 / readings.probability, 1 - readings.probability
    rarest = float(readings.probability.min())
    further = 0.0 if rarest >= 1 else -1 / np.log1p(-rarest)
    if not further:
        return value
    total = float(weight.sum()) + further
    mean = value + further * (1 - value) / total
    centred = readings.residual - float(weight @ readings.residual) / float(weight.sum())
    variance = (float((missed * weight**2) @ centred**2) + (further * (1 - mean)) ** 2) / total**2
    effective = mean * (1 - mean) / variance if variance else np.inf
    if mean >= 1 or not np.isfinite(effective):
        return mean
    return float(betaincinv(mean * effective, (1 - mean) * effective, 1 - tail))
