"""Deciding again what policy decided: same versions, same certificate, same policy must give the same verdicts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from aiops_flows.case_log import grounds, questions, versions
from aiops_flows.errors import RegistryError
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.frames import grown, stored_frame
from aiops_flows.steps.inference import Answers, answer, answered
from aiops_flows.steps.proposing import propose
from aiops_flows.steps.terms import missing_predictions, terms_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["TOLERANCE", "Difference", "Reproduced", "reproduce"]

TOLERANCE = 1e-9
"""How far a score may be from the stored one; of a quantity, as a share of it where it is above 1."""
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Difference:
    """A decision, or a prediction that it rests on, that did not come out the same."""

    case_id: str
    revision: int
    what: str


@dataclass
class Reproduced:
    """What became of deciding again."""

    decisions: int = 0
    """Automatic decisions looked at."""
    same: int = 0
    """Those that came out the same: every prediction within the tolerance, and the verdict."""
    other_policy: int = 0
    """Those under a policy that is no longer the declared one: predictions were repeated, verdicts could not be."""
    predictions: int = 0
    worst: float = 0.0
    """The largest distance of a score from the stored one."""
    differences: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing came out otherwise."""
        return not self.differences


@dataclass(frozen=True)
class _Group:
    """Decisions that rest on the same versions, certificate and policy."""

    decided: pd.DataFrame
    said: Mapping[str, pd.DataFrame]
    versions: Mapping[str, int]
    certificate: str | None
    policy_version: str


