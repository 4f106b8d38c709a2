"""Writing a new use case: its files, none over another, and its deployments beside those that are there."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from aiops_flows.errors import UseCaseError
from aiops_flows.starting.columns import ABSENT, Column
from aiops_flows.starting.fields import field_lines, reader_of_moments
from aiops_flows.starting.outcome import Outcome
from aiops_flows.starting.plan import Plan, Row

__all__ = ["Written", "write"]

_WIDTH = 105
_HEAD = """# What runs when: `aiops-flows up` gives this file to the Prefect server that it starts.

deployments:
"""


@dataclass(frozen=True)
class Written:
    """What was written, and what is left to do by hand."""

    folder: Path
    files: Sequence[Path]
    notes: Sequence[str] = ()


def write(plan: Plan, folder: Path) -> Written:
    """Write a new use case into a folder; nothing that is there is changed, but for deployments that are added.

    Raises:
        UseCaseError: a file that would be written is there already; then nothing is written.
    """
    texts = _files(plan)
    if there := [name for name in texts if (folder / name).exists()]:
        raise UseCaseError(
            f"{folder} has {there} already, and nothing is written over; choose another --folder or name"
        )
    deployments, notes = _deployments(plan, folder)
    texts |= deployments
    if plan.origin and not (folder / ".gitignore").exists():
        texts[".gitignore"] = "data/\n"
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()  # else a process that looked for the module before would not find it
    return Written(folder, [folder / name for name in texts], notes)


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
    classes = [json.dumps(name, ensure_ascii=False) for name in outcome.classes]
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
        "origin": plan.origin or "made-up data",
        "absent": _strings(sorted({"", *(mark for each in _columns(plan) for mark in each.absent)}), braces="{}"),
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
        "verdict": "accept" if quantity else outcome.classes[0],
        "from_words": f" from {plan.origin}" if plan.origin else "",
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
    lines = f'derived: ClassVar = {{"{plan.words}": CustomerWords({_strings(plan.texts, braces=("", ""))})}}'
    if len(lines) > _WIDTH:
        names = "".join(f"            {json.dumps(name)},\n" for name in plan.texts)
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


def _strings(names: Iterable[str], braces: Sequence[str] = "[]") -> str:
    return braces[0] + ", ".join(json.dumps(name, ensure_ascii=False) for name in names) + braces[1]


def _list(names: Sequence[str]) -> str:
    """Names as a list, over several lines where one does not hold it."""
    line = _strings(names)
    return line if len(line) < _WIDTH else "[\n" + "".join(f"    {json.dumps(name)},\n" for name in names) + "]"


def _data_words(plan: Plan) -> str:
    if plan.origin:
        return f"`data/` holds rows of {plan.origin}; it is kept out of version control (`.gitignore`)."
    return "`data/` is made up; put files of your own in its place, and the fields of the case after them."


def _imports(plan: Plan) -> str:
    """The import lines that the file needs, and the reader of moments where there is one."""
    quantity, reader = plan.outcome.kind == "quantity", reader_of_moments(plan)
    kinds = {each.holds for each in plan.columns}
    moments = plan.received is not None or "moment" in kinds
    fields = field_lines(plan)
    typing = ["Annotated"] * bool(reader) + ["ClassVar"]
    ours = ["CaseId"] * (plan.case_id is not None and plan.case_id.source != "case_id") + ["Moment"] * moments
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
    written = io.StringIO()
    lines = csv.DictWriter(written, list(rows[0]) if rows else list(columns), lineterminator="\n")
    lines.writeheader()
    lines.writerows(rows)
    return written.getvalue()


def _deployments(plan: Plan, folder: Path) -> tuple[dict[str, str], list[str]]:
    """The text of ``prefect.yaml``: a new one, or the one that is there with more deployments at its end.

    Where these cannot be added without changing what is there, they get a file of their own, and a note says so.
    """
    block = _filled("deployments", _words(plan))
    path = folder / "prefect.yaml"
    if not path.exists():
        return {"prefect.yaml": _HEAD + block}, []
    before = path.read_text(encoding="utf-8")
    after = before.rstrip() + "\n\n" + _indented(block, before)
    if _only_added(before, after, block):
        return {"prefect.yaml": after}, [f"deployments were added at the end of {path}"]
    beside = f"prefect-{plan.name}.yaml"
    return {beside: _HEAD + block}, [f"{path} could not be added to: copy the deployments from {beside} into it"]


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
