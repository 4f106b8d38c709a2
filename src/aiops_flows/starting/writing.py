"""Writing a new use case: its files, none over another, and its deployments beside those that are there."""

from __future__ import annotations

import csv
import importlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from aiops_flows.errors import UseCaseError
from aiops_flows.starting.columns import Column
from aiops_flows.starting.fields import field_lines
from aiops_flows.starting.placing import built_beside, fill, place
from aiops_flows.starting.plan import Plan, Row
from aiops_flows.starting.python_text import comment, literal, literals
from aiops_flows.starting.trial import Trial, try_rows
from aiops_flows.steps.delivery import Delivery

__all__ = ["Written", "write"]

_WIDTH = 105
_CASES = ("past.csv", "new.csv")
_HEAD = """# What runs when: `aiops-flows up` gives this file to the Prefect server that it starts.

deployments:
"""


@dataclass(frozen=True)
class Written:
    """What was written, and what is left to do by hand."""

    folder: Path
    files: Sequence[Path]
    trial: Trial
    """How many of the file's rows the new case type takes."""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class _Deployments:
    """The text of the file of deployments."""

    file: str
    text: str
    added: bool = False
    """Whether the file exists and they were added at its end."""
    notes: Sequence[str] = ()


def write(plan: Plan, folder: Path) -> Written:
    """Write a new use case into a folder, all of it or nothing, once its case type has been tried on the rows.

    Nothing in the folder is changed, except that deployments are added to its ``prefect.yaml``.

    Raises:
        UseCaseError: a file that would be written exists already, or the folder is a file; then nothing is written.
    """
    texts = _files(plan)
    if existing := [name for name in texts if (folder / name).exists()]:
        raise UseCaseError(
            f"{folder} has {existing} already, and nothing is written over; choose another --folder or name"
        )
    if folder.exists() and not folder.is_dir():
        raise UseCaseError(f"{folder} is a file; choose another --folder or name")
    deployments = _deployments(plan, folder)
    texts[deployments.file] = deployments.text
    if plan.origin and not (folder / ".gitignore").exists():
        texts[".gitignore"] = "data/\n"
    with built_beside(folder) as scratch:
        fill(scratch, texts)
        trial = try_rows(plan.module, plan.constant, scratch, [_delivery(scratch / "data" / name) for name in _CASES])
        place(scratch, folder, list(texts), deployments.file if deployments.added else None)
    importlib.invalidate_caches()  # else a process that looked for the module before would not find it
    return Written(folder, [folder / name for name in texts], trial, deployments.notes)


def _delivery(file: Path) -> Delivery:
    """The rows of a data file that was just written."""
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return Delivery(file.name, list(rows[0]) if rows else [], rows)


def _files(plan: Plan) -> dict[str, str]:
    words = _words(plan)
    past, told = _apart(plan, plan.past)
    new, later = _apart(plan, plan.new)
    files = {
        f"{plan.module}.py": _filled("use_case", words),
        f"test_{plan.module}.py": _filled("test", words),
        "README.md": _filled("readme", words),
        "data/past.csv": past,
        "data/past_outcomes.csv": told,
        "data/new.csv": new,
    }
    return files | ({"data/new_outcomes.csv": later} if later.count("\n") > 1 else {}) | _unsettled(plan)


