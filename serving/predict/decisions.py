"""Decides positive or negative by the probability, with the values of the label."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa

from components.example_gen.cell_parsing import Array
from serving.client.predictor import Probabilities


@dataclass(frozen=True, kw_only=True)
class DecisionColumn:
    """The added column with the decisions.

    Attributes:
        name: its name.
        threshold: a probability that is at least this is decided positive; both are compared as float32.
        negative: the value of a negative decision.
        positive: the value of a positive decision.
    """

    name: str
    threshold: float
    negative: str
    positive: str

    def decide(self, probabilities: Probabilities) -> Array:
        """Returns the decisions on rows, texts [rows]."""
        positive = probabilities >= np.float32(self.threshold)
        return cast(Array, pa.array(np.where(positive, self.positive, self.negative), pa.string()))
