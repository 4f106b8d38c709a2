"""Estimators survive being stored and read back, and nothing outside our list of types is read."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, SplineTransformer, StandardScaler

from aiops_flows import estimators
from aiops_flows.errors import RegistryError, UntrustedModel
from aiops_flows.estimators.torch_tabular import TorchTabularClassifier, TorchTabularRegressor
from aiops_flows.registry.model_file import open_model, refuse_forgetful, to_bytes
from aiops_flows.registry.trusted import OURS, names

_NUMBERS = make_pipeline(SimpleImputer(), StandardScaler())
_CODES = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def doubled(values: Any) -> Any:
    return values * 2


def columns(labels: Any) -> Any:
    return make_column_transformer((_NUMBERS, ["amount"]), (labels, ["region"]))


def boosted(**changes: Any) -> Any:
    return make_pipeline(columns(_CODES), HistGradientBoostingClassifier(max_iter=3, **changes))


def linear() -> Any:
    return make_pipeline(columns(OneHotEncoder(handle_unknown="ignore")), LogisticRegression())


ESTIMATORS = {
    "boosting": boosted(),
    "boosting with early stopping": boosted(early_stopping=True, random_state=0),
    "calibrated, isotonic": CalibratedClassifierCV(boosted(), method="isotonic", cv=2),
    "calibrated, sigmoid": CalibratedClassifierCV(linear(), cv=2),
    "calibrated, temperature": CalibratedClassifierCV(linear(), method="temperature", cv=2),
    "boosting on categories": HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype"),
    "logistic": linear(),
    "text": make_pipeline(make_column_transformer((TfidfVectorizer(ngram_range=(1, 2)), "note")), LogisticRegression()),
    "forest": make_pipeline(columns(_CODES), RandomForestClassifier(5)),
    "gradient boosting": make_pipeline(columns(_CODES), GradientBoostingClassifier(n_estimators=3)),
    "stacked": StackingClassifier([("linear", linear()), ("boosted", boosted())], cv=2),
    "searched": GridSearchCV(linear(), {"logisticregression__C": [0.1, 1.0]}, cv=2),
    "neighbours": make_pipeline(columns(_CODES), KNeighborsClassifier()),
    "perceptron": make_pipeline(columns(_CODES), MLPClassifier((4,), max_iter=300, tol=0.1)),
    "splines": make_pipeline(make_column_transformer((SplineTransformer(), ["age"])), LogisticRegression()),
    "selected": make_pipeline(
        make_column_transformer((_NUMBERS, make_column_selector(dtype_include="number"))), LogisticRegression()
    ),
    "elementwise": make_pipeline(
        make_column_transformer((FunctionTransformer(np.log1p), ["age"])), LogisticRegression()
    ),
    "dummy": DummyClassifier(),
    "torch": TorchTabularClassifier(hidden=(8,), max_epochs=2),
    "quantity": make_pipeline(columns(_CODES), HistGradientBoostingRegressor(max_iter=3, loss="absolute_error")),
    "quantity with a long tail": TransformedTargetRegressor(
        TorchTabularRegressor(hidden=(8,), max_epochs=2), func=np.arcsinh, inverse_func=np.sinh
    ),
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    chance = np.random.default_rng(0)
    words = np.array(["broken", "bag", "lost", "camera", "late"])
    table = pd.DataFrame(
        {
            "amount": chance.normal(size=120),
            "age": chance.uniform(0, 9, 120),
            "region": chance.choice(["north", "south", "west"], 120),
            "note": [" ".join(chance.choice(words, 4)) for _ in range(120)],
        }
    )
    table.loc[::9, "amount"] = np.nan
    return table


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimator_answers_the_same_once_stored(kind: str, rows: pd.DataFrame) -> None:
    """The usual estimators, fitted, are stored with types of our list only, and predict the same afterwards."""
    if "categories" in kind:
        rows = rows[["amount", "region"]].astype({"region": "category"}).join(rows["age"])
    target = rows["age"] if "quantity" in kind else np.where(rows["age"] > 4, "pay", "deny")
    fitted = ESTIMATORS[kind].fit(rows, target)
    content, _ = to_bytes(fitted, names())
    loaded = open_model(content, names(), kind)
    ask = "predict" if "quantity" in kind else "predict_proba"
    assert np.array_equal(getattr(loaded, ask)(rows), getattr(fitted, ask)(rows))


def test_an_unlisted_function_is_refused_until_the_code_names_it(rows: pd.DataFrame) -> None:
    """A function of the user's is stored and loaded only where the user's code says so."""
    fitted = FunctionTransformer(doubled).fit(rows[["amount"]])
    with pytest.raises(UntrustedModel, match=r"doubled.*trusted="):
        to_bytes(fitted, names())
    content, _ = to_bytes(fitted, names([doubled]))
    with pytest.raises(UntrustedModel, match="doubled"):
        open_model(content, names(), "claims")
    assert open_model(content, names([f"{doubled.__module__}.doubled"]), "claims").func is doubled


def test_what_a_file_asks_for_never_runs(tmp_path: Path) -> None:
    """A file that names a function of the system is refused before anything of it is called or imported."""
    import skops.io

    content = skops.io.dumps(FunctionTransformer(os.makedirs, kw_args={"name": str(tmp_path / "it ran")}))
    with pytest.raises(UntrustedModel, match="makedirs"):
        open_model(content, names(), "claims")
    renamed = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(renamed, "w") as new:
        new.writestr("schema.json", old.read("schema.json").replace(b'"os"', b'"antigravity"'))
    with pytest.raises(UntrustedModel, match="antigravity"):
        open_model(renamed.getvalue(), names(), "claims")
    assert "antigravity" not in sys.modules
    assert not (tmp_path / "it ran").exists()


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    """Anything but a file of skops' format is `UntrustedModel`, whatever it is."""
    with pytest.raises(UntrustedModel, match=r"model.skops"):
        open_model(content, names(), "claims")


