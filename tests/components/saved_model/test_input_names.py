import random
import subprocess
import sys

from components.saved_model.input_names import input_names

NAMES = {
    "total_day_minutes": "total_day_minutes_4",
    "total day minutes": "total_day_minutes_2",
    "total-day.minutes": "total_day_minutes_3",
    "Total_Day_minutes": "Total_Day_minutes",
    "F0": "F0",
    "f0": "f0_3",  # TensorFlow tells inputs apart without regard to case; capitals are sorted before small letters
    "f0_2": "f0_2",
    "été": "f__t_",
    "1st": "f_1st",
    "_id": "f__id",
    "": "f_",
    "class": "f_class",
    "self": "f_self",
    "None": "f_None",
    "none": "none",
    "size bytes": "size_bytes_",
    "size_bytes": "size_bytes__2",
    "_bytes": "f__bytes_",
    "bytes": "bytes",
    "bytes_": "bytes_",
}


def test_a_feature_keeps_its_name_where_it_can() -> None:
    """Otherwise a feature gets a similar name that is free."""
    assert dict(zip(NAMES, input_names(list(NAMES)), strict=True)) == NAMES


def test_the_order_of_the_features_does_not_matter() -> None:
    """The names do not depend on the order of the columns in the client's table."""
    for seed in range(10):
        shuffled = random.Random(seed).sample(list(NAMES), len(NAMES))
        assert dict(zip(shuffled, input_names(shuffled), strict=True)) == NAMES


def test_two_thousand_names_that_become_the_same() -> None:
    """All names differ, ignoring case, and none ends in `_bytes`."""
    features = [f"{chr(0x4E00 + number)}_bytes" for number in range(2000)]
    names = input_names(features)
    assert len({name.lower() for name in names}) == 2000
    assert not [name for name in names if name.endswith("_bytes")]


def test_it_needs_no_tensorflow() -> None:
    """The module imports only the standard library, so clients start quickly."""
    code = "import sys, components.saved_model.input_names; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & {"tensorflow", "numpy", "keras"}
