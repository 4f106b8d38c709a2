"""From what a user types to the use case, the flow or the model that is meant, the same for all commands."""

from __future__ import annotations

import ast
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiops_flows.errors import UseCaseError

if TYPE_CHECKING:
    from aiops_flows.case_log import CaseLog
    from aiops_flows.use_case import UseCase

__all__ = [
    "Declaration",
    "did_you_mean",
    "flow_at",
    "flow_of",
    "is_path",
    "load",
    "model_name",
    "name_of",
    "path_of",
    "use_cases_here",
]

_LARGEST = 1_000_000  # bytes of a file that is looked into
_MOST_FILES = 2_000
_SKIPPED = {"build", "dist", "node_modules", "site-packages", "tests", "venv"}


@dataclass(frozen=True)
class Declaration:
    """Where a use case is declared, as its source file says; nothing of the file was run."""

    name: str
    path: str
    """Such as ``flows.claims:CLAIMS``."""


def is_path(use_case: str) -> bool:
    """Whether a use case is given by its path, not by its name alone."""
    return ":" in use_case or "." in use_case


def use_cases_here(folder: Path | None = None) -> list[Declaration]:
    """The use cases declared in the Python files of a folder and of its packages, by name.

    Found are assignments such as ``CLAIMS = UseCase(name="claims", ...)`` at the top of a module. The files are read,
    not imported.
    """
    root = folder or Path.cwd()
    found = [each for file in _modules(root) for each in _declared_in(file, root)]
    return sorted(found, key=lambda each: each.name)


def _modules(root: Path) -> Iterator[Path]:
    """The modules that can be imported from a folder: its files, and those of folders one level down."""
    files = [*root.glob("*.py"), *root.glob("*/*.py")]
    for file in sorted(files)[:_MOST_FILES]:
        parts = file.relative_to(root).parts
        hidden = any(part.startswith(".") or part in _SKIPPED for part in parts)
        if not hidden and all(part.removesuffix(".py").isidentifier() for part in parts):
            yield file


def _declared_in(file: Path, root: Path) -> Iterator[Declaration]:
    try:
        text = file.read_text(encoding="utf-8") if file.stat().st_size <= _LARGEST else ""
        tree = ast.parse(text) if "UseCase(" in text else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return  # a file that Python could not import either
    module = ".".join(file.relative_to(root).with_suffix("").parts)
    for statement in tree.body:
        if name := _use_case_name(statement):
            yield Declaration(name, f"{module}:{_target(statement)}")


def _target(statement: ast.stmt) -> str:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def _use_case_name(statement: ast.stmt) -> str:
    """The name in ``X = UseCase(name="...")``; empty of every other statement."""
    call = getattr(statement, "value", None)
    if not isinstance(call, ast.Call) or not _target(statement):
        return ""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    names = [keyword.value for keyword in call.keywords if keyword.arg == "name"] or call.args[:1]
    named = names[0].value if names and isinstance(names[0], ast.Constant) else ""
    return named if called == "UseCase" and isinstance(named, str) else ""


def load(use_case: str, *, try_it: bool = False) -> UseCase:
    """The use case of a path, or of the name of one that is declared in the current folder.

    Args:
        use_case: its path or name.
        try_it: also try its gates and rules, before a command that trains, certifies or decides with them. A command
            that rolls back, or stores a person's answer, must work where a rule does not.

    Raises:
        UseCaseError: there is none, or several; the message names those that are there. Or a rule or gate cannot work.
    """
    from aiops_flows.use_case import load_use_case

    declared = load_use_case(path_of(use_case))
    if try_it:
        from aiops_flows.steps.trying import tried

        return tried(declared)
    return declared


def path_of(use_case: str) -> str:
    """The path of a use case that is given by its path, or by the name of one declared in the current folder.

    Raises:
        UseCaseError: there is none of that name here, or several.
    """
    if is_path(use_case):
        return use_case
    here = use_cases_here()
    paths = [each.path for each in here if each.name == use_case]
    if len(paths) == 1:
        return paths[0]
    if paths:
        raise UseCaseError(f"several files here declare the use case {use_case!r}; give one of the paths {paths}")
    there = f"declared here are {[each.name for each in here]}" if here else "no file here declares a use case"
    raise UseCaseError(
        f"no use case {use_case!r} in this folder; {there}{did_you_mean(use_case, [each.name for each in here])}. "
        "Stand in the folder of its code, or give its path, such as flows.claims:CLAIMS"
    )


