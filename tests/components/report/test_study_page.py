"""The page of a study: each of its sections, escaping and size."""

import re
from typing import Any

import pytest

from components.common.ingest_record import FileCounts, IngestRecord, RowCounts
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from components.report import study_page as page
from components.report.blocks import Chart, Section, TableBlock, TextBlock
from components.report.html import render_page
from components.report.regularization_paths import penalty_path
from components.study.study_record import (
    SplitMetrics,
    StudyEntry,
    StudyMetrics,
    StudyRecord,
    TrainingResult,
    diverged_result,
)
from components.study.variants import Variant, plan_study
from components.tasks.binary import BINARY, LOG_LOSS

SCRIPT = "<script>alert(1)</script>"
MODEL, TRAINING = ModelConfig(l1=1e-4, l2=1e-3, dropout=0.2), TrainingConfig(epochs=4, early_stopping=1)
# Validation log loss by network; it is 0.5 for all others. The training log loss is always 0.25.
LOSSES = {"none": 0.625, "l1 = 0.00032": 0.375, "all": 0.4375}


def result(name: str) -> TrainingResult:
    """Results of a training. Those with exact zeros drop a feature whose name is a script."""
    exact = name in ("L1, proximal", "l1 = 0.00032")
    return TrainingResult(
        train=SplitMetrics(loss=0.25, score=0.9, further=0.875),
        validation=SplitMetrics(loss=LOSSES.get(name, 0.5), score=0.8, further=0.75),
        zero=0.5 if exact else 0.0,
        l1_norm=1234.5,
        l2_norm=6.25,
        features=2,
        dropped=(SCRIPT,) if exact else (),
        seconds=1.5,
        training_curve=(0.7, 0.5, 0.4),
        validation_curve=(0.6, 0.4375, 0.5),
    )


def entries(variants: tuple[Variant, ...]) -> tuple[StudyEntry, ...]:
    return tuple(StudyEntry(**variant._asdict(), result=result(variant.name)) for variant in variants)


def study(**changes: Any) -> StudyRecord:
    planned = plan_study(MODEL, TRAINING, 3)
    record = StudyRecord(
        id="20261120T120000.000000Z",
        config={"name": "churn", "model": MODEL.model_dump(mode="json"), "data": {"label": SCRIPT}},
        metrics=StudyMetrics.of(BINARY, LOG_LOSS),
        ingest=IngestRecord(
            rows=RowCounts(train=608, eval=189, test=203, rejected=2),
            features=(SCRIPT, "age"),
            label=SCRIPT,
            negative_label="no",
            positive_label="yes",
            files=(FileCounts(path="/data/churn.csv", rows=1000, rejected=2),),
            reasons=(f"line 9: {SCRIPT}",),
            digest="0123",
        ),
        facts={
            "run_id": "20261120T120000.000000Z",
            "versions": {"keras": "3"},
            "code": {"Study": "0123abcd"},
        },
        notes=planned.notes,
        trained=15,
        known=2,
        family=entries(planned.family),
        paths={name: entries(variants) for name, variants in planned.paths.items()},
        settings=("model.l1=0.00032", "model.hidden_units=[4, 2]"),
    )
    return record.model_copy(update=changes)


def texts(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, TextBlock)]


def tables(section: Section) -> dict[str, TableBlock]:
    return {block.caption: block for block in section.blocks if isinstance(block, TableBlock)}


def charts(section: Section) -> dict[str, Chart]:
    return {block.id: block for block in section.blocks if isinstance(block, Chart)}


def test_the_order_of_the_sections() -> None:
    """Each path has a section; a study without paths has none of them."""
    ids = [section.id for section in page.sections(study())]
    assert ids == [
        "finding",
        "family",
        "curves",
        "path-l1",
        "path-l2",
        "path-dropout",
        "data",
        "configuration",
        "lineage",
    ]
    without = study(paths={})
    assert [s.id for s in page.sections(without)] == [
        "finding",
        "family",
        "curves",
        "data",
        "configuration",
        "lineage",
    ]


def test_the_finding() -> None:
    """The best network, its gap, a caution, how to train it, and how many networks were trained."""
    result, gap, caution, command, trained = texts(page.finding(study()))
    assert result == (
        "L1 = 0.00032 has the lowest validation log loss of 17 networks: 0.3750, against 0.6250 without "
        "regularization."
    )
    assert "+0.1250 for l1 = 0.00032 and +0.3750 without regularization" in gap
    assert "The lowest of 17 losses on 189 rows" in caution
    assert "the test split" in caution
    assert "`regpipe run`" in command
    assert command.endswith("`--set model.l1=0.00032 --set 'model.hidden_units=[4, 2]'`.")
    assert trained == "15 networks were trained in this study, 2 in earlier studies."


