"""Versions of models: stored with their evidence in MLflow, loaded only when their files are what was registered.

This room is the only door to MLflow and to skops. Neither is imported before it is needed: a worker that scores with a
cached version never loads MLflow at all.
"""

from __future__ import annotations

from aiops_flows.registry.connection import ARTIFACTS
from aiops_flows.registry.moved import follow_move
from aiops_flows.registry.store import Patience, Registered, Registry
from aiops_flows.registry.trusted import Trusted

__all__ = ["ARTIFACTS", "Patience", "Registered", "Registry", "Trusted", "follow_move"]
