"""The statistics of categorical columns, compared with counts by hand."""

import numpy as np
import pytest

from components.statistics import text_counts
from components.statistics.column_summary import ColumnSummary
from components.statistics.protos import to_proto
from components.statistics.text_counts import TextCounts

TEXTS = np.array([b"b", b"", "größe".encode(), b"b", b"a", b"a", b""], object)
WEIGHTS = np.array([1, 9, 2, 1, 0.5, 0.5, 9], np.float32)


def counts(texts: np.ndarray, weights: np.ndarray | None = None) -> TextCounts:
    found = TextCounts()
    found.add(texts, weights)
    return found


def test_parts_of_a_column() -> None:
    """Merged counts are those of all rows; missing values are counted apart."""
    merged = counts(TEXTS[:3], WEIGHTS[:3])
    merged.merge(counts(TEXTS[3:], WEIGHTS[3:]))
    whole = counts(TEXTS, WEIGHTS)
    for found in (merged, whole):
        assert found.rows == {b"a": 2, b"b": 2, "größe".encode(): 1}
        assert found.weights == {b"a": 1.0, b"b": 2.0, "größe".encode(): 2.0}
        assert found.missing == 2
    assert whole.most_frequent() == [b"a", b"b", "größe".encode()]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One text more than the limit is counted, which the gate refuses; known and missing texts are still counted."""
    monkeypatch.setattr(text_counts, "MAX_TEXTS", 3)
    texts = np.array([b"a", b"b", b"c", b"d", b"e", b"a", b""], object)
    found = counts(texts)
    found.merge(counts(np.array([b"f", b"a", b"d"], object)))
    assert len(found.rows) == 4
    assert found.rows[b"a"] == 3
    assert found.missing == 1
    assert set(found.weights) == set(found.rows)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_proto(weights: np.ndarray | None) -> None:
    """The features are in the order of their names; texts with their rows, and with their weights if there are any."""
    numbers = np.stack([np.zeros(7, np.float32), np.ones(7, np.float32)])
    summary = ColumnSummary.of(numbers, weights)
    [split] = to_proto(summary, ["a", "y"], "y", {"color": counts(TEXTS, weights)}).datasets
    assert [feature.path.step[0] for feature in split.features] == ["a", "color", "y"]
    color = split.features[1]
    assert color.type == color.STRING
    assert [(own.name, own.num) for own in color.custom_stats] == [("missing_rows", 2)]
    stats = color.string_stats
    assert (stats.common_stats.num_non_missing, stats.unique) == (7, 3)
    assert stats.avg_length == pytest.approx((1 + 1 + 1 + 1 + 5) / 5)
    assert [(top.value, top.frequency) for top in stats.top_values] == [("a", 2), ("b", 2), ("größe", 1)]
    assert [(at.low_rank, at.label, at.sample_count) for at in stats.rank_histogram.buckets] == [
        (0, "a", 2), (1, "b", 2), (2, "größe", 1),
    ]  # fmt: skip
    assert stats.HasField("weighted_string_stats") is (weights is not None)
    own = [(top.value, top.frequency) for top in stats.weighted_string_stats.top_values]
    assert own == ([] if weights is None else [("a", 1), ("b", 2), ("größe", 2)])
