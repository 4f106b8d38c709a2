"""A fitted estimator as files, and back, without pickle."""

from __future__ import annotations

import platform
import sys
import zipfile
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from aiops_flows.errors import RegistryError, UntrustedModel
from aiops_flows.registry.files import MODEL_FILE

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

__all__ = ["made_up", "open_model", "refuse_forgetful", "to_bytes", "write_version"]

_BRIDGE_TO_TORCH = "sklearn.externals.array_api_compat.torch"
_NEEDED = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
_UNREADABLE = (
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    ImportError,
    RecursionError,
    OSError,
)


def to_bytes(estimator: Any, trusted: frozenset[str]) -> tuple[bytes, list[str]]:
    """The estimator in skops' format, and the types it needs beyond those that skops takes by itself.

    Raises:
        UntrustedModel: it needs a type that is not on our list, or cannot be stored without pickle.
    """
    skops = _skops()
    try:
        content: bytes = skops.dumps(estimator)
    except Exception as fault:  # whatever a part of the estimator raises when it is asked for its state
        raise UntrustedModel(
            f"{type(estimator).__name__} cannot be stored without pickle: {fault}. "
            "Classes and functions must be named at the top of an importable module (no lambda)"
        ) from fault
    needed: list[str] = skops.get_untrusted_types(data=content)
    _refuse_unlisted(needed, trusted, type(estimator).__name__)
    return content, needed


def open_model(content: bytes, trusted: frozenset[str], name: str) -> Any:
    """The fitted estimator in the content of a model file; nothing of it runs before all its types were checked.

    Raises:
        UntrustedModel: it needs a type that is not on our list, or is no model file of ours.
    """
    skops = _skops()
    from skops.io.exceptions import UntrustedTypesFoundException

    if not zipfile.is_zipfile(BytesIO(content)):
        raise UntrustedModel(f"{name}: {MODEL_FILE} is not in skops' format; it is not loaded")
    try:
        return skops.loads(content, trusted=sorted(trusted))
    except UntrustedTypesFoundException as fault:
        _refuse_unlisted(skops.get_untrusted_types(data=content), trusted, name)
        raise UntrustedModel(f"{name}: {fault}") from fault
    except _UNREADABLE as fault:
        raise UntrustedModel(f"{name}: {MODEL_FILE} cannot be read ({type(fault).__name__}: {fault})") from fault


