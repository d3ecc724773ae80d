"""Other weights of an exported network are stored beside it."""

from pathlib import Path

import numpy as np

from components.common.weight_sets import WeightSets, read_weight_sets, write_weight_sets


def arrays(*values: float) -> list[np.ndarray]:
    return [np.full((2, index + 1), value, np.float32) for index, value in enumerate(values)]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """By kind and seed, the arrays in their order, also more than ten of them."""
    sets = WeightSets(trained={43: arrays(*range(12))}, best_epoch={42: arrays(1.5, 2), 43: arrays(3)})
    write_weight_sets(str(tmp_path), sets)
    found = read_weight_sets(str(tmp_path))
    assert list(found.trained) == [43]
    assert list(found.best_epoch) == [42, 43]
    for written, read in ((sets.trained, found.trained), (sets.best_epoch, found.best_epoch)):
        for seed, weights in written.items():
            assert len(weights) == len(read[seed])
            for expected, array in zip(weights, read[seed], strict=True):
                np.testing.assert_array_equal(array, expected)
                assert array.dtype == np.float32


def test_the_seeds_are_in_ascending_order(tmp_path: Path) -> None:
    """The Evaluator pairs the networks of candidate and baseline by their position, also from seed 9 to seed 10."""
    weights = {seed: arrays(seed) for seed in (9, 10, 11)}
    write_weight_sets(str(tmp_path), WeightSets(trained=weights, best_epoch=weights))
    found = read_weight_sets(str(tmp_path))
    assert list(found.trained) == list(found.best_epoch) == [9, 10, 11]
    assert [found.best_epoch[seed][0][0, 0] for seed in found.best_epoch] == [9, 10, 11]


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    """So an artifact that is made again is the same."""
    for name in ("first", "second"):
        write_weight_sets(str(tmp_path / name), WeightSets({43: arrays(1, 2)}))
    first, second = (path.read_bytes() for path in sorted(tmp_path.rglob("*.npz")))
    assert first == second


def test_a_model_without_the_file_has_none(tmp_path: Path) -> None:
    """Models of earlier versions have no such file."""
    assert read_weight_sets(str(tmp_path)) == ({}, {})
