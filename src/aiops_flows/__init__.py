"""Run AI inside a business process: Prefect tasks and supplied flows, people in the loop, a record of every decision.

The public names are listed in ``__all__``. They are loaded when first used, so that ``import aiops_flows`` costs
little and a worker that only scores never loads what it does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "AiopsError",
    "Case",
    "CaseLog",
    "Effect",
    "FolderSink",
    "Gate",
    "ModelSpec",
    "ReviewPolicy",
    "Settings",
    "Text",
    "UseCase",
    "WebhookSink",
    "__version__",
    "automation",
    "batch_task",
    "check_drift",
    "decide",
    "deliver",
    "hold",
    "intake",
    "load_use_case",
    "monitor",
    "predict",
    "promote",
    "recall",
    "record_outcomes",
    "release",
    "retrain",
    "review",
    "rollback",
]

if TYPE_CHECKING:
    from aiops_flows.case_log import CaseLog
    from aiops_flows.effects import Effect
    from aiops_flows.errors import AiopsError
    from aiops_flows.lifecycle import check_drift, monitor, promote, recall, retrain, rollback
    from aiops_flows.settings import Settings
    from aiops_flows.steps.sinks import FolderSink, WebhookSink
    from aiops_flows.tasks import (
        automation,
        batch_task,
        decide,
        deliver,
        hold,
        intake,
        predict,
        record_outcomes,
        release,
        review,
    )
    from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, Text, UseCase, load_use_case
else:
    _HOMES = {
        "aiops_flows.case_log": ("CaseLog",),
        "aiops_flows.effects": ("Effect",),
        "aiops_flows.errors": ("AiopsError",),
        "aiops_flows.lifecycle": ("check_drift", "monitor", "promote", "recall", "retrain", "rollback"),
        "aiops_flows.settings": ("Settings",),
        "aiops_flows.steps.sinks": ("FolderSink", "WebhookSink"),
        "aiops_flows.tasks": (
            "automation",
            "batch_task",
            "decide",
            "deliver",
            "hold",
            "intake",
            "predict",
            "record_outcomes",
            "release",
            "review",
        ),
        "aiops_flows.use_case": ("Case", "Gate", "ModelSpec", "ReviewPolicy", "Text", "UseCase", "load_use_case"),
    }
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

    def __getattr__(name: str) -> object:
        """Load a public name from its module at its first use."""
        if name not in _HOME_OF:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from importlib import import_module

        value = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