def reproduce(
    place: Workspace,
    use_case: UseCase,
    *,
    limit: int | None = None,
    since: datetime | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Reproduced:
    """Every automatic decision of the log, decided again by what it rested on; nothing is written.

    The versions are loaded by the digest under which they were registered, the cases are predicted again, and the
    policy is applied under the certificate that the audit trail names. Writers are not asked again: what they wrote
    decided nothing.

    Args:
        place: the case log, and where the versions are.
        use_case: the declaration; decisions under another version of its policy are counted apart.
        limit: only the latest so many decisions.
        since: only decisions written at this moment or later.
        say: told how far it is.
    """
    decided = grounds.automatic_revisions(place.log, use_case.name, since=since, limit=limit)
    known = _certificates(place, use_case)
    found = Reproduced(decisions=len(decided))
    for group in _groups(place, use_case, decided, since):
        for start in range(0, len(group.decided), _AT_ONCE):
            _again(place, use_case, group, slice(start, start + _AT_ONCE), known, found)
            say(f"{found.same + found.other_policy + len(found.differences):,} of {found.decisions:,} decided again")
    return found


def _certificates(place: Workspace, use_case: UseCase) -> dict[str, Certificate]:
    """Every certificate by its name, and by the shorter name that earlier versions of the library wrote."""
    found: dict[str, Certificate] = {}
    for text in grounds.certificates(place.log, use_case.name):
        certificate = Certificate.from_json(text)
        short = f"{certificate.model}/{certificate.version}/{certificate.policy_version}/{certificate.threshold}"
        found |= {short: certificate, certificate.name: certificate}
    return found


def _groups(place: Workspace, use_case: UseCase, decided: pd.DataFrame, since: datetime | None) -> Iterator[_Group]:
    keys = pd.MultiIndex.from_frame(decided[["case_id", "revision"]])
    said, rests = {}, pd.DataFrame(index=decided.index)
    for spec in use_case.decisive:
        told = grounds.rested_on(place.log, use_case.name, model=spec.name, since=since)
        told = told.set_index(["case_id", "revision"]).reindex(keys).reset_index(drop=True)
        said[spec.name], rests[spec.name] = told, told["version"].to_numpy()
    details = [json.loads(detail) if detail else {} for detail in decided["detail"]]
    rests["certificate"] = [detail.get("certificate") or "" for detail in details]
    rests["policy"] = decided["policy_version"].to_numpy()
    for _, part in rests.groupby(list(rests.columns), sort=False, dropna=False):
        first = part.iloc[0]
        numbers = {spec.name: first[spec.name] for spec in use_case.decisive}
        yield _Group(
            decided.loc[part.index].reset_index(drop=True),
            {name: told.loc[part.index].reset_index(drop=True) for name, told in said.items()},
            {name: int(number) for name, number in numbers.items() if not pd.isna(number)},
            first["certificate"] or None,
            str(first["policy"]),
        )


def _again(
    place: Workspace,
    use_case: UseCase,
    group: _Group,
    part: slice,
    known: Mapping[str, Certificate],
    found: Reproduced,
) -> None:
    """Decide some cases of a group again, and add to what was found."""
    decided = group.decided.iloc[part].reset_index(drop=True)
    stored = questions.cases(place.log, use_case.name, case_ids=decided["case_id"].tolist()).set_index("case_id")
    frame = stored_frame(use_case.case, stored.loc[decided["case_id"]].reset_index())
    wrong: dict[int, list[str]] = {}
    for spec in use_case.decisive:
        said = group.said[spec.name].iloc[part].reset_index(drop=True)
        version = group.versions.get(spec.name)
        frame, differing, worst = _predicted(place, use_case, spec, version, (frame, said))
        found.predictions += 0 if worst is None else len(frame)
        found.worst = max(found.worst, worst or 0.0)
        for position, what in differing.items():
            wrong.setdefault(position, []).append(what)
    if group.policy_version == use_case.review.version:
        certificate = known.get(group.certificate or "")
        for position, what in _verdicts(use_case, frame, certificate, group.certificate, decided).items():
            wrong.setdefault(position, []).append(what)
        found.same += len(decided) - len(wrong)
    else:
        found.other_policy += len(decided) - len(wrong)
    for position, whats in sorted(wrong.items()):
        row = decided.iloc[position]
        found.differences.append(Difference(str(row["case_id"]), int(row["revision"]), "; ".join(whats)))


def _predicted(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    version: int | None,
    cases: tuple[pd.DataFrame, pd.DataFrame],
) -> tuple[pd.DataFrame, dict[int, str], float | None]:
    """The frame with what the version says now, where that is not what was stored, and the largest distance."""
    frame, said = cases
    if version is None:
        return _silent(spec, frame), dict.fromkeys(range(len(frame)), f"no prediction of {spec.name} is stored"), None
    record = versions.get(place.log, use_case.name, spec.name, version)
    try:
        fitted = place.load(spec, version, record.digest)
    except RegistryError as fault:
        why = f"{spec.name} version {version} could not be loaded: {type(fault).__name__}"
        return _silent(spec, frame), dict.fromkeys(range(len(frame)), why), None
    now = answer(spec, fitted, frame, path=False)
    distances = list(_distances(spec, now, said))
    differing = {
        position: f"{spec.name} version {version} now says otherwise, by {distance:.3g}"
        for position, distance in enumerate(distances)
        if distance > TOLERANCE
    }
    return answered(spec, version, frame, now), differing, max(distances, default=0.0)


def _silent(spec: ModelSpec, frame: pd.DataFrame) -> pd.DataFrame:
    return grown(frame, missing_predictions(spec, frame.index))


def _distances(spec: ModelSpec, now: Answers, said: pd.DataFrame) -> Iterator[float]:
    """How far each answer is from the stored one: the largest over its scores; infinite where another class is said.

    Of many classes only the most probable were stored: of one that stands on one side alone, the other knows only that
    it is no more probable than the least probable there.
    """
    if spec.kind == "regressor":
        yield from _quantity_distances(now, said)
        return
    for value, scores, before, stored in zip(now.values, now.scores or [], said["value"], said["scores"], strict=True):
        one, other = json.loads(scores), json.loads(stored)
        if value != before or len(one) != len(other):
            yield float("inf")
            continue
        apart = [abs(one[name] - other[name]) for name in one.keys() & other.keys()]
        for mine, yours in ((one, other), (other, one)):
            apart += [max(mine[name] - min(yours.values()), 0.0) for name in mine.keys() - yours.keys()]
        yield max(apart, default=0.0)


def _quantity_distances(now: Answers, said: pd.DataFrame) -> Iterator[float]:
    """The same of quantities and their quantiles; infinite where other levels are said, or nothing at all."""
    for position, (value, before, stored) in enumerate(zip(now.values, said["value"], said["scores"], strict=True)):
        one = {"": value} | (json.loads(now.scores[position]) if now.scores else {})
        other = {"": before} | (json.loads(stored) if isinstance(stored, str) else {})
        other.pop("path", None)  # only people look at it, and it is not asked again
        if one.keys() != other.keys() or value is None:
            yield float("inf")
            continue
        yield max(abs(float(one[name]) - float(other[name])) / max(1.0, abs(float(other[name]))) for name in one)


def _verdicts(
    use_case: UseCase, frame: pd.DataFrame, certificate: Certificate | None, name: str | None, decided: pd.DataFrame
) -> dict[int, str]:
    """Where the policy does not give the stored verdict under the certificate that was in force."""
    if certificate is None:
        return dict.fromkeys(range(len(decided)), f"the certificate {name!r} that it names is not in the record")
    proposal = propose(use_case, frame, certificate, at=decided["at"].min().to_pydatetime())
    found = {
        position: f"decided {before!r}, now {f'{verdict!r}' if verdict else f'to a person: {reason}'}"
        for position, (before, verdict, reason) in enumerate(
            zip(decided["verdict"], proposal.verdicts, proposal.reasons, strict=True)
        )
        if verdict != before
    }
    for position, names in _other_terms(use_case, frame, decided["terms"].tolist()).items():
        found[position] = "; ".join(filter(None, [found.get(position), f"other terms now: {', '.join(names)}"]))
    return found


def _other_terms(use_case: UseCase, frame: pd.DataFrame, stored: list[Any]) -> dict[int, list[str]]:
    """Names of the terms that do not come out as they were decided: numbers within the tolerance, the rest exactly."""
    terms = terms_of(use_case, frame)
    found: dict[int, list[str]] = {}
    for position, before in enumerate(stored):
        now = {name: terms[name].iloc[position] for name in use_case.terms}
        held = before if isinstance(before, dict) else {}
        if names := [name for name, value in now.items() if not _same_term(value, held.get(name))]:
            found[position] = names
    return found


def _same_term(now: Any, before: Any) -> bool:
    missing = bool(pd.isna(now))
    if missing or before is None:
        return missing and before is None
    if isinstance(now, str | bool) or isinstance(before, str | bool):
        return bool(now == before)
    return abs(float(now) - float(before)) <= TOLERANCE * max(1.0, abs(float(before)))