def test_no_regularization_is_best() -> None:
    """The page states it, and does not highlight the sentence as good."""
    record = study(paths={}, family=study().family[:2])
    better = record.none.model_copy(update={"result": result("l1 = 0.00032")})
    record = record.model_copy(update={"family": (better, record.family[1]), "settings": (), "trained": 0})
    (first, *_) = page.finding(record).blocks
    assert first == TextBlock(
        "No regularized network has a lower validation log loss than the one without regularization, 0.3750."
    )
    assert texts(page.finding(record))[-1] == "All 2 networks were trained in earlier studies."


def test_every_training_diverges() -> None:
    """There is no best network; the page shows the reasons."""
    lost = tuple(
        e.model_copy(update={"result": diverged_result(2, "the loss is inf", 1.0)}) for e in study().family
    )
    paths = {"l1": tuple(e.model_copy(update={"result": lost[0].result}) for e in study().paths["l1"])}
    record = study(family=lost, paths=paths, settings=())
    assert page.result_sentence(record).startswith("Every training diverged: ")
    assert texts(page.learning_curves(record)) == ["No training completed an epoch."]
    assert "none: the loss is inf" in texts(page.family(record))
    assert texts(penalty_path(record, "l1")) == ["Every training diverged."]
    assert ">NaN</td>" in page.render(record)


def test_the_family_table() -> None:
    """Each network has a row with formatted numbers."""
    table = tables(page.family(study()))["The family on the training and validation splits"]
    assert [row[0] for row in table.rows] == [
        "none", "L1, gradient", "L1, proximal", "L2", "elastic net", "dropout", "weight decay", "early stopping", "all",
    ]  # fmt: skip
    assert dict(zip(table.headers, table.rows[2], strict=True)) == {
        "network": "L1, proximal",
        "training log loss": "0.2500",
        "validation log loss": "0.5000",
        "gap": "+0.2500",
        "training AUC": "0.9000",
        "validation AUC": "0.8000",
        "validation accuracy": "0.7500",
        "weights at 0": "50.0%",
        "features kept": "1 of 2",
        "L1 norm": "1,234.5",
        "L2 norm": "6.25",
        "epochs": "3",
    }


def test_the_settings_of_each_network() -> None:
    table = tables(page.family(study()))["Settings of each network"]
    assert table.rows[2] == ("L1, proximal", "0.0001", "0", "0", "0", "0", "off", "proximal_adam")
    assert table.rows[8] == ("all", "0.0001", "0.001", "0", "0.2", "0", "1 epoch", "proximal_adam")


def test_the_best_network_is_highlighted() -> None:
    """It is highlighted on its path, and also in the family if the same network is in both."""
    record = study()
    (by_strength,) = (
        t for c, t in tables(penalty_path(record, "l1")).items() if c.startswith("By the strength")
    )
    assert by_strength.good_rows == (2,)
    assert by_strength.rows[2][:4] == ("0.00032", "0.2500", "0.3750", "+0.1250")
    assert by_strength.rows[0][:4] == ("0", "0.2500", "0.6250", "+0.3750")
    family = list(record.family)
    family[2] = family[2].model_copy(update={"result": record.paths["l1"][1].result})
    both = study(family=tuple(family))
    assert tables(page.family(both))["The family on the training and validation splits"].good_rows == (2,)


def test_the_chart_of_losses_and_gaps() -> None:
    """Each network has two dots, training and validation; the text names the largest gap."""
    chart = charts(page.family(study()))["losses"]
    training, validation = chart.dots
    assert chart.levels[0] == "none"
    assert training.x == (0.25,) * 9
    assert validation.x == (0.625, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4375)
    assert "The largest gap is that of none, +0.3750." in chart.text


def test_the_learning_curves_have_the_same_axes() -> None:
    """Each network of the family has a chart; the epoch that early stopping restored is marked."""
    found = list(charts(page.learning_curves(study())).values())
    assert len(found) == 9
    assert {chart.x_range for chart in found} == {(0.0, 4.0)}
    assert {chart.y_range for chart in found} == {(0.0, 0.7 * 1.02)}
    assert found[0].lines[1].y == (0.6, 0.4375, 0.5)
    assert [chart.mark for chart in found] == [None] * 7 + [(2.0, "epoch 2")] * 2
    assert found[8].text == (
        "Training ends at 0.4000, validation at 0.5000; its lowest is 0.4375, in epoch 2, whose weights were restored."
    )


