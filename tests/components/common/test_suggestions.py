"""`closest` finds the name that was probably meant, and none where nothing is similar."""

from components.common.suggestions import closest, column_hint, unknown_features

STEPS = ("ExampleGen", "Transform", "Trainer", "Pusher")


def test_a_misspelt_name_has_a_closest_one() -> None:
    assert closest("Trainr", STEPS) == "Trainer"


def test_case_does_not_matter() -> None:
    assert closest("pusher", STEPS) == "Pusher"
    assert closest("EXAMPLEGEN", STEPS) == "ExampleGen"


def test_of_names_that_differ_in_case_the_equal_one_is_preferred() -> None:
    assert closest("Age", ("age", "Age")) == "Age"
    assert closest("Age", ("Age", "age")) == "Age"


def test_nothing_similar_has_no_suggestion() -> None:
    assert closest("xyz", STEPS) is None
    assert closest("xyz", ()) is None


def test_the_cutoff_is_the_least_similarity() -> None:
    assert closest("abcd", ("abxy",), cutoff=0.5) == "abxy"
    assert closest("abcd", ("abxy",), cutoff=0.6) is None
    assert closest("xyz", ("abc",), cutoff=0.0) == "abc"


def test_a_very_long_name_takes_no_time() -> None:
    assert closest("a" * 1_000_000, ["a" * 1_000_000]) is None


def test_an_unknown_feature_has_the_closest_name_or_the_known_names() -> None:
    """If no name is similar, the hint lists the first twenty in alphabetical order."""
    known = [f"x{number:02}" for number in range(25, 0, -1)]
    assert list(unknown_features(["x03", "x0 7", "weight"], known)) == [
        ("x0 7", "did you mean 'x07'?"),
        ("weight", "there are " + ", ".join(f"'x{number:02}'" for number in range(1, 21))),
    ]


def test_a_column_that_looks_the_same() -> None:
    """The accented letter is one character (NFC) or a letter and an accent (NFD); the hint shows the difference."""
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    for wanted, found in ((composed, decomposed), (decomposed, composed)):
        hint = column_hint(wanted, ["cafe", found])
        assert f"{found!r} looks the same" in hint
        assert f"{found!a} and not {wanted!a}" in hint
    assert column_hint("cafe", ["care"]) == " Did you mean 'care'?"
    assert column_hint("xyz", ["care"]) == ""
