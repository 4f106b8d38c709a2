"""The registry of model versions, as the rest of the library sees it."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aiops_flows.errors import DigestMismatch, RegistryAway
from aiops_flows.registry import evidence, leftovers, model_file, records
from aiops_flows.registry.cache import Cache, in_background, read_version, size_of
from aiops_flows.registry.connection import SOON_SECONDS, Connection
from aiops_flows.registry.failures import Failures
from aiops_flows.registry.files import digest_of, fingerprints, is_digest, manifest_of
from aiops_flows.registry.prompts import keep_prompts, prompt_tags, prompts_of
from aiops_flows.registry.trusted import Trusted, names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Patience", "Registered", "Registry"]

Patience = Literal["full", "once", "little"]
"""How long a version is waited for that is not on this machine: "full" for people and training, "once" for a champion
(without which cases go to people), "little" for a challenger (without which nothing happens)."""

_PATIENCE: ContextVar[Patience] = ContextVar("aiops_flows_patience", default="full")
_LONGEST_SECONDS = 60.0
_WARM_VERSIONS = 8
_logger = logging.getLogger("aiops_flows.registry")


@dataclass(frozen=True)
class Registered:
    """A version as it was registered: what the case log records of it."""

    version: int
    run_id: str
    digest: str
    """The sha256 of the manifest of its files; it is loaded only by this."""
    uri: str
    """What MLflow calls it: ``models:/name/version``."""


class Registry:
    """Model versions in MLflow at ``tracking_url``, and those in use on this machine in the folder ``cache``."""

    def __init__(self, tracking_url: str, cache: Path) -> None:
        self.url = tracking_url
        self._connection = Connection(tracking_url)
        self._cache = Cache(cache)
        self._failures = Failures(cache)
        self._open = lru_cache(maxsize=_WARM_VERSIONS)(self._open_cold)
        self._attached = lru_cache(maxsize=_WARM_VERSIONS)(self._attached_cold)
        self._read_back: tuple[tuple[str, frozenset[str]], Any] | None = None

    def register(
        self,
        model: str,
        estimator: Any,
        *,
        features: pd.DataFrame,
        metrics: Mapping[str, float],
        params: Mapping[str, Any],
        tags: Mapping[str, str],
        figures: Mapping[str, Figure | bytes],
        dataset_digest: str,
        code_version: str,
        trusted: Trusted = (),
        inspect: Callable[[bytes], None] | None = None,
    ) -> Registered:
        """Store a fitted estimator as the next version of a model, with what is known of its training.

        ``features`` are a few made-up rows, or none: only their column names and types are stored, and the estimator
        must predict the same for them after it was read back. Metrics that are not finite are left out. ``inspect`` is
        called with the model file; what it raises keeps the file from being stored.

        Raises:
            UntrustedModel: the estimator needs a type that is not on our list.
            RegistryAway: MLflow does not answer; nothing is registered.
        """
        doing, listed = f"registering {model}", names(trusted)
        self._connection.check(doing)
        prompts = self._keep_prompts(estimator, doing)
        content, needed = model_file.to_bytes(estimator, listed)
        if inspect is not None:
            inspect(content)
        read_back = model_file.open_model(content, listed, model)
        model_file.refuse_forgetful(estimator, read_back, features)
        facts = records.Facts(model, metrics, params, {**tags, **prompts}, figures, dataset_digest, code_version)
        with self._cache.making_room() as place:
            model_file.write_version(place / "model", content, needed, features)
            manifest = manifest_of(fingerprints(place / "model"))
            (place / "manifest").write_text(manifest)
            digest = digest_of(manifest)
            with self._connection.reach(doing) as client:
                version, run_id = records.store(client, self._connection.artifact_root, facts, place, digest)
            self._cache.keep(place, digest)
        self._read_back = _opened(content, listed), read_back
        return Registered(version, run_id, digest, f"models:/{model}/{version}")

    def _keep_prompts(self, estimator: Any, doing: str) -> dict[str, str]:
        """Keep the prompts of an estimator that asks a language model, tell it their versions, and give the tags."""
        if not (asked := prompts_of(estimator)):
            return {}
        with self._connection.reach(doing) as client:
            versions = keep_prompts(client, asked)
        estimator.note_prompt_versions(versions)
        return prompt_tags(asked, versions)

    def load(self, model: str, version: int, digest: str, *, trusted: Trusted = (), patience: Patience = "full") -> Any:
        """The fitted estimator of a version, if its files are what was registered, to the bit.

        It comes from memory, else from the local cache, else from MLflow. It is shared: use it, do not change it.
        With a ``patience`` of "once" a failure is remembered, here and by the processes that come after, and not
        tried again for a while; "little" waits less than a second for a server that does not answer, besides.

        Raises:
            DigestMismatch: a file was changed, added or removed.
            UntrustedModel: it needs a type that is not on our list.
            VersionUnknown: MLflow has no such version.
            RegistryAway: it is not in the cache and MLflow does not answer.
        """
        token = _PATIENCE.set(patience)
        try:
            return self._open(model, int(version), digest, frozenset(names(trusted)))
        finally:
            _PATIENCE.reset(token)

    def attach(self, run_id: str, files: Mapping[str, bytes | Path], tags: Mapping[str, str] | None = None) -> None:
        """Add evidence to the run of a version: reports, the gate table, the verdict; the same name is replaced."""
        with self._connection.reach(f"attaching evidence to run {run_id}", f"run {run_id}") as client:
            evidence.attach(client, run_id, files, tags or {})

    def tag_of(self, run_id: str, name: str) -> str | None:
        """A tag of a run, or None where it has none of that name."""
        with self._connection.reach(f"reading the tags of run {run_id}", f"run {run_id}") as client:
            found: str | None = client.get_run(run_id).data.tags.get(name)
            return found

    def evidence_files(self, run_id: str) -> dict[str, bytes]:
        """The evidence that was attached to a run, by name."""
        with self._connection.reach(f"reading the evidence of run {run_id}", f"run {run_id}") as client:
            return evidence.read(client, run_id)

    def attached(self, run_id: str, name: str) -> bytes:
        """One file that was attached to a run, and is never replaced: it is read once.

        Raises:
            RegistryError: nothing is attached under that name, or MLflow does not answer.
        """
        return self._attached(run_id, name)

    def _attached_cold(self, run_id: str, name: str) -> bytes:
        with self._connection.reach(f"reading {name} of run {run_id}", f"run {run_id}") as client:
            return evidence.read_one(client, run_id, name)

    def project(self, model: str, champion: int | None, challenger: int | None) -> bool:
        """Make MLflow's aliases say what the case log says; True if one had to be moved."""
        with self._connection.reach(f"setting the aliases of {model}", f"model {model}, or that version") as client:
            wanted = {"champion": champion, "challenger": challenger}
            return records.project(client, model, wanted)

    def close_leftovers(self, *, older_than_seconds: float = 3600.0) -> list[str]:
        """End the runs that a process which died left open, and clear its files; the ids of the runs."""
        self._cache.clear_unfinished()
        with self._connection.reach("closing what was left open") as client:
            return leftovers.close_runs(client, older_than_seconds)

    def url_of(self, model: str, version: int) -> str:
        """Where a person sees the version: a page of MLflow, or its name where MLflow has no server."""
        if self.url.startswith(("http://", "https://")):
            return f"{self.place.rstrip('/')}/#/models/{model}/versions/{version}"
        return f"models:/{model}/{version}"

    @property
    def place(self) -> str:
        """Where MLflow is, for people: without a login or a query."""
        return self._connection.name

    def healthy(self) -> bool:
        """Whether MLflow answers; known within three seconds."""
        return not self._connection.fault()

    def _open_cold(self, model: str, version: int, digest: str, trusted: frozenset[str]) -> Any:
        if not is_digest(digest):
            raise DigestMismatch(f"{model} version {version}: {digest!r} is no digest (64 hexadecimal digits)")
        content = self._kept(model, version, digest)
        known = self._read_back
        if known is not None and known[0] == _opened(content, trusted):
            self._read_back = None  # from here on it is among the warm ones
            return known[1]  # registered here: the same verified bytes under the same list are not read a second time
        return model_file.open_model(content, trusted, f"{model} version {version}")

    def _kept(self, model: str, version: int, digest: str) -> bytes:
        """The verified content of the model file: from the cache, or fetched once where it is missing or refused."""
        try:
            content = self._cache.read(digest)
        except (DigestMismatch, OSError) as refused:
            _logger.warning("the cached copy of %s version %d is refused: %s", model, version, refused)
            try:
                return self._fetched(model, version, digest)
            except RegistryAway as away:
                raise DigestMismatch(f"{model} version {version}: {refused}; and no other copy: {away}") from away
        return self._fetched(model, version, digest) if content is None else content

    def _fetched(self, model: str, version: int, digest: str) -> bytes:
        """The verified content of the model file from MLflow, with the patience of whoever asked for it."""
        patience = _PATIENCE.get()
        if patience == "full":
            return self._fetch(model, version, digest)
        doing = f"fetching {model} version {version}"
        of_registry = self._failures.remembered(self._connection.name, RegistryAway)
        with of_registry, self._failures.remembered(f"{model} {version} {digest}"):
            if patience == "once" or not self._connection.is_remote:
                return self._fetch(model, version, digest)
            self._connection.check_version(doing, model, version)
            return self._fetch_while_it_comes(model, version, digest)

    def _fetch_while_it_comes(self, model: str, version: int, digest: str) -> bytes:
        """Fetch in a thread, which is left to itself as soon as nothing more comes.

        If it ends all the same, the version is in the cache, and the next batch has it.
        """
        import mlflow  # noqa: F401  seconds in which nothing can come

        places: list[Path] = []
        fetching = in_background(lambda: self._fetch(model, version, digest, places.append))
        until = time.monotonic() + _LONGEST_SECONDS
        before = -1
        while not fetching.done() and (size := sum(map(size_of, places))) > before and time.monotonic() < until:
            before = size
            wait([fetching], timeout=SOON_SECONDS)
        if not fetching.done():
            raise RegistryAway(f"fetching {model} version {version}: MLflow does not answer any more")
        return fetching.result()

    def _fetch(self, model: str, version: int, digest: str, watch: Callable[[Path], None] = lambda _: None) -> bytes:
        doing = f"fetching {model} version {version}"
        with self._cache.making_room() as place:
            watch(place)
            with self._connection.reach(doing, f"{model} version {version}") as client:
                records.fetch(client, model, version, place)
            content = read_version(place, digest)
            self._cache.keep(place, digest)
            return content


def _opened(content: bytes, trusted: frozenset[str]) -> tuple[str, frozenset[str]]:
    """What decides how a model file is opened: its bytes, and the types that it may need."""
    return hashlib.sha256(content).hexdigest(), trusted
