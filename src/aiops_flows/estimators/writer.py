"""Estimators that write texts: what makes one a writer, and the two questions that one may answer besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from sklearn.utils import Tags

__all__ = ["PointsAtTexts", "WriterMixin", "last_step"]


class WriterMixin:
    """Makes a scikit-learn estimator a writer: ``fit(X, y)`` on texts, ``predict(X)`` -> one writing a row.

    In ``fit`` and ``predict`` the frame's index is the case id. ``y`` is an object array: the text that people wrote,
    None where none is known. A writing is a ``str``; or a dict that JSON can say, whose key ``text`` holds what a
    person starts from; or None where there is nothing to say. ``predict_confidence(X)``, between 0 and 1, is optional.

    What was learned is kept in MLflow, so it must hold no words of customers: hash them, and name texts of past cases
    by their ids (`PointsAtTexts`). An estimator that may write otherwise when asked again, as generative models do,
    says so by scikit-learn's tag ``non_deterministic``: then it is not asked twice to see that it was stored whole.
    """

    def __sklearn_tags__(self) -> Tags:
        """scikit-learn's tags, with the type ``writer``; a `sklearn.pipeline.Pipeline` takes it from its last step."""
        tags: Tags = cast("Any", super()).__sklearn_tags__()
        tags.estimator_type = "writer"
        return tags


@runtime_checkable
class PointsAtTexts(Protocol):
    """A writer whose writings name texts of past cases, which the case log keeps and the step fills in."""

    def sources(self, values: Sequence[Any]) -> list[str]:
        """The texts that these writings name, as ``case:<case id>``."""
        ...

    def filled(self, values: Sequence[Any], texts: Mapping[str, str]) -> Sequence[Any]:
        """The writings with those texts, by the names that `sources` gave; personal data in them is masked."""
        ...


def last_step(estimator: Any) -> Any:
    """The last step of a pipeline, however deep; any other estimator itself."""
    steps = getattr(estimator, "steps", None)
    return last_step(steps[-1][1]) if steps else estimator