def write_version(folder: Path, content: bytes, needed: list[str], features: pd.DataFrame) -> None:
    """Write the files of a version: the model, what MLflow says of it, and what must be installed to use it."""
    import sklearn
    from mlflow.models import Model

    model = Model(signature=_signature(features), model_size_bytes=len(content))
    model.add_flavor(
        "python_function",
        loader_module="mlflow.sklearn",
        model_path=MODEL_FILE,
        predict_fn="predict",
        python_version=platform.python_version(),
        env={"virtualenv": "python_env.yaml"},
    )
    model.add_flavor(
        "sklearn",
        pickled_model=MODEL_FILE,  # MLflow's word for the file, whatever its format
        sklearn_version=sklearn.__version__,
        serialization_format="skops",
        skops_trusted_types=needed,  # for MLflow's own loader; ours never reads it
        code=None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save(str(folder / "MLmodel"))
    (folder / MODEL_FILE).write_bytes(content)
    (folder / "requirements.txt").write_text("\n".join([*_requirements(needed), ""]))
    (folder / "python_env.yaml").write_text(
        f"python: {platform.python_version()}\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"
    )


def refuse_forgetful(estimator: Any, stored: Any, features: pd.DataFrame) -> None:
    """Refuse an estimator that answers otherwise once it was stored and read back.

    A writer that does not write the same twice (scikit-learn's tag ``non_deterministic``) is not asked.

    Raises:
        RegistryError: the two do not predict the same.
    """
    if _may_vary(estimator):
        return
    rows = made_up(features) if features.empty else features
    try:
        before = np.asarray(estimator.predict(rows))
    except (ValueError, TypeError, KeyError, AttributeError):  # it refuses what it never saw: nothing to compare
        return
    after = np.asarray(stored.predict(rows))
    same = np.allclose(before, after, equal_nan=True) if before.dtype.kind == "f" else np.array_equal(before, after)
    if not same:
        raise RegistryError(
            f"{type(estimator).__name__} predicts {after[:3]} after it was stored and read back, {before[:3]} before; "
            "its state must survive __getstate__ and __setstate__"
        )


def _may_vary(estimator: Any) -> bool:
    """Others that carry the tag (a forest without a seed) vary when they learn, not when they are asked."""
    from sklearn.utils import get_tags

    if not hasattr(estimator, "__sklearn_tags__"):
        return False
    tags = get_tags(getattr(estimator, "steps", [("", estimator)])[-1][1])  # a pipeline does not pass the tag on
    return bool(tags.estimator_type == "writer" and tags.non_deterministic)


def _skops() -> ModuleType:
    """The module that reads and writes skops' format, imported without torch.

    skops 0.16 lists scikit-learn's estimators at import, and walks into scikit-learn's bridge to torch on the way; a
    stand-in for that bridge keeps torch out: 0.4 instead of 1.6 CPU-seconds, and far less memory.
    """
    stand_in = ModuleType(_BRIDGE_TO_TORCH)
    sys.modules.setdefault(_BRIDGE_TO_TORCH, stand_in)
    try:
        import skops.io
    finally:
        if sys.modules.get(_BRIDGE_TO_TORCH) is stand_in:
            del sys.modules[_BRIDGE_TO_TORCH]
    return cast("ModuleType", skops.io)


def made_up(features: pd.DataFrame) -> pd.DataFrame:
    """Three rows of the same columns and types, with nothing of a real case in them."""
    import pandas as pd

    return pd.DataFrame({name: _values(kind) for name, kind in features.dtypes.items()})


def _values(kind: Any) -> pd.Series[Any]:
    import pandas as pd

    if kind.kind == "M":
        return pd.Series(pd.to_datetime([0, 1, 2], unit="D")).dt.tz_localize(getattr(kind, "tz", None)).astype(kind)
    if kind.kind in "biuf":
        return pd.Series([0, 1, 2]).astype(kind)
    return pd.Series(["a", "b", None], dtype=object)


def _refuse_unlisted(needed: list[str], trusted: frozenset[str], name: str) -> None:
    if unlisted := sorted(set(needed) - trusted):
        raise UntrustedModel(
            f"{name} needs {unlisted[:10]}, which our list of types does not have; "
            "a type of your own is named in code, with trusted=[TheClass], where the version is registered and loaded"
        )


def _requirements(needed: list[str]) -> list[str]:
    """The versions in use here; MLflow's own inference of them takes eleven seconds."""
    more = ["aiops-flows"] if any(name.startswith("aiops_flows.") for name in needed) else []
    if any(name.startswith("aiops_flows.estimators.torch") for name in needed):
        more.append("torch")
    if "aiops_flows.estimators.statistical.StatisticalForecaster" in needed:
        more.append("statsforecast")
    return [f"{name}=={_installed(name)}" for name in (*_NEEDED, *more)]


def _installed(name: str) -> str:
    if name == "aiops-flows":  # it may run from its folder, not installed
        from aiops_flows import __version__

        return __version__
    return version(name).split("+")[0]


def _signature(features: pd.DataFrame) -> ModelSignature:
    """Names and kinds of the columns, from their types alone; any value may be missing."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    kinds = {
        "b": DataType.boolean,
        "i": DataType.long,
        "u": DataType.long,
        "f": DataType.double,
        "M": DataType.datetime,
    }
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec(kinds.get(kind.kind, DataType.string), str(name), required=False)
                for name, kind in features.dtypes.items()
            ]
        )
    )