def _words(plan: Plan) -> dict[str, str]:
    """What stands in the templates' places."""
    outcome, limits = plan.outcome, plan.limits
    quantity = outcome.kind == "quantity"
    words = {
        "name": plan.name,
        "module": plan.module,
        "constant": plan.constant,
        "case": "".join(part.capitalize() for part in plan.name.split("-")) + "Case",
        "title": f"{plan.name.replace('-', ' ').capitalize()}: what becomes of a case?",
        "outcome": outcome.name,
        "model_name": _model_name(plan),
        "variable": f"{outcome.name}_model",
        "guessed": "\n".join(f"    {line}" for line in comment(_origin(plan), indent=4)),
        "absent": f"{{{literals(sorted({'', *(mark for each in _columns(plan) for mark in each.absent)}))}}}",
        "features": _list(plan.features),
        "labels_line": "" if _words_alone(plan) else f"LABELS = {_list(plan.labels)}\n",
        "words": plan.words,
        "derived": _derived(plan),
        "metric": _metric(plan),
        "loss": "squared_error" if outcome.mostly_lowest else "absolute_error",
        "middle": "mean" if outcome.mostly_lowest else "median",
        "min_rows": str(min(200, max(30, len(plan.past) // 3))),
        "verdicts": f"[{literals(outcome.classes)}]",
        "rules": "\n".join(_rule(outcome.name, name) for name in limits.automatic),
        "reasons": "\n".join(f"        {line}" for reason in limits.reasons for line in comment(reason, indent=8)),
        "limits": "\n".join(f"        {line}" for line in _limit_lines(plan)),
        "high": f"{outcome.high:.4g}",
        "near": f"{limits.near:g}",
        "near_share": f"{limits.near_share:g}",
        "drop": f"{float(f'{(outcome.spread or outcome.high) / 10 or 0.1:.2g}'):g}",
        "rule_test": _rule_test(plan),
        "from_words": f" from {literal(plan.origin)}" if plan.origin else "",
        "data_words": _data_words(plan),
        "fields": field_lines(plan),
        "imports": _imports(plan),
    }
    kind = "quantity" if quantity else "classes"
    parts = "table" if not plan.texts else "both" if plan.table else "words"
    words["word_parts"] = _filled("quantity_words", words) if quantity and plan.texts else ""
    words["estimator"] = "" if quantity else _filled(f"classes_{parts}", words).rstrip()
    words["model"] = _filled(f"{kind}_model", words).rstrip()
    words["policy"] = _filled(f"{kind}_policy", words).rstrip()
    return words


def _model_name(plan: Plan) -> str:
    """The name of the registered model, which may have 63 characters."""
    slug = re.sub(r"[^a-z0-9]+", "-", plan.outcome.name.lower()).strip("-") or "outcome"
    return f"{plan.name}-{slug}"[:63].rstrip("-")


def _rule(output: str, verdict: str) -> str:
    """The rule under which a verdict may be automatic."""
    return f'            {literal(verdict)}: lambda cases: cases["{output}"] == {literal(verdict)},'


def _limit_lines(plan: Plan) -> list[str]:
    """What the policy allows, as arguments of `ReviewPolicy`."""
    limits = plan.limits
    lines = []
    if limits.max_error:
        error = min(limits.max_error.values())
        lines.append(f"max_error={error:g},  # of the automatic decisions of each verdict, at most this share is wrong")
    if limits.max_missed:
        missed = _numbers_by_name(limits.max_missed)
        lines.append(f"max_missed={missed},  # of these cases, the share decided otherwise without a person")
    if limits.adverse:
        lines.append(f"adverse=[{literals(limits.adverse)}],  # against somebody, and so never automatic")
    return lines


def _numbers_by_name(numbers: Mapping[str, float]) -> str:
    return "{" + ", ".join(f"{literal(name)}: {number:g}" for name, number in numbers.items()) + "}"


def _rule_test(plan: Plan) -> str:
    """The body of the test that a rule holds only where the model says so."""
    name, automatic = plan.outcome.name, plan.limits.automatic
    if not automatic:
        return f"    assert not {plan.constant}.review.auto"
    verdict = automatic[0]
    answer = f"{plan.outcome.usual:g}" if plan.outcome.kind == "quantity" else literal(verdict)
    return (
        f'    answers = pd.DataFrame({{"{name}": [{answer}, None]}})\n'
        f"    assert {plan.constant}.review.auto[{literal(verdict)}](answers).tolist() == [True, False]"
    )


def _words_alone(plan: Plan) -> bool:
    """Whether the model reads words and nothing else, with a model of its own."""
    return plan.outcome.kind == "classes" and bool(plan.texts) and not plan.table


def _derived(plan: Plan) -> str:
    """The lines of what is derived from texts, where a model reads some."""
    if not plan.texts:
        return ""
    lines = f'derived: ClassVar = {{"{plan.words}": CustomerWords({literals(plan.texts)})}}'
    if len(lines) > _WIDTH:
        names = "".join(f"            {literal(name)},\n" for name in plan.texts)
        lines = f'derived: ClassVar = {{\n        "{plan.words}": CustomerWords(\n{names}        )\n    }}'
    said = "What the model reads of texts, and drift is measured on; personal data that has a form is masked."
    return f"\n    # {said}\n    {lines}"


def _metric(plan: Plan) -> str:
    """The quality that the gate looks at.

    Of quantities that are mostly the lowest, the median tells nothing; of rare classes, accuracy does not.
    """
    outcome = plan.outcome
    if outcome.kind == "quantity":
        return "root_mean_squared_error" if outcome.mostly_lowest else "mean_absolute_error"
    if len(outcome.classes) == 2:
        return "roc_auc"
    return "balanced_accuracy" if plan.limits.rare else "accuracy"


def _columns(plan: Plan) -> list[Column]:
    return [*plan.columns, *filter(None, [plan.case_id, plan.received])]


def _list(names: Sequence[str]) -> str:
    """Names as a list, over several lines where one does not hold it."""
    line = f"[{literals(names)}]"
    return line if len(line) < _WIDTH else "[\n" + "".join(f"    {literal(name)},\n" for name in names) + "]"


def _origin(plan: Plan) -> str:
    """Where the guesses come from."""
    origin = literal(plan.origin) if plan.origin else "made-up data"
    return f"Each field was guessed from {origin}: check that it holds what the business means by it."


def _data_words(plan: Plan) -> str:
    if plan.origin:
        return f"`data/` holds rows of {literal(plan.origin)}; `.gitignore` keeps it out of version control."
    return "`data/` is made up; put files of your own in its place, and the fields of the case after them."


def _imports(plan: Plan) -> str:
    """The import lines that the file needs."""
    quantity = plan.outcome.kind == "quantity"
    kinds = {each.holds for each in plan.columns}
    moments = plan.received is not None or "moment" in kinds
    written = any(each.written for each in [*plan.columns, *filter(None, [plan.received])])
    ours = ["CaseId"] * (plan.id_name != "case_id") + ["Moment"] * moments
    names = ["Case", "Gate", "ModelSpec", "ReviewPolicy", *["Text"] * ("text" in kinds), "UseCase"]
    sparse = bool(plan.texts) and not quantity
    lines = [
        "from datetime import timedelta",
        f"from typing import {'Annotated, ' * written}ClassVar",
        "",
        "import pandas as pd",
        f"from aiops_flows import {', '.join([*names, 'intake', 'predict', 'review'])}",
        None if _words_alone(plan) else "from aiops_flows.estimators.labels import LabelCodes",
        "from aiops_flows.estimators.sparse_text import SparseTextClassifier" if sparse else None,
        "from aiops_flows.estimators.spread import RegressorWithSpread" if quantity else None,
        "from aiops_flows.evidence.losses import beyond" if quantity else None,
        "from aiops_flows.texts.derived import CustomerWords" if plan.texts else None,
        f"from aiops_flows.use_case import {', '.join(ours)}" if ours else None,
        "from aiops_flows.values import Written" if written else None,
        "from prefect import flow",
        "from pydantic import Field" if "Field(" in field_lines(plan) else None,
        *([] if _words_alone(plan) else _learning_imports(plan)),
    ]
    return "\n".join(line for line in lines if line is not None) + "\n"


def _learning_imports(plan: Plan) -> list[str]:
    """The import lines of scikit-learn."""
    quantity, texts = plan.outcome.kind == "quantity", bool(plan.texts)
    stacked = texts and not quantity
    booster = "HistGradientBoostingRegressor" if quantity else "HistGradientBoostingClassifier"
    lines = {
        "from sklearn.compose import make_column_transformer": True,
        "from sklearn.decomposition import TruncatedSVD": texts and quantity,
        "from sklearn.dummy import DummyRegressor": quantity,
        f"from sklearn.ensemble import {booster}{', StackingClassifier' * stacked}": True,
        "from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer": texts and quantity,
        "from sklearn.linear_model import LogisticRegression": stacked,
        "from sklearn.pipeline import make_pipeline": True,
    }
    return [line for line, needed in lines.items() if needed]


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (resources.files("aiops_flows.starting") / "templates" / f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(words)


def _apart(plan: Plan, rows: Sequence[Row]) -> tuple[str, str]:
    """Rows as two files: the cases without their outcome, and the outcomes by case."""
    source, name, written = plan.outcome.source, plan.id_name, plan.outcome.written
    cases = [{column: value for column, value in row.items() if column != source} for row in rows]
    decided = [(row[name], written.get(_text(row[source]))) for row in rows]
    outcomes = [{name: case_id, plan.outcome.name: value} for case_id, value in decided if value is not None]
    return _csv(cases, [name]), _csv(outcomes, [name, plan.outcome.name])


def _unsettled(plan: Plan) -> dict[str, str]:
    """The rows whose outcome is a question, with the class that is proposed."""
    if not plan.unsettled:
        return {}
    proposals = {each.written: each.proposal for each in plan.outcome.questions}
    column = next(name for name in ("proposed", "proposed_outcome", "proposed_class") if name not in plan.unsettled[0])
    rows = [{**row, column: proposals.get(_text(row[plan.outcome.source]), "")} for row in plan.unsettled]
    return {"data/unsettled.csv": _csv(rows, [])}


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    names = list(rows[0]) if rows else list(columns)
    returns = any("\r" in str(text) for row in [names, *(row.values() for row in rows)] for text in row)
    written = io.StringIO()
    lines = csv.DictWriter(
        written,
        names,
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL,  # else a lone carriage return would end a line
    )
    lines.writeheader()
    lines.writerows(rows)
    return written.getvalue()


def _deployments(plan: Plan, folder: Path) -> _Deployments:
    """The text of ``prefect.yaml``: a new one, or the existing one with more deployments at its end.

    Where these cannot be added without changing what the file says, they get a file of their own, and a note says so.
    """
    block = _filled("deployments", _words(plan))
    path = folder / "prefect.yaml"
    if not path.exists():
        return _Deployments(path.name, _HEAD + block)
    before = path.read_text(encoding="utf-8")
    after = before.rstrip() + "\n\n" + _indented(block, before)
    if _only_added(before, after, block):
        return _Deployments(path.name, after, added=True, notes=[f"deployments were added at the end of {path}"])
    beside = f"prefect-{plan.name}.yaml"
    note = f"{path} could not be added to: copy the deployments from {beside} into it"
    return _Deployments(beside, _HEAD + block, notes=[note])


def _indented(block: str, before: str) -> str:
    """The block, its list as far to the right as the one that is there."""
    found = re.search(r"^deployments:[^\n]*\n(?:[ ]*(?:#[^\n]*)?\n)*([ ]*)- ", before, re.MULTILINE)
    left = found.group(1) if found else "  "
    return "".join(left + line[2:] if line.strip() else line for line in block.splitlines(keepends=True))


def _only_added(before: str, after: str, block: str) -> bool:
    """Whether the text says all that it said, then the new deployments, under names that it did not have."""
    from ruamel.yaml import YAML  # Prefect brings it, and reads the file with it
    from ruamel.yaml.error import YAMLError

    try:
        old, new, added = (YAML(typ="safe").load(text) for text in (before, after, "deployments:\n" + block))
        merged = [*old["deployments"], *added["deployments"]]
    except (YAMLError, KeyError, TypeError):
        return False
    names = [each["name"] for each in merged]
    return bool(new == {**old, "deployments": merged}) and len(set(names)) == len(names)
