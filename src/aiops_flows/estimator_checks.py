"""What an estimator must be able to do before anything is trained: its kind, and the probability of its answers."""

from __future__ import annotations

from typing import Any

from aiops_flows.errors import UseCaseError

__all__ = ["estimator_type", "last_step", "probabilities_missing"]


def last_step(estimator: Any) -> Any:
    """The estimator, or the last step of a scikit-learn Pipeline: the one that predicts."""
    steps = getattr(estimator, "steps", None)
    return last_step(steps[-1][1]) if steps else estimator


def estimator_type(estimator: Any) -> str | None:
    """What scikit-learn's tags say an estimator is: ``classifier``, ``regressor``, ``writer``, or another kind.

    Raises:
        UseCaseError: scikit-learn cannot read its tags.
    """
    from sklearn.utils import get_tags

    try:
        found: str | None = get_tags(estimator).estimator_type
    except (AttributeError, TypeError, ValueError) as fault:  # of an estimator made for another scikit-learn
        raise UseCaseError(
            f"scikit-learn cannot read what kind of estimator {type(last_step(estimator)).__name__} is "
            f"({type(fault).__name__}: {fault}). It needs __sklearn_tags__: install the release of its package that "
            "supports your scikit-learn, or inherit from ClassifierMixin (or RegressorMixin) before BaseEstimator"
        ) from fault
    return found


def probabilities_missing(estimator: Any) -> str:
    """Why a classifier gives no probabilities, and the way out; empty where it gives them.

    It may be fitted or not.
    """
    if hasattr(estimator, "predict_proba") or _known_after_training(last_step(estimator)):
        return ""
    last = last_step(estimator)
    name = type(last).__name__
    return f"{name} has no predict_proba{_why(last)}, and gates, certificates and reviews need it: {_way_out(last)}"


def _known_after_training(last: Any) -> bool:
    """Whether scikit-learn names no method before the training: a stack whose last estimator is the default."""
    return type(last).__name__ == "StackingClassifier" and last.final_estimator is None


def _why(last: Any) -> str:
    """What the estimator itself says of it, where it says more than that the method is missing."""
    try:
        last.predict_proba  # noqa: B018  asked for its error
    except AttributeError as fault:
        said = " ".join(str(fault.__cause__ or "").split())
        return f" ({said})" if said and "has no attribute" not in said else ""
    return ""


def _way_out(last: Any) -> str:
    name = type(last).__name__
    if name == "VotingClassifier":
        return "give it voting='soft', with estimators that all have predict_proba"
    if hasattr(last, "decision_function"):
        return f"wrap it in CalibratedClassifierCV: CalibratedClassifierCV({name}(...)), from sklearn.calibration"
    return (
        "choose a classifier with predict_proba, or give it a decision_function and wrap it in CalibratedClassifierCV"
    )
