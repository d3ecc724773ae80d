"""The section on the data."""
# ruff: noqa: RUF001 (pages contain the minus sign U+2212)

from typing import Any

from components.common.feature_auc_record import FeatureAucRecord
from components.common.scaling_record import FeatureScaling, ScalingRecord
from components.report import data_section
from components.report.blocks import Section, TableBlock, TextBlock
from components.report.run_artifacts import TrainingArtifacts


def tables(section: Section) -> dict[str, TableBlock]:
    return {block.caption: block for block in section.blocks if isinstance(block, TableBlock)}


def test_row_counts_and_reasons(sample: Any) -> None:
    """A sentence, the share of each split, the reasons with their lines, and the warnings are shown."""
    section = data_section.data(sample.run())
    assert section.blocks[0] == TextBlock(
        "1,000 rows from /data/churn.csv, 2 features, the label 'churned' ('yes' is positive); 2 rows were set aside."
    )
    found = tables(section)
    assert found["Rows by split"].rows == (
        ("train", "608", "60.7%"),
        ("eval", "189", "18.9%"),
        ("test", "203", "20.3%"),
        ("rejected", "2", "0.2%"),
    )
    assert found["Why rows were set aside: the first reasons"].rows == (
        ("1", "/data/churn.csv, line 7: expected 3 fields, found 4"),
        ("2", "line 9: <script>alert(1)</script>"),
    )
    assert TextBlock("Warning: The column <script>alert(1)</script> & co", "bad") in section.blocks


def test_statistics_of_each_feature(sample: Any) -> None:
    """Missing cells are NaN in the examples: 8 of 608 are 1.3%; 60 zeros among the 600 present values are 10%."""
    table = tables(data_section.data(sample.run()))["Statistics of the training split, 608 rows"]
    assert table.headers == (
        "feature", "missing", "mean", "std. dev.", "zeros", "min", "median", "max", "mean in eval", "mean in test",
    )  # fmt: skip
    assert table.rows[0] == (
        sample.SCRIPT, "1.3%", "41.5", "9.877", "10.0%", "−3", "40", "1,234,567", "41.5", "41.5"
    )  # fmt: skip
    assert table.rows[1][:2] == ("age", "0.0%")


def test_categorical_features(sample: Any) -> None:
    """A table of their own: 152 of 608 rows are missing; 228 and 114 of the other 456 rows are half and a quarter."""
    train = sample.statistics()
    color = train.features.add(path={"step": ["color"]})
    color.custom_stats.add(name="missing_rows", num=152)
    color.string_stats.unique = 7
    for text, rows in (("red", 228), ("<b>", 114), ("c", 50), ("d", 30), ("e", 20)):
        color.string_stats.top_values.add(value=text, frequency=rows)
    found = tables(data_section.data(sample.run(statistics={"train": train})))
    assert [row[0] for row in found["Statistics of the training split, 608 rows"].rows] == [
        sample.SCRIPT,
        "age",
    ]
    assert found["Categorical features of the training split"].rows == (
        ("color", "25.0%", "7", "red 50.0%, <b> 25.0%, c 11.0%, d 6.6%, e 4.4%, 2 more"),
    )


def test_a_weighted_table(sample: Any) -> None:
    """The weight is named and is not among the features; of a total weight of 1,520, 38 is on missing values, 2.5%."""
    train = sample.statistics()
    train.weighted_num_examples = 1520
    weights = train.features.add(path={"step": ["w"]}).num_stats
    weights.min, weights.max, weights.mean = 0.5, 5, 2.5
    for feature, present in ((train.features[0], 1482), (train.features[1], 1520)):
        stats = feature.num_stats
        stats.common_stats.weighted_common_stats.tot_num_values = 1520
        weighted = stats.weighted_numeric_stats
        weighted.mean, weighted.std_dev, weighted.median = 43.5, 8.5, 42
        histogram = weighted.histograms.add()
        histogram.buckets.add(sample_count=present - 1000)
        histogram.buckets.add(sample_count=1000)
    splits = {"train": train, "eval": train, "test": sample.statistics()}
    ingest = sample.run().ingest.model_copy(update={"weight": "w"})
    section = data_section.data(sample.run(statistics=splits, ingest=ingest))
    texts = [block.text for block in section.blocks if isinstance(block, TextBlock)]
    assert ", the label 'churned' ('yes' is positive), the weight 'w'; 2 rows" in texts[0]
    (sentence,) = [text for text in texts if text.startswith("The weights")]
    assert sentence.startswith(
        "The weights in the training split are from 0.5 to 5, with a mean of 2.5 and a sum of 1,520."
    )
    table = tables(section)["Statistics of the training split, 608 rows"]
    assert [row[0] for row in table.rows] == [sample.SCRIPT, "age"]
    assert table.rows[0][1:] == ("2.5%", "43.5", "8.5", "10.0%", "−3", "42", "1,234,567", "43.5", "41.5")
    assert table.rows[1][1] == "0.0%"


def test_anomalies(sample: Any) -> None:
    """Each anomaly has a row; without anomalies a sentence states that."""
    table = tables(data_section.data(sample.run()))["Anomalies"]
    assert table.rows == ((sample.SCRIPT, "eval", "error", "Out-of-range values", "Unexpectedly high"),)
    clean = data_section.data(sample.run(anomalies={"train": sample.anomalies()}))
    assert TextBlock("No anomalies: the data matches the schema.", "good") in clean.blocks


def test_features_that_were_clipped_far(sample: Any) -> None:
    """The section has the warning of the scaling record, if there is one."""
    far = FeatureScaling(min=0.0, max=1e9, mean=5.0, low=0.0, high=2.0, imputed=1.0)
    scaling = ScalingRecord(features={"age": far})
    section = data_section.data(sample.run(candidate=TrainingArtifacts(scaling=scaling)))
    (warning,) = scaling.warnings()
    assert TextBlock(f"Warning: {warning}", "bad") in section.blocks


def test_features_that_separate_the_classes(sample: Any) -> None:
    """The section has the warning of the record beside the statistics, if there is one."""
    record = FeatureAucRecord(negatives=50, positives=50, features={"age": 0.999})
    section = data_section.data(sample.run(feature_aucs=record))
    (warning,) = record.warnings()
    assert TextBlock(f"Warning: {warning}", "bad") in section.blocks
