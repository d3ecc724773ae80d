"""The configuration has the values of the file and of the overrides."""

from pathlib import Path

import pytest

from components.config.model import ModelConfig
from components.config.regularization import DROPOUT, L1, L2
from components.config.training import TrainingConfig
from pipeline_def.config.load import Flag, PipelineConfig, load_config


def loaded(tmp_path: Path, text: str, *overrides: str | Flag) -> PipelineConfig:
    path = tmp_path / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, overrides)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "model:\ndata:\n  split:\n", "null"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text) == PipelineConfig() == load_config(None)


@pytest.mark.parametrize(
    ("written", "value"),
    [("1e-3", 0.001), ("1E3", 1000.0), ("+.5", 0.5), ("1.", 1.0), ("7", 7.0), ("010", 10.0), ("0x10", 16.0)],
)
def test_numbers_follow_yaml_1_2(tmp_path: Path, written: str, value: float) -> None:
    """In YAML 1.1, 1e-3 is text and 010 is eight."""
    assert loaded(tmp_path, f"model: {{l1: {written}}}").model.l1 == value
    assert load_config(None, [f"model.l1={written}"]).model.l1 == value


@pytest.mark.parametrize("text", ["yes", "no", "1", "1.0", "true", "on", "0x1F", "2024-01-01", "1:30", "1e3"])
def test_text_keys_keep_the_text_as_written(tmp_path: Path, text: str) -> None:
    config = loaded(tmp_path, f"data:\n  positive_label: {text}\n  label: {text}\n  ignore: [a, x{text}]\n")
    assert (config.data.positive_label, config.data.label) == (text, text)
    assert load_config(None, [f"data.positive_label={text}"]).data.positive_label == text
    assert load_config(None, [f"data.ignore=[{text}]"]).data.ignore == (text,)


@pytest.mark.parametrize(
    "text", ["[x]", "a: b", "a #1", "C:\\t.csv", "{a}", "a=b", "*", "&x", "- x", "'", " x ", "!x", "%"]
)
def test_overrides_of_text_keys_are_taken_literally(text: str) -> None:
    assert load_config(None, [f"data.label={text}"]).data.label == text


def test_quotes_and_null_in_overrides() -> None:
    assert load_config(None, ['data.delimiter="\\t"']).data.delimiter == "\t"
    assert load_config(None, ["data.label='null'"]).data.label == "null"
    assert load_config(None, ["data.positive_label=null"]).data.positive_label is None
    assert load_config(None, ["data.positive_label="]).data.positive_label is None


def test_flags_keep_quotes() -> None:
    assert load_config(None, [Flag("--label", "data.label", "'null'")]).data.label == "'null'"


def test_null_in_a_list_of_texts_is_a_text(tmp_path: Path) -> None:
    assert loaded(tmp_path, "data: {missing_values: [null, NA, ~]}").data.missing_values == (
        "null",
        "NA",
        "~",
    )


def test_later_overrides_replace_earlier_ones_and_the_file(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        "model: {l1: -5, l2: 3, hidden_units: [4]}",
        "model.l1=1",
        "model.l1=2",
        "model.hidden_units=[64,32]",
    )
    assert (config.model.l1, config.model.l2, config.model.hidden_units) == (2.0, 3.0, (64, 32))


def test_one_number_or_one_for_each_layer(tmp_path: Path) -> None:
    """A list has a value for each layer, in the file or as an override; a number applies to all layers."""
    config = loaded(tmp_path, "model: {l1: [1, 0, 2.5], dropout: [0.5, 0]}", "model.l2=[0, 1e-3, 0]")
    assert config.model.by_layer(L1) == (1.0, 0.0, 2.5)
    assert config.model.by_layer(L2) == (0.0, 0.001, 0.0)
    assert config.model.by_layer(DROPOUT) == (0.5, 0.0)
    config = loaded(tmp_path, "model: {l1: 3, l2: 0, dropout: 0.25}")
    assert config.model.by_layer(L1) == (3.0, 3.0, 3.0)
    assert config.model.by_layer(DROPOUT) == (0.25, 0.25)
    logistic = loaded(tmp_path, "model: {hidden_units: [], l1: [2]}").model
    assert (logistic.by_layer(L1), logistic.by_layer(DROPOUT)) == ((2.0,), ())


def test_strengths_to_choose(tmp_path: Path) -> None:
    """By default all that apply to the network; a number or a list fixes a strength."""
    for text, expected in (
        ("name: a", ["l1", "l2", "dropout"]),
        ("model: {l1: 0, l2: [0, 1, 2]}", ["dropout"]),
        ("model: {hidden_units: []}", ["l1", "l2"]),
        ("model: {l1: 0, l2: 0, dropout: 0}", []),
        ("model: {l1: 0, l2: 0, dropout: auto}", ["dropout"]),
    ):
        assert [item.name for item in loaded(tmp_path, text).model.to_choose()] == expected
    model = loaded(tmp_path, "model: {l2: 0.5}").model.with_strengths({"l1": 0.25, "dropout": 0.125})
    assert (model.l1, model.l2, model.dropout, model.to_choose()) == (0.25, 0.5, 0.125, ())


def test_a_strength_that_is_not_chosen_yet_has_no_value() -> None:
    with pytest.raises(
        ValueError, match=r"^model.l1: expected a strength that the Tuner has chosen, got auto$"
    ):
        ModelConfig().by_layer(L1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a", "proximal_adam"),
        ("model: {hidden_units: []}", "proximal_newton"),
        ("model: {hidden_units: []}\ntraining: {weight_decay: 1}", "proximal_adam"),
        ("model: {hidden_units: []}\ntraining: {optimizer: sgd}", "sgd"),
    ],
)
def test_the_automatic_optimizer(tmp_path: Path, text: str, expected: str) -> None:
    """Without a hidden layer the minimum is found exactly, unless the weights decay."""
    config = loaded(tmp_path, text)
    assert config.training.with_optimizer(config.model.hidden_units).optimizer == expected


def test_settings_survive_json() -> None:
    """A step receives its settings as JSON."""
    for model in (ModelConfig(), ModelConfig(l1=(0.0, 1.0, 2.0), dropout=(0.5, 0.0))):
        assert ModelConfig.model_validate_json(model.model_dump_json()) == model


def test_the_baseline_has_no_regularization() -> None:
    """Lists become zero, too; optimizer, learning rate, batch size, epochs and seed are those of the candidate."""
    model = ModelConfig(hidden_units=(4, 2), l1=(0.0, 1.0, 2.0), l2=(1.0, 1.0, 1.0), dropout=(0.5, 0.0))
    assert model.without_regularization() == ModelConfig(hidden_units=(4, 2), l1=0.0, l2=0.0, dropout=0.0)
    settings = {"optimizer": "adamw", "epochs": 7, "learning_rate": 0.5, "batch_size": 3, "seed": 1}
    training = TrainingConfig.model_validate({**settings, "weight_decay": 0.25, "early_stopping": 5})
    expected = TrainingConfig.model_validate({**settings, "weight_decay": 0.0, "early_stopping": 0})
    assert training.without_regularization() == expected


def test_byte_order_mark_crlf_and_anchors(tmp_path: Path) -> None:
    config = loaded(tmp_path, "\ufeffmodel:\r\n  l1: &a 0.5\r\n  l2: *a\r\n")
    assert (config.model.l1, config.model.l2) == (0.5, 0.5)


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        PipelineConfig().model.l1 = 3.0