def name_of(log: CaseLog, use_case: str) -> str:
    """The name of a use case given by its path, or by the name under which the record has it.

    With a name nothing of the user's code is loaded, so it is quick, and works where that code is not.
    """
    if is_path(use_case):
        return load(use_case).name
    from aiops_flows.case_log import questions

    recorded = questions.use_cases(log)
    if use_case not in recorded:
        raise UseCaseError(
            f"the case log has no use case {use_case!r}; it has {recorded}{did_you_mean(use_case, recorded)}. "
            "Or give a path, such as flows.claims:CLAIMS"
        )
    return use_case


def model_name(log: CaseLog, use_case: str, model: str) -> str:
    """The registered name of a model that is given by its name or by its output.

    Of a use case given by its bare name the case log alone is asked: there an output is recognised as the end of a
    model's name, as ``disposition`` of ``claims-disposition``.

    Raises:
        UseCaseError: there is no such model, or several; the message names those that are there.
    """
    if is_path(use_case):
        return load(use_case).model(model).name
    from aiops_flows.case_log import versions

    names = versions.models(log, use_case)
    if not names or model in names:
        return model
    ending = [name for name in names if name.endswith(f"-{model}".replace("_", "-"))]
    if len(ending) == 1:
        return ending[0]
    raise UseCaseError(
        f"{use_case} has no model {model!r}; it has {names}{did_you_mean(model, names)}. Give the name of a model, or "
        f"the path of the use case to name a model by its output"
    )


def did_you_mean(given: str, names: Iterable[str]) -> str:
    """Words that suggest the closest of some names, or nothing."""
    close = get_close_matches(given.casefold(), {name.casefold(): name for name in names}, n=1, cutoff=0.6)
    meant = next((name for name in names if close and name.casefold() == close[0]), "")
    return f"; did you mean {meant!r}?" if meant else ""


def flow_at(path: str) -> Callable[[str], Any]:
    """The business flow at a path.

    Raises:
        UseCaseError: nothing is there.
    """
    try:
        business: Callable[[str], Any] = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as fault:
        raise UseCaseError(
            f"no flow at {path!r}: {fault}; write it as package.module:name, importable from this folder"
        ) from fault
    return business


def flow_of(use_case: str) -> Callable[[str], Any]:
    """The business flow in the module of a use case; without a use case, that of the only one declared here.

    Raises:
        UseCaseError: there is no such flow, or several; the message says which to name.
    """
    path = path_of(use_case) if use_case else _only_one_here()
    module_name, _, _ = path.partition(":")
    flow_at(path)  # imports the module, or says why it cannot be imported
    module = sys.modules[module_name]
    flows = _flows_of(module)
    if len(flows) == 1:
        return next(iter(flows.values()))
    where = f"{module_name} has the flows {sorted(flows)}" if flows else f"{module_name} has no Prefect flow"
    name = next(iter(sorted(flows)), "my_flow")
    raise UseCaseError(f"{where}; name the one to run: --flow {module_name}:{name}")


def _flows_of(module: Any) -> dict[str, Callable[[str], Any]]:
    """The Prefect flows that a module itself makes, by their name there."""
    from prefect import Flow

    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, Flow) and getattr(value.fn, "__module__", "") == module.__name__
    }


def _only_one_here() -> str:
    here = use_cases_here()
    if len(here) == 1:
        return here[0].path
    paths: Sequence[str] = [each.path for each in here]
    found = f"this folder declares {paths}" if paths else "no file here declares a use case"
    example = paths[0] if paths else "flows.claims:CLAIMS"
    raise UseCaseError(f"which use case? {found}; name one: --use-case {example}, or set AIOPS_USE_CASE")