def test_a_regularization_path() -> None:
    """The strength has a logarithmic axis, on which the configured strength is marked."""
    section = penalty_path(study(), "l1")
    assert texts(section) == [
        "Used alone, l1 gives the lowest validation log loss at 0.00032: 0.3750, below the 0.6250 without "
        "regularization. The gap is +0.1250 instead of +0.3750. 50.0% of its weights are exactly 0."
    ]
    found = charts(section)
    assert list(found) == ["l1-loss", "l1-score", "l1-zeros", "l1-norm"]
    training, validation, none = found["l1-loss"].lines
    assert (training.x, training.y) == ((1e-5, 3.2e-4, 1e-2), (0.25, 0.25, 0.25))
    assert validation.y == (0.5, 0.375, 0.5)
    assert none.y == (0.625, 0.625)
    assert found["l1-loss"].mark == (1e-4, "configured: 0.0001")
    assert [line.y for line in found["l1-zeros"].lines] == [(0, 0.5, 0), (0, 0.5, 0)]
    assert all(chart.log_x for chart in found.values())


def test_a_path_without_zeros_has_no_chart_of_zeros() -> None:
    """Dropout makes no weights 0. Its axis is linear, and the configured rate is marked."""
    found = charts(penalty_path(study(), "dropout"))
    assert list(found) == ["dropout-loss", "dropout-score", "dropout-norm"]
    assert not any(chart.log_x for chart in found.values())
    assert found["dropout-loss"].mark == (0.2, "configured: 0.2")


@pytest.mark.parametrize("configured", [[0.1, 0.0, 0.0], 0.0, 0.5])
def test_a_strength_outside_the_axis_is_not_marked(configured: Any) -> None:
    """The configuration has one strength per layer, or none, or one beyond the end of the path."""
    record = study(config={"model": {"l1": configured}})
    assert charts(penalty_path(record, "l1"))["l1-loss"].mark is None


def test_scripts_in_names_are_escaped() -> None:
    """In a dropped feature, the label and a reason the name is text, and never an HTML element."""
    html = page.render(study())
    assert SCRIPT not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


def test_a_long_list_of_dropped_features_is_shortened() -> None:
    """2,000 names at each strength would make the page large."""
    record = study()
    lost = record.paths["l1"][0].result.model_copy(update={"dropped": tuple(f"f{n}" for n in range(2_000))})
    entry = record.paths["l1"][0].model_copy(update={"result": lost})
    table = tables(penalty_path(study(paths={"l1": (entry,)}), "l1"))[
        "Dropped features: all their weights in the first layer are 0"
    ]
    assert str(table.rows[0][1]).endswith(", f49 and 1,950 more")


def test_the_page_of_a_very_large_study() -> None:
    """50 strengths and 100,000 epochs give less than 6 MB."""
    curve = tuple(1 / (number + 1.0) for number in range(100_000))
    record = study()
    long = tuple(
        e.model_copy(
            update={
                "result": e.result.model_copy(update={"training_curve": curve, "validation_curve": curve})
            }
        )
        for e in record.family
    )
    planned = plan_study(MODEL, TRAINING, 50)
    paths = {name: entries(variants) for name, variants in planned.paths.items()}
    html = page.render(study(family=long, paths=paths))
    assert len(html.encode()) < 6_000_000


def test_the_same_study_gives_the_same_page() -> None:
    assert page.render(study()) == page.render(study())


def test_every_chart_has_a_description_and_a_unique_id() -> None:
    html = page.render(study())
    drawn = re.findall(r'data-chart="([^"]+)"', html)
    assert len(drawn) == len(set(drawn)) == 1 + 9 + 4 + 3 + 3
    for name in drawn:
        assert f'<figcaption id="{name}-text">' in html


def test_commands_are_code() -> None:
    """On the page, no backtick is left, and text from the data is escaped also between backticks."""
    html = page.render(study())
    body = html[html.index("<main") : html.index("</main>")]
    assert "<code>regpipe run</code>" in body
    assert "`" not in body
    blocks = (TextBlock("a `<b>` c"),)
    assert '<p class="plain headline">a <code>&lt;b&gt;</code> c</p>' in render_page(
        "t", (Section("s", "S", blocks),)
    )
