"""Which types a model file may need: our own list, never the file's.

A model file in skops' format names the types it is made of. skops itself takes scikit-learn's public estimators, its
loss functions, and the types and elementwise functions of numpy and scipy; this list adds what the fitted forms of
common estimators need besides, and the estimators of this library. Nothing is trusted by a prefix: the module path
``sklearn.something`` reaches whatever that module has imported itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["OURS", "Trusted", "names"]

Trusted = Iterable[str | Callable[..., Any]]
"""Further types or functions that a model may need: the objects themselves, or ``"package.module.Name"``."""

_SKLEARN = """
    calibration._CalibratedClassifier
    calibration._SigmoidCalibration
    calibration._TemperatureScaling
    compose._column_transformer._RemainderColsList
    compose._column_transformer.make_column_selector
    ensemble._hist_gradient_boosting.predictor.TreePredictor
    gaussian_process.kernels.CompoundKernel
    gaussian_process.kernels.ConstantKernel
    gaussian_process.kernels.DotProduct
    gaussian_process.kernels.ExpSineSquared
    gaussian_process.kernels.Matern
    gaussian_process.kernels.Product
    gaussian_process.kernels.RBF
    gaussian_process.kernels.RationalQuadratic
    gaussian_process.kernels.Sum
    gaussian_process.kernels.WhiteKernel
    metrics._classification.balanced_accuracy_score
    metrics._dist_metrics.EuclideanDistance64
    metrics._dist_metrics.ManhattanDistance64
    metrics._dist_metrics.MinkowskiDistance64
    metrics._scorer._CurveScorer
    metrics._scorer._PassthroughScorer
    metrics._scorer._Scorer
    model_selection._split.KFold
    model_selection._split.StratifiedKFold
    model_selection._split.TimeSeriesSplit
    neighbors._ball_tree.BallTree
    neighbors._kd_tree.KDTree
    neural_network._stochastic_optimizers.AdamOptimizer
    neural_network._stochastic_optimizers.SGDOptimizer
    tree._tree.Tree
    utils._bunch.Bunch
    utils._metadata_requests.MetadataRequest
    utils._metadata_requests.MethodMetadataRequest
    utils.validation.check_array
"""

_OURS = """
    boosted_series.BoostedForecaster
    chat_endpoint.ChatEndpoint
    forecaster.Forecaster
    generated_summaries.GenerativeSummary
    knowledge.KnowledgeBase
    labels.LabelCodes
    labels.LabelParts
    local_model.LocalModel
    moments.ElapsedDays
    moments.MomentParts
    prompts.Prompt
    quantile_regressor.QuantileRegressor
    past_replies.PastReplies
    replies.CommonReply
    replies.ReplySearch
    seasonal_naive.SeasonalNaive
    sparse_text.SparseTextClassifier
    text_classes.TextClassifier
    spread.RegressorWithSpread
    statistical.StatisticalForecaster
    summaries.ExtractiveSummary
    summaries.LeadSummary
    summaries.LongestTurn
    thread_match.ThreadMatch
    torch_series.TorchForecaster
    torch_tabular.TorchTabularClassifier
    torch_tabular.TorchTabularRegressor
    torch_text.TorchTextClassifier
    windows.WindowParts
"""

OURS: frozenset[str] = frozenset(
    {
        "functools.partial",  # what it calls must be on the list as well
        "numpy.dtype",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "scipy.interpolate._bsplines.BSpline",
        "scipy.sparse._csr.csr_matrix",  # read by scipy.sparse.load_npz, without pickle
        *(f"sklearn.{name}" for name in _SKLEARN.split()),
        *(f"aiops_flows.estimators.{name}" for name in _OURS.split()),
    }
)
"""The types a model file may need beyond those that skops takes by itself."""


def names(more: Trusted = ()) -> frozenset[str]:
    """Our list, and the types or functions that the caller's code adds to it."""
    return OURS | {item if isinstance(item, str) else f"{item.__module__}.{item.__name__}" for item in more}
