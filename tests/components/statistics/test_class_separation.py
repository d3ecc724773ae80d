"""How well one feature separates more than two classes: against scikit-learn, by hand, and by chance."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from components.common.feature_auc_record import LEAK_AUC
from components.statistics.class_sample import ClassSample
from components.statistics.class_separation import feature_separations, separation, text_separations
from components.statistics.columns import Columns

Numbers = np.ndarray
CLASSES = ("a", "b", "c")
NUMBER_COLUMNS = Columns(("x", "label"), "label", classes=CLASSES)


def sampled(columns: Columns, values: Numbers, texts: Numbers | None = None, parts: int = 1) -> ClassSample:
    """Samples a table, float32 [columns, rows], in parts that are merged."""
    samples = []
    for part in np.array_split(np.arange(values.shape[1]), parts):
        samples.append(columns.sample())
        keys = np.random.default_rng([0, len(samples)]).random(part.size)
        samples[-1].add(values[:, part].astype(np.float32), keys, None if texts is None else texts[:, part])
    return ClassSample.merge(samples)


def lowest_pair(values: Numbers, labels: Numbers, weights: Numbers | None = None) -> float:
    """Returns the lowest AUC of any two classes, in the direction that is above 0.5, as scikit-learn computes it."""
    found = []
    for pair in itertools.combinations(np.unique(labels), 2):
        kept = np.isin(labels, pair)
        given = None if weights is None else weights[kept]
        auc = roc_auc_score(labels[kept] == pair[1], values[kept], sample_weight=given)
        found.append(max(auc, 1 - auc))
    return float(min(found))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
def test_the_lowest_auc_of_two_classes(seed: int, weighted: bool) -> None:
    """Classes that are shifted, in any order of their numbers, with ties: as if all pairs were compared."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, 3_000)
    shift = random.permutation(4) * random.uniform(0.8, 3)
    values = np.round(random.normal(size=3_000) + shift[labels], 1)
    weights = random.integers(1, 5, 3_000).astype(float) if weighted else None
    by_class = [values[labels == code].astype(np.float32) for code in range(4)]
    ones = np.ones(3_000) if weights is None else weights
    found = separation(by_class, [ones[labels == code] for code in range(4)])
    assert found == pytest.approx(lowest_pair(values.astype(np.float32), labels, weights), abs=1e-9)


def test_a_column_that_names_the_class() -> None:
    """Also in another order of its codes; not if two of three classes have the same code, and not if it is missing."""
    labels = np.arange(300) % 3
    for codes, expected in (([7, 5, 6], 1.0), ([1, 1, 2], 0.5)):
        sample = sampled(NUMBER_COLUMNS, np.array([np.array(codes)[labels], labels]), parts=4)
        assert feature_separations(sample, [0]) == [expected]
    missing = np.where(labels == 2, np.nan, labels)
    assert feature_separations(sampled(NUMBER_COLUMNS, np.array([missing, labels])), [0]) == [1.0]
    assert feature_separations(sampled(NUMBER_COLUMNS, np.array([np.full(300, np.nan), labels])), [0]) == [
        None
    ]


def test_a_rare_class_is_left_out() -> None:
    """Nine rows could be separated by chance, or not."""
    labels = np.array([0] * 50 + [1] * 50 + [2] * 9)
    values = np.where(labels == 2, 0, labels)
    assert feature_separations(sampled(NUMBER_COLUMNS, np.array([values, labels])), [0]) == [1.0]


def test_texts() -> None:
    """A text that names the class, one that names one of three classes, one that occurs once, and a random one."""
    random = np.random.default_rng(1)
    labels = np.arange(3_000) % 3
    columns = Columns(("label",), "label", classes=CLASSES, categorical=("p", "q", "r", "s"))
    texts = np.array(
        [
            [[b"red", b"", b"blue"][code] for code in labels],
            [b"x" if code == 1 else b"" for code in labels],
            [f"id {row}".encode() for row in range(3_000)],
            random.choice([b"u", b"v", b"w"], 3_000).tolist(),
        ],
        object,
    )
    for parts in (1, 7):
        names, one, once, by_chance = text_separations(sampled(columns, labels[None], texts, parts))
        assert (names, one, once) == (1.0, 0.5, 0.5)
        # Six standard errors of an AUC of 0.5 on 1,000 and 1,000 rows.
        assert by_chance == pytest.approx(0.5, abs=6 * (1 / 6_000) ** 0.5)


def test_a_leak_of_texts_with_a_few_wrong_rows() -> None:
    """One row in a hundred has the text of another class: as good as the number of the class that the text names."""
    labels = np.arange(3_000) % 3
    shown = np.where(np.arange(3_000) // 3 % 100 == 0, (labels + 1) % 3, labels)
    texts = np.array([[str(code).encode() for code in shown]], object)
    columns = Columns(("label",), "label", classes=CLASSES, categorical=("p",))
    (found,) = text_separations(sampled(columns, labels[None], texts))
    assert found == pytest.approx(lowest_pair(shown, labels), abs=1e-9)


def test_no_false_alarm_by_chance() -> None:
    """Of 2,000 features without any relation to ten classes of 12 rows, none is above the limit of a leak."""
    random = np.random.default_rng(2)
    ones = [np.ones(12)] * 10
    for _ in range(2_000):
        found = separation([random.normal(size=12).astype(np.float32) for _ in range(10)], ones)
        assert found is not None
        assert found < LEAK_AUC


def test_classes_share_the_memory_of_two() -> None:
    """With 100 classes and 21 columns, 100 rows of each are kept."""
    columns = Columns((*map(str, range(20)), "label"), "label", classes=tuple(map(str, range(100))))
    values = np.zeros((21, 30_000))
    values[-1] = np.arange(30_000) % 100
    sample = sampled(columns, values, parts=3)
    assert {sample.rows(code).shape for code in range(100)} == {(21, 100)}
