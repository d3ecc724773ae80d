"""`regpipe config` explains every key, and its output reads back as the same configuration."""

from pathlib import Path

import pytest
import yaml

from components.config.data import DataConfig
from components.config.evaluation import CategorySliceConfig, EvaluationConfig, SliceConfig
from components.config.model import ModelConfig
from components.config.training import TrainingConfig
from pipeline_def.config.describe import groups
from pipeline_def.config.load import KEYS, PipelineConfig, config_yaml, load_config
from pipeline_def.config.yaml_text import scalar_text

AWKWARD = (
    "a b",
    "a-b",
    "a.b",
    "Größe",
    "名前",
    "😀",
    "yes",
    "null",
    "~",
    "1",
    "1e3",
    " x ",
    "#x",
    "a: b",
    "- a",
    "'",
    '"',
    "\\",
    "\t",
    "a\nb",
    "\x00",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufeff",
    "[x]",
    "{x}",
    "*x",
    "&x",
    "!x",
    "%",
    "@",
    "`",
    ",",
    "?",
    "|",
    ">",
    "=",
    "<<",
    "true",
    "-",
    "---",
    "...",
    "/tmp/x.csv",
    "./x",
    "../x",
    "C:\\x",
    ".5",
    ".inf",
)


def test_the_comment_of_a_key_is_its_sentence_its_values_its_unit_and_its_default() -> None:
    text = config_yaml(PipelineConfig(model=ModelConfig(l1=0.5)))
    assert (
        "  # Strength of the L1 penalty: l1 times the sum of absolute weights. Biases are not regularized.\n"
        "  # auto: the Tuner chooses it.\n"
        "  # Takes auto, a number >= 0, or a list of them (one per hidden layer, then the output layer);\n"
        f"  # unit: per weight; default: {scalar_text(ModelConfig().l1)}\n"
        "  l1: 0.5\n"
    ) in text
    assert f"\n# {TrainingConfig.__doc__}\ntraining:\n" in text


def test_every_key_and_group_has_a_sentence() -> None:
    for key in KEYS.values():
        assert key.sentence.endswith("."), key.path
        assert key.expects, key.path
    for path, group in groups(PipelineConfig):
        assert (group.__doc__ or "").endswith("."), path


def reread(config: PipelineConfig, tmp_path: Path) -> PipelineConfig:
    path = tmp_path / "c.yaml"
    path.write_text(config_yaml(config), encoding="utf-8")
    return load_config(path)


def test_defaults_round_trip(tmp_path: Path) -> None:
    assert reread(PipelineConfig(), tmp_path) == PipelineConfig()


def test_awkward_texts_round_trip(tmp_path: Path) -> None:
    config = PipelineConfig(data=DataConfig(features=AWKWARD, missing_values=("",), label="\ufefflabel"))
    assert reread(config, tmp_path) == config
    for text in AWKWARD:
        one = PipelineConfig(
            data=DataConfig(
                label=text, input=text.replace("~", "./~"), positive_label=text, ignore=("x" + text,)
            )
        )
        assert reread(one, tmp_path) == one


@pytest.mark.parametrize("number", [0.0, 1e-5, 1e22, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 12345678.9])
def test_numbers_round_trip_exactly(tmp_path: Path, number: float) -> None:
    config = PipelineConfig(model=ModelConfig(l1=number, hidden_units=()))
    assert reread(config, tmp_path) == config
    assert yaml.safe_load(config_yaml(config))["model"]["l1"] == number or number == 1e22


def test_lists_of_strengths_round_trip(tmp_path: Path) -> None:
    config = PipelineConfig(model=ModelConfig(l1=(0.0, 1e-5, 3.0), l2=0.5, dropout=(0.1, 0.0)))
    assert "\n  l1: [0.0, 1.0e-05, 3.0]\n" in config_yaml(config)
    assert reread(config, tmp_path) == config


def test_slices_round_trip(tmp_path: Path) -> None:
    """A short list is on one line, a long one has a line per slice; any name is valid."""
    few = (SliceConfig(feature="a b", edges=(1.0, 2.5)), SliceConfig(feature="1", edges=(-1e-7,)))
    many = tuple(SliceConfig(feature=text, edges=(0.0,)) for text in AWKWARD)
    short = PipelineConfig(evaluation=EvaluationConfig(slices=few))
    assert (
        '\n  slices: [{feature: "a b", edges: [1.0, 2.5]}, {feature: "1", edges: [-1.0e-07]}]\n'
    ) in config_yaml(short)
    long = PipelineConfig(evaluation=EvaluationConfig(slices=many))
    assert '\n  slices:\n    - {feature: "a b", edges: [0.0]}\n' in config_yaml(long)
    texts = CategorySliceConfig(feature="city", values=("Paris", "no", "1"))
    by_value = PipelineConfig(evaluation=EvaluationConfig(slices=(*few, texts)))
    for config in (short, long, by_value):
        assert reread(config, tmp_path) == config
    (parsed,) = EvaluationConfig.model_validate(
        {"slices": [{"feature": "city", "values": ["Paris ", "no", 1, "Paris"]}]}
    ).slices
    assert parsed == texts


def test_notes_are_in_the_comment_of_their_key() -> None:
    text = config_yaml(PipelineConfig(), {"data.label": "Found 0 and 1."})
    assert "default: label\n  # Found 0 and 1.\n  label: label\n" in text
