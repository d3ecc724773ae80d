"""Reports on the trained weights: zeros, norms, histograms, and the features that the network does not use."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from components.common.formatting import percent
from components.training.network import kernels

SMALL = 1e-3
BINS = 40


def weight_report(model: keras.Model, names: Sequence[str], columns: Sequence[str] = ()) -> dict[str, Any]:
    """Returns statistics of the kernels as JSON data. Biases are not included.

    Args:
        model: a model of `build_model`.
        names: the feature of each column of the model's input: see `VectorLayout.features`.
        columns: the name of each column: see `VectorLayout.names`. Empty: those of the features.

    Returns:
        `layers`: for each layer its `name`, the number of `weights`, the fraction that is exactly `zero`, the fraction
        that is `small` (below 1e-3, zeros included), `l1_norm`, `l2_norm` and a `histogram` (`counts` between `edges`);
        `features`: each `name` with the L2 `norm` of its first-layer weights, those of all its columns; a feature of
        several columns also with their number (`columns`), and with the names of those whose weights are all 0
        (`dropped_columns`);
        `dropped`: the names of the features whose first-layer weights are all 0.
    """
    first = kernels(model)[0].weights.numpy()
    squares = np.square(first.astype(np.float64)).sum(axis=1)
    members: dict[str, list[int]] = {}
    for column, (name, _) in enumerate(zip(names, first, strict=True)):
        members.setdefault(name, []).append(column)
    features: list[dict[str, Any]] = []
    for name, at in members.items():
        feature: dict[str, Any] = {"name": name, "norm": float(np.sqrt(squares[at].sum()))}
        if len(at) > 1:
            unused = [(columns or names)[column] for column in at if not first[column].any()]
            feature |= {"columns": len(at), "dropped_columns": unused}
        features.append(feature)
    return {
        "layers": [_layer(kernel.layer, kernel.weights.numpy()) for kernel in kernels(model)],
        "features": features,
        "dropped": [name for name, at in members.items() if not first[at].any()],
    }


def zero_share(report: dict[str, Any]) -> float:
    """Returns the fraction of all weights that is exactly 0."""
    zeros = sum(layer["zero"] * layer["weights"] for layer in report["layers"])
    return float(zeros / sum(layer["weights"] for layer in report["layers"]))


def sparsity_line(report: dict[str, Any]) -> str | None:
    """Returns "12 of 20 features kept; 63% of the weights are zero", or None if no weight is exactly 0."""
    share = zero_share(report)
    if not share:
        return None
    features = len(report["features"])
    kept = features - len(report["dropped"])
    return f"{kept} of {features} features kept; {percent(share, 0)} of the weights are zero"


def _layer(name: str, weights: Any) -> dict[str, Any]:
    flat = weights.ravel().astype(np.float64)
    counts, edges = np.histogram(flat, bins=BINS)
    return {
        "name": name,
        "weights": flat.size,
        "zero": float(np.mean(flat == 0)),
        "small": float(np.mean(np.abs(flat) < SMALL)),
        "l1_norm": float(np.abs(flat).sum()),
        "l2_norm": float(np.sqrt((flat**2).sum())),
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
    }
