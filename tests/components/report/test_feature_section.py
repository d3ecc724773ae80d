"""The section on the features: their importance and their weights in the first layer."""
# ruff: noqa: RUF001 (the report writes a real minus sign, which screen readers read out)

from typing import Any

from components.report import feature_section
from components.report.blocks import Chart, ChartInterval, TableBlock, TextBlock


def test_importance_beside_the_weights(sample: Any) -> None:
    """The most important feature is first, in the chart and in the table; the table has kept, dropped and norms."""
    about, chart, table = feature_section.features(sample.run()).blocks
    assert isinstance(about, TextBlock)
    assert (
        "Measured on the 203 rows of the test split with the exported model, as the mean over 5 perm"
        in about.text
    )
    assert isinstance(chart, Chart)
    assert chart.levels == ("age", "2 <script>alert(…")
    assert chart.intervals[0] == ChartInterval(0.125, low=0.115, high=0.135, finding="candidate")
    assert isinstance(table, TableBlock)
    assert table.rows == (
        ("age", "+0.1250", "+0.1150 to +0.1350", "kept", "1.2500", "1.2500", "0%"),
        (sample.SCRIPT, "−0.0020", "−0.0120 to +0.0080", "dropped", "0.0000", "0.5000", "100%"),
    )


def test_a_missing_indicator_has_no_importance_of_its_own(sample: Any) -> None:
    """It was permuted with its feature; its row has only the norms, and comes last."""
    weights = sample.weights(0.0)
    weights["features"].append({"name": "age missing", "norm": 2.0})
    run = sample.run(candidate=sample.TrainingArtifacts([], weights))
    table = feature_section.features(run).blocks[-1]
    assert isinstance(table, TableBlock)
    assert table.rows[-1] == ("age missing", "", "", "kept", "2.0000", "none", "-")


def test_a_categorical_feature(sample: Any) -> None:
    """A feature that is kept names the categories that are dropped; one that is dropped whole names none."""
    weights = sample.weights(0.0, dropped=("city",))
    weights["features"] = [
        {"name": "plan", "norm": 2.0, "columns": 3, "dropped_columns": ["plan=b", "plan other"]},
        {"name": "color", "norm": 1.0, "columns": 2, "dropped_columns": []},
        {"name": "city", "norm": 0.0, "columns": 1, "dropped_columns": ["city=x"]},
    ]
    run = sample.run(candidate=sample.TrainingArtifacts([], weights))
    table, categories = feature_section.features(run).blocks[-2:]
    assert isinstance(table, TableBlock)
    assert [(row[0], row[3]) for row in table.rows] == [
        ("plan", "kept, 1 of 3 categories"),
        ("color", "kept"),
        ("city", "dropped"),
    ]
    assert isinstance(categories, TableBlock)
    assert categories.rows == (("plan", "3", "plan=b, plan other"),)


def test_a_run_without_importance(sample: Any) -> None:
    """As one of an earlier version: the features are ordered by their norms."""
    section = feature_section.features(sample.run(importance=None))
    about, table = section.blocks
    assert about == TextBlock("The importance of the features was not measured.", "quiet")
    assert isinstance(table, TableBlock)
    assert [row[:3] for row in table.rows] == [("age", "", ""), (sample.SCRIPT, "", "")]
    assert section.summary == "2 features"


def test_many_features(sample: Any) -> None:
    """The chart has the first 20; the table is collapsed from 51 rows on; a sample and what was left out are told."""
    names = [f"f{number}" for number in range(51)]
    report = sample.weights(0.0) | {"features": [{"name": name, "norm": 1.0} for name in names]}
    importance = sample.importance().model_copy(
        update={
            "features": tuple(
                sample.importance().features[0].model_copy(update={"feature": n}) for n in names
            ),
            "sampled_from": 100_000,
            "left_out": 3,
        }
    )
    run = sample.run(candidate=sample.TrainingArtifacts([], report), importance=importance)
    about, chart, table = feature_section.features(run).blocks
    assert isinstance(about, TextBlock)
    assert "a uniform sample of 203 of the 100,000 rows of the test split" in about.text
    assert about.text.endswith(
        "The 3 features with the smallest weights in the first layer were not measured."
    )
    assert isinstance(chart, Chart)
    assert chart.title == "Permutation importance of the first 20 features"
    assert chart.levels == tuple(names[:20])
    assert isinstance(table, TableBlock)
    assert (
        table.summary
        == "Features by importance, and the norm of their weights in the first layer: 51 features"
    )