def test_a_lambda_is_refused_with_the_way_out() -> None:
    """What cannot be named cannot be stored, and the error says what to do."""
    with pytest.raises(UntrustedModel, match=r"lambda"):
        to_bytes(FunctionTransformer(lambda values: values), names())


class Forgetful:
    """Loses what it learned when it is stored."""

    learned = "nothing"

    def predict(self, rows: pd.DataFrame) -> Any:
        """The same for each row."""
        return np.full(len(rows), self.learned)


def test_an_estimator_that_forgets_is_not_registered(rows: pd.DataFrame) -> None:
    """One that answers otherwise once it was read back is refused when it is registered, also without rows."""
    fitted, stored = Forgetful(), Forgetful()
    fitted.learned = "pay"
    with pytest.raises(RegistryError, match="after it was stored"):
        refuse_forgetful(fitted, stored, rows)
    with pytest.raises(RegistryError, match="after it was stored"):
        refuse_forgetful(fitted, stored, rows.iloc[:0])
    refuse_forgetful(fitted, fitted, rows.iloc[:0])


def test_every_estimator_of_ours_is_on_the_list() -> None:
    """A new estimator of the library can be stored from its first day."""
    modules = [
        importlib.import_module(f"{estimators.__name__}.{name}")
        for _, name, _ in pkgutil.iter_modules(estimators.__path__)
    ]
    classes = [
        found
        for module in modules
        for name, found in inspect.getmembers(module, inspect.isclass)
        if found.__module__ == module.__name__ and issubclass(found, BaseEstimator) and not name.startswith("_")
    ]
    assert {f"{found.__module__}.{found.__name__}" for found in classes} <= OURS


def test_reading_models_does_not_import_torch() -> None:
    """By itself skops would import torch, which a worker that scores a boosted tree does not need."""
    code = (
        "import sys; from sklearn.dummy import DummyClassifier; from aiops_flows.registry import model_file, trusted;"
        "content, _ = model_file.to_bytes(DummyClassifier(), trusted.names());"
        "model_file.open_model(content, trusted.names(), 'claims');"
        "assert not {'torch', 'mlflow'} & set(sys.modules);"
        "import sklearn.externals.array_api_compat.torch as bridge; assert bridge.__file__"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
