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
from aiops_flows.starting.columns import ABSENT, Column
from aiops_flows.starting.fields import field_lines, reader_of_moments
from aiops_flows.starting.outcome import Outcome
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
    return files | ({"data/new_outcomes.csv": later} if later.count("\n") > 1 else {})


def _words(plan: Plan) -> dict[str, str]:
    """What stands in the templates' places."""
    outcome = plan.outcome
    quantity = outcome.kind == "quantity"
    classes = [literal(name) for name in outcome.classes]
    slug = re.sub(r"[^a-z0-9]+", "-", outcome.name.lower()).strip("-") or "outcome"
    words = {
        "name": plan.name,
        "module": plan.module,
        "constant": plan.constant,
        "case": "".join(part.capitalize() for part in plan.name.split("-")) + "Case",
        "title": f"{plan.name.replace('-', ' ').capitalize()}: what becomes of a case?",
        "outcome": outcome.name,
        "slug": slug,
        "variable": f"{outcome.name}_model",
        "guessed": "\n".join(f"    {line}" for line in comment(_origin(plan), indent=4)),
        "absent": f"{{{literals(sorted({'', *(mark for each in _columns(plan) for mark in each.absent)}))}}}",
        "features": _list(plan.features),
        "labels_line": "" if _words_alone(plan) else f"LABELS = {_list(plan.labels)}\n",
        "words": plan.words,
        "derived": _derived(plan),
        "metric": _metric(outcome),
        "loss": "squared_error" if outcome.mostly_lowest else "absolute_error",
        "middle": "mean" if outcome.mostly_lowest else "median",
        "min_rows": str(min(200, max(30, len(plan.past) // 3))),
        "verdicts": f"[{', '.join(classes)}]",
        "rules": "\n".join(f'            {name}: lambda cases: cases["{outcome.name}"] == {name},' for name in classes),
        "high": f"{outcome.high:.4g}",
        "near": f"{(outcome.spread or outcome.high) / 4 or 0.25:.3g}",
        "drop": f"{float(f'{(outcome.spread or outcome.high) / 10 or 0.1:.2g}'):g}",
        "said": f"{outcome.usual:g}" if quantity else classes[0],
        "verdict": literal("accept") if quantity else classes[0],
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


def _metric(outcome: Outcome) -> str:
    """The quality that the gate looks at: of quantities that are mostly the lowest, the median tells nothing."""
    if outcome.kind == "quantity":
        return "root_mean_squared_error" if outcome.mostly_lowest else "mean_absolute_error"
    return "roc_auc" if len(outcome.classes) == 2 else "accuracy"


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
    """The import lines that the file needs, and the reader of moments where there is one."""
    quantity, reader = plan.outcome.kind == "quantity", reader_of_moments(plan)
    kinds = {each.holds for each in plan.columns}
    moments = plan.received is not None or "moment" in kinds
    fields = field_lines(plan)
    typing = ["Annotated"] * bool(reader) + ["ClassVar"]
    ours = ["CaseId"] * (plan.id_name != "case_id") + ["Moment"] * moments
    names = ["Case", "Gate", "ModelSpec", "ReviewPolicy", *["Text"] * ("text" in kinds), "UseCase"]
    pydantic = ["BeforeValidator"] * bool(reader) + ["Field"] * ("Field(" in fields)
    sparse = bool(plan.texts) and not quantity
    lines = [
        "from collections.abc import Callable" if reader else None,
        f"from datetime import {'UTC, datetime, ' if reader else ''}timedelta",
        f"from typing import {', '.join(typing)}",
        "",
        "import pandas as pd",
        f"from aiops_flows import {', '.join([*names, 'intake', 'predict', 'review'])}",
        "from aiops_flows.estimators.sparse_text import SparseTextClassifier" if sparse else None,
        "from aiops_flows.estimators.spread import RegressorWithSpread" if quantity else None,
        "from aiops_flows.evidence.losses import beyond" if quantity else None,
        "from aiops_flows.texts.derived import CustomerWords" if plan.texts else None,
        f"from aiops_flows.use_case import {', '.join(ours)}" if ours else None,
        "from prefect import flow",
        f"from pydantic import {', '.join(pydantic)}" if pydantic else None,
        *([] if _words_alone(plan) else _learning_imports(plan)),
    ]
    return "\n".join(line for line in lines if line is not None) + "\n" + reader


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
        "from sklearn.preprocessing import OrdinalEncoder": True,
    }
    return [line for line, needed in lines.items() if needed]


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (resources.files("aiops_flows.starting") / "templates" / f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(words)


def _apart(plan: Plan, rows: Sequence[Row]) -> tuple[str, str]:
    """Rows as two files: the cases without their outcome, and the outcomes by case."""
    source, name = plan.outcome.source, plan.id_name
    cases = [{column: value for column, value in row.items() if column != source} for row in rows]
    decided = (row for row in rows if row[source] is not None and str(row[source]).strip() not in ABSENT)
    told = [{name: row[name], plan.outcome.name: row[source]} for row in decided]
    return _csv(cases, [name]), _csv(told, [name, plan.outcome.name])


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
