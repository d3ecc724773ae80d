"""An error of the configuration contains the source, the key, the expectation and the value."""

import shlex
from pathlib import Path

import pytest

from pipeline_def.config.load import ConfigError, Flag, load_config


def problems(tmp_path: Path, text: str | bytes, *overrides: str | Flag) -> list[str]:
    """Returns the problems that load_config reports, without the folder of the file."""
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


PENALTY = "auto, a number >= 0, or a list of them (one per hidden layer, then the output layer)"
RATE = "auto, a number >= 0 and < 1, or a list of them (one per hidden layer)"
UNITS = "model.hidden_units: expected a list of at most 32 whole numbers >= 1"
SLICES = (
    "evaluation.slices: expected a list of {feature: NAME, edges: [NUMBER, ...]} with edges in ascending order, or "
    "{feature: NAME, values: [TEXT, ...]}"
)
REFUSED = {
    "negative penalty": ("model:\n  l1: -0.1", f"2: model.l1: expected {PENALTY}, got -0.1"),
    "NaN": ("model:\n  l2: .nan", f"2: model.l2: expected {PENALTY}, got .nan"),
    "infinity": ("model: {l2: .inf}", f"1: model.l2: expected {PENALTY}, got .inf"),
    "the word nan": ("model: {l2: nan}", f"1: model.l2: expected {PENALTY}, got 'nan'"),
    "no epochs": ("training:\n  epochs: 0", "2: training.epochs: expected a whole number >= 1, got 0"),
    "text for a number": ("model: {l1: lots}", f"1: model.l1: expected {PENALTY}, got 'lots'"),
    "a number in quotes": ("model: {l1: '0.1'}", f"1: model.l1: expected {PENALTY}, got '0.1'"),
    "boolean for whole": (
        "training: {epochs: true}",
        "1: training.epochs: expected a whole number >= 1, got true",
    ),
    "boolean for number": ("model: {l1: false}", f"1: model.l1: expected {PENALTY}, got false"),
    "number for whole": (
        "training: {epochs: 3.0}",
        "1: training.epochs: expected a whole number >= 1, got 3.0",
    ),
    "exponent for whole": (
        "training: {epochs: 1e2}",
        "1: training.epochs: expected a whole number >= 1, got 1e2",
    ),
    "nothing": ("model:\n  l1:\n", f"2: model.l1: expected {PENALTY}, got nothing"),
    "no label": ("data: {label: null}", "1: data.label: expected text that is not empty, got nothing"),
    "empty label": ("data: {label: ''}", "1: data.label: expected text that is not empty, got ''"),
    "whole dropout": ("model: {dropout: 1}", f"1: model.dropout: expected {RATE}, got 1"),
    "unknown choice": (
        "training: {strategy: mirored}",
        "1: training.strategy: expected auto, mirrored, multi_worker or none, got 'mirored'",
    ),
    "negative penalty of a layer": (
        "model: {l1: [0, -1, 0]}",
        f"1: model.l1: expected {PENALTY}, got [0, -1, 0]",
    ),
    "NaN for a layer": ("model: {l2: [0, .nan, 0]}", f"1: model.l2: expected {PENALTY}, got [0, .nan, 0]"),
    "boolean for a layer": (
        "model: {dropout: [0.5, true]}",
        f"1: model.dropout: expected {RATE}, got [0.5, true]",
    ),
    "too few penalties": (
        "model:\n  hidden_units: [4, 2]\n  l1: [0.1, 0.2]",
        "3: model.l1: expected a list of length 3 (one per hidden layer, then the output layer), got [0.1, 0.2]",
    ),
    "too many penalties": (
        "model:\n  l2: [0, 0]\n  hidden_units: []",
        "2: model.l2: expected a list of length 1 (one per hidden layer, then the output layer), got [0.0, 0.0]",
    ),
    "too many dropout rates": (
        "model: {dropout: [0, 0.5, 0.25]}",
        "1: model.dropout: expected a list of length 2 (one per hidden layer), got [0.0, 0.5, 0.25]",
    ),
    "unknown optimizer": (
        "training: {optimizer: adamax}",
        "1: training.optimizer: expected auto, proximal_adam, proximal_newton, adam, adamw or sgd, got 'adamax'",
    ),
    "negative decay": (
        "training: {optimizer: sgd, weight_decay: -1}",
        "1: training.weight_decay: expected a number >= 0, got -1",
    ),
    "decay with Adam": (
        "training:\n  weight_decay: 0.01\n  optimizer: adam",
        "2: training.weight_decay: expected 0 with training.optimizer adam (only the others support it), got 0.01",
    ),
    "no memory": (
        "training: {memory: 0}",
        "1: training.memory: expected a whole number >= 1, got 0",
    ),
    "a sample too small to be judged": (
        "evaluation: {max_rows: 49}",
        "1: evaluation.max_rows: expected 0 or at least evaluation.min_rows (50), got 49",
    ),
    "a sample with too few positives": (
        "evaluation: {max_rows: 60, min_positives: 40}",
        "1: evaluation.max_rows: expected 0 or at least twice evaluation.min_positives (80), got 60",
    ),
    "a seed that is not a number": (
        "data: {split: {seed: -1}}",
        "1: data.split.seed: expected a whole number >= 0 and < 2147483648, got -1",
    ),
    "negative value to try": (
        "tuning: {l1: [0, -1]}",
        "1: tuning.l1: expected a list of numbers >= 0, got -1 as item 2",
    ),
    "whole dropout to try": (
        "tuning: {dropout: [0.5, 1]}",
        "1: tuning.dropout: expected a list of numbers >= 0 and < 1, got 1 as item 2",
    ),
    "no value to try": ("tuning: {l1: []}", "1: tuning.l1: expected a list of numbers >= 0, got []"),
    "a value to try twice": (
        "tuning: {l2: [0.5, 1, 0.50]}",
        "1: tuning.l2: expected distinct numbers, got 0.5 twice",
    ),
    "one value that is not in a list": (
        "tuning: {l2: 0.5}",
        "1: tuning.l2: expected a list of numbers >= 0, got 0.5; a list is written [0.5]",
    ),
    "too many combinations": (
        f"tuning:\n  l1: {list(range(20))}\n  l2: {list(range(20))}",
        "2: tuning.l1: expected at most 512 combinations, got 800: 20 values of l1 x 20 values of l2 x 2 values of "
        "dropout; shorten a list, or set a strength to a number instead of auto",
    ),
    "the exact optimizer with a hidden layer": (
        "training: {optimizer: proximal_newton}\nmodel: {hidden_units: [4]}",
        "1: training.optimizer: expected another optimizer for a network with hidden layers (model.hidden_units: [4]), "
        "got proximal_newton",
    ),
    "weight decay with the exact optimizer": (
        "training: {optimizer: proximal_newton, weight_decay: 0.5}\nmodel: {hidden_units: []}",
        "1: training.weight_decay: expected 0 with training.optimizer proximal_newton (only the others support it), "
        "got 0.5",
    ),
    "span": ("data: {span: newest}", "1: data.span: expected latest or a whole number >= 0, got 'newest'"),
    "delimiter": ("data: {delimiter: '::'}", "1: data.delimiter: expected one character, or auto, got '::'"),
    "name": (
        "name: My Pipeline",
        "1: name: expected lower-case letters, digits and hyphens (at most 63), got 'My Pipeline'",
    ),
    "list item": (
        "model:\n  hidden_units: [64,\n    x]",
        "3: model.hidden_units: expected a list of at most 32 whole numbers >= 1, got 'x' as item 2",
    ),
    "layer of no units": (
        "model:\n  hidden_units:\n    - 64\n    - 0",
        "4: model.hidden_units: expected a list of at most 32 whole numbers >= 1, got 0 as item 2",
    ),
    "not a list": (
        "data: {ignore: id}",
        "1: data.ignore: expected a list of texts, got 'id'; a list is written [id]",
    ),
    "too many layers": (
        f"model: {{hidden_units: [{', '.join(['1'] * 33)}]}}",
        "1: model.hidden_units: expected a list of at most 32 whole numbers >= 1, got a list of 33",
    ),
    "slice without edges": (
        "evaluation:\n  slices:\n    - {feature: a, edges: [1]}\n    - {feature: b}",
        f"4: {SLICES}, got {{feature: 'b'}} as item 2",
    ),
    "slice with an unknown key": (
        "evaluation: {slices: [{feature: a, edges: [1], name: x}]}",
        f"1: {SLICES}, got {{feature: 'a', edges: [1], name: 'x'}} as item 1",
    ),
    "slice that is a text": (
        "evaluation: {slices: [age]}",
        f"1: {SLICES}, got 'age' as item 1",
    ),
    "one slice that is not in a list": (
        "evaluation: {slices: {feature: a, edges: [1]}}",
        f"1: {SLICES}, got a group of keys",
    ),
    "edges that fall": (
        "evaluation: {slices: [{feature: a, edges: [30, 30.0]}]}",
        "1: evaluation.slices: expected edges in ascending order, got 30 after 30",
    ),
    "slice with edges and values": (
        "evaluation: {slices: [{feature: a, edges: [1], values: [x]}]}",
        f"1: {SLICES}, got {{feature: 'a', edges: [1], values: ['x']}} as item 1",
    ),
    "slice in a slice": (
        "evaluation: {slices: [{feature: a, edges: [[1]]}]}",
        f"1: {SLICES}, got a list or group as item 1",
    ),
    "negative gap": (
        "evaluation: {max_gap: -1}",
        "1: evaluation.max_gap: expected null or a number >= 0, got -1",
    ),
    "certain": (
        "evaluation: {confidence: 1}",
        "1: evaluation.confidence: expected a number > 0 and < 1, got 1",
    ),
    "mode": (
        "evaluation: {mode: bound}",
        "1: evaluation.mode: expected no_worse, better or point, got 'bound'",
    ),
    "list of lists": (
        "model: {hidden_units: [[1]]}",
        f"1: {UNITS}, got a list or group as item 1",
    ),
    "group for a value": ("model: {l1: {a: 1}}", f"1: model.l1: expected {PENALTY}, got a group of keys"),
    "value for a group": (
        "model: 5",
        "1: model: expected a group of keys (hidden_units, l1, l2, group_l1, dropout), got 5",
    ),
    "list for a text": ("data: {label: [a]}", "1: data.label: expected text that is not empty, got ['a']"),
    "tag that does not fit": ("model: {l1: !!int abc}", f"1: model.l1: expected {PENALTY}, got 'abc'"),
    "foreign tag": ("model: {l1: !me abc}", f"1: model.l1: expected {PENALTY}, got 'abc'"),
    "label is a feature": (
        "data:\n  label: y\n  features: [x, y]",
        "3: data.features: expected columns other than the label, got 'y'",
    ),
    "label is ignored": (
        "data:\n  label: y\n  ignore: [y]",
        "3: data.ignore: expected columns other than the label, got 'y'",
    ),
    "weight is the label": (
        "data:\n  label: y\n  weight: y",
        "3: data.weight: expected a column other than the label, got 'y'",
    ),
    "weight is a feature": (
        "data:\n  weight: w\n  features: [w, x]",
        "3: data.features: expected columns other than the weight, got 'w'",
    ),
    "weight is ignored": (
        "data:\n  weight: w\n  ignore: [w]",
        "3: data.ignore: expected columns other than the weight, got 'w'",
    ),
    "weight is empty": (
        "data: {weight: ''}",
        "1: data.weight: expected text that is not empty or null, got ''",
    ),
    "ignored feature": (
        "data:\n  features: [a, b]\n  ignore: [b]",
        "3: data.ignore: expected columns that are not in data.features, got 'b'",
    ),
    "feature twice": (
        "data: {features: [a, a]}",
        "1: data.features: expected distinct values, got 'a' twice",
    ),
    "unknown operating point": (
        "evaluation: {operating_point: {maximize: accuracy}}",
        "1: evaluation.operating_point.maximize: expected f1, recall, precision or null, got 'accuracy'",
    ),
    "operating point that is no group": (
        "evaluation: {operating_point: f1}",
        "1: evaluation.operating_point: expected a group of keys (maximize, min_precision, min_recall, "
        "false_positive_cost, false_negative_cost), got 'f1'",
    ),
    "recall without a precision": (
        "evaluation:\n  operating_point: {maximize: recall}",
        "2: evaluation.operating_point.maximize: expected min_precision beside maximize: recall, got none",
    ),
    "precision without a recall": (
        "evaluation:\n  operating_point: {maximize: precision}",
        "2: evaluation.operating_point.maximize: expected min_recall beside maximize: precision, got none",
    ),
    "minimum of what is maximized": (
        "evaluation:\n  operating_point:\n    maximize: f1\n    min_precision: 0.9",
        "4: evaluation.operating_point.min_precision: expected maximize: recall beside it, got maximize: f1",
    ),
    "minimum alone": (
        "evaluation: {operating_point: {min_recall: 0.9}}",
        "1: evaluation.operating_point.min_recall: expected maximize: precision beside it, got none",
    ),
    "minimum above 1": (
        "evaluation: {operating_point: {maximize: recall, min_precision: 90}}",
        "1: evaluation.operating_point.min_precision: expected null or a number > 0 and <= 1, got 90",
    ),
    "one cost": (
        "evaluation: {operating_point: {false_positive_cost: 1}}",
        "1: evaluation.operating_point.false_positive_cost: expected false_negative_cost beside it, got none",
    ),
    "costs and a maximum": (
        "evaluation:\n  operating_point: {maximize: f1,\n    false_positive_cost: 1, false_negative_cost: 5}",
        "2: evaluation.operating_point.maximize: expected either maximize or both costs, got both",
    ),
    "free errors": (
        "evaluation: {operating_point: {false_positive_cost: 0, false_negative_cost: 5}}",
        "1: evaluation.operating_point.false_positive_cost: expected null or a number > 0, got 0",
    ),
    "key of another task": (
        "data: {task: regression}\ntraining: {class_weight: balanced}",
        "2: training.class_weight: expected 'none', because the task is regression (see data.task), got 'balanced'",
    ),
    "limit of another task": (
        "data: {task: regression}\nevaluation: {min_auc: 0.7}",
        "2: evaluation.min_auc: expected 0.6, because the task is regression (see data.task), got 0.7",
    ),
    "loss of another task": (
        "training: {loss: huber}\ndata: {task: binary}",
        "1: training.loss: expected one of auto, log_loss, because the task is binary (see data.task), got 'huber'",
    ),
    "misspelt": ("\nmodel:\n  dropuot: 0.1", "3: model.dropuot: unknown key; did you mean model.dropout?"),
    "misspelt group": ("modle: {l1: 1}", "1: modle: unknown key; did you mean model?"),
    "key without group": ("l1: 0.1", "1: l1: unknown key; did you mean model.l1?"),
    "key in the wrong group": (
        "model: {epochs: 3}",
        "1: model.epochs: unknown key; did you mean training.epochs?",
    ),
    "key in the wrong depth": (
        "data: {train: 3}",
        "1: data.train: unknown key; did you mean data.split.train?",
    ),
    "far off": (
        "model: {zzz: 3}",
        "1: model.zzz: unknown key; model has hidden_units, l1, l2, group_l1, dropout",
    ),
    "far off at the top": (
        "zzz: 3",
        "1: zzz: unknown key; there are name, data, model, training, tuning, evaluation, serving, "
        "beam, notify, tracking, kubeflow",
    ),
    "dotted": ("model.l1: 0.1", "1: model.l1: expected l1: indented under model:, got a dotted key"),
    "given twice": (
        "model:\n  l1: 1\n  l2: 1\n  l1: 2",
        "4: model.l1: given twice, first in line 2",
    ),
    "group given twice": ("model: {}\ndata: {}\nmodel: {}", "3: model: given twice, first in line 1"),
    "no plain key": ("model: {[1]: 2}", "1: model: expected a key, got a list or group"),
    "list at the top": (
        "- a\n- b",
        "1: expected keys such as data: and model: at the top level, got ['a', 'b']",
    ),
    "text at the top": (
        "# hello\nmodel",
        "2: expected keys such as data: and model: at the top level, got 'model'",
    ),
    "syntax": (
        "model:\n  l1: 1\n  l2: [1, 2\ndata: {}",
        "4: not YAML: expected ',' or ']', but got ':' (column 5)",
    ),
    "indentation": (
        "model:\n  l1: 1\n l2: 1",
        "3: not YAML: expected <block end>, but found '<block mapping start>' (column 2)",
    ),
    "two documents": ("a: 1\n---\nb: 2", "2: not YAML: found another document (column 1)"),
    "control character": ("model:\n  l1: \x07", "2: not YAML: the character U+0007 is not allowed"),
    "not UTF-8": (b"name: a\ndata: {label: caf\xe9}", "2: expected text in UTF-8, got the byte 0xe9"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_an_error_in_the_file_contains_line_key_expectation_and_value(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    assert problems(tmp_path, text) == [f"pipeline.yaml:{expected}"]


OVERRIDES = {
    "value": ("model.l1=-1", f"--set: model.l1: expected {PENALTY}, got -1"),
    "nothing": ("model.l1=", f"--set: model.l1: expected {PENALTY}, got nothing"),
    "unknown": ("model.dropuot=0", "--set: model.dropuot: unknown key; did you mean model.dropout?"),
    "no group": ("epochs=3", "--set: epochs: unknown key; did you mean training.epochs?"),
    "no equals sign": ("model.l1", "--set: expected key=value, got 'model.l1'"),
    "no key": (
        "=3",
        "--set: : unknown key; there are name, data, model, training, tuning, evaluation, serving, "
        "beam, notify, tracking, kubeflow",
    ),
    "group": (
        "model=3",
        "--set: model: expected a key inside this group, such as model.hidden_units, got the group",
    ),
    "list item": (
        "model.hidden_units=[64, 1.5]",
        "--set: model.hidden_units: expected a list of at most 32 whole numbers >= 1, got 1.5 as item 2",
    ),
    "broken list": (
        "model.hidden_units=[64",
        "--set: model.hidden_units: expected a list of at most 32 whole numbers >= 1, got '[64'",
    ),
    "number for a list": (
        "model.hidden_units=64",
        f"--set: {UNITS}, got 64; a list is written --set 'model.hidden_units=[64]'",
    ),
    "special characters for a list": (
        "data.missing_values=?",
        "--set: data.missing_values: expected a list of texts, got '?'; a list is written "
        """--set 'data.missing_values=["?"]'""",
    ),
    "special characters in a list": (
        "data.missing_values=[NA, ?]",
        "--set: data.missing_values: expected a list of texts, got a list or group as item 2; a list is written "
        """--set 'data.missing_values=[a, "?"]', with quotes around special characters""",
    ),
}


@pytest.mark.parametrize(("override", "expected"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_an_error_in_an_override(override: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, [override])
    assert caught.value.problems == (expected,)


def test_all_problems_are_listed_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = "data:\n  label: y\n  features: [y]\nmodel:\n  l1: -1\n  zzzz: 1\ntraining:\n  epochs: x\n"
    assert problems(tmp_path, text, "model.l2=-2") == [
        "pipeline.yaml:3: data.features: expected columns other than the label, got 'y'",
        f"pipeline.yaml:5: model.l1: expected {PENALTY}, got -1",
        "pipeline.yaml:6: model.zzzz: unknown key; model has hidden_units, l1, l2, group_l1, dropout",
        "pipeline.yaml:8: training.epochs: expected a whole number >= 1, got 'x'",
        f"--set: model.l2: expected {PENALTY}, got -2",
    ]


def test_combinations_are_checked_even_if_another_key_is_invalid(tmp_path: Path) -> None:
    text = "data:\n  label: y\n  features: [y]\n  min_rows: 0\n"
    assert problems(tmp_path, text) == [
        "pipeline.yaml:3: data.features: expected columns other than the label, got 'y'",
        "pipeline.yaml:4: data.min_rows: expected a whole number >= 2, got 0",
    ]


def test_a_combination_with_an_invalid_key_is_no_further_error(tmp_path: Path) -> None:
    """Where the invalid key is left out, its default would be compared, which nobody gave."""
    assert problems(tmp_path, "evaluation:\n  min_rows: 1\n  max_rows: 40\n") == [
        "pipeline.yaml:2: evaluation.min_rows: expected a whole number >= 2, got 1"
    ]


def test_an_error_from_a_flag_names_the_flag(tmp_path: Path) -> None:
    assert problems(tmp_path, "", Flag("--label", "data.label", "")) == [
        "--label: data.label: expected text that is not empty, got ''"
    ]


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.yaml", "no such file or directory"), (tmp_path, "is a directory")):
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert caught.value.problems == (f"{path}: can't be read: {reason}",)


def test_hostile_yaml_is_refused_quickly(tmp_path: Path) -> None:
    """Recursion, exponential aliases, Python objects and very long numbers are errors at once."""
    bomb = "a: &a [x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for text in (
        "data: {ignore: &x [*x]}",
        bomb,
        "model: {l1: !!python/name:os.system ''}",
        f"model: {{l1: {'9' * 5000}}}",
    ):
        assert problems(tmp_path, text)
    assert problems(tmp_path, "a: " + "[" * 5000) == ["pipeline.yaml:1: not YAML: nested too deeply"]


@pytest.mark.parametrize(
    ("text", "overrides", "rule"),
    [
        ("null", (), None),
        ("{maximize: f1}", (), "f1"),
        ("{maximize: recall, min_precision: 0.9}", (), "recall"),
        ("{maximize: precision, min_recall: 0.8}", (), "precision"),
        ("{false_positive_cost: 1, false_negative_cost: 5}", (), "cost"),
        ("{maximize: f1}", ("maximize=recall", "min_precision=1"), "recall"),
        ("null", ("maximize=f1",), "f1"),
    ],
)
def test_the_forms_of_an_operating_point(
    tmp_path: Path, text: str, overrides: tuple[str, ...], rule: str | None
) -> None:
    """In the file and with `--set`."""
    (tmp_path / "pipeline.yaml").write_text(f"evaluation:\n  operating_point: {text}\n")
    sets = [f"evaluation.operating_point.{override}" for override in overrides]
    found = load_config(tmp_path / "pipeline.yaml", sets).evaluation.operating_point
    assert found.rule == rule
    assert (found.costs() == (1, 5)) == (rule == "cost")


@pytest.mark.parametrize("text", ["?", "-", "#N/A", "NA", "it's", "'", "a, b", "@"])
def test_the_spelling_in_a_message_is_accepted(text: str) -> None:
    """The message about one text in place of a list has an option that a shell passes on as the list of that text."""
    with pytest.raises(ConfigError) as caught:
        load_config(None, [f"data.missing_values={text}"])
    option, setting = shlex.split(caught.value.problems[0].partition("a list is written ")[2])
    assert option == "--set"
    assert load_config(None, [setting]).data.missing_values == (text,)


@pytest.mark.parametrize("text", ["?", "- x", "@home", "%", "#N/A", "[?]"])
def test_a_text_that_needs_quotes_in_the_file(tmp_path: Path, text: str) -> None:
    """YAML reads these as something else; the message says that quotes are missing."""
    (problem,) = problems(tmp_path, f"data:\n  missing_values: {text}")
    assert problem.startswith("pipeline.yaml:2: ")
    assert "quotes" in problem


DIGEST = f"sha256:{'0f' * 32}"


@pytest.mark.parametrize(
    "image",
    [
        "regpipe",
        "registry.example/team/regpipe:1",
        "localhost:5000/regpipe",
        "[::1]:5000/regpipe:1.2_3-x",
        f"registry.example:443/regpipe:1@{DIGEST}",
        f"regpipe@{DIGEST}",
    ],
)
def test_names_of_images(image: str) -> None:
    config = load_config(
        None, [f"kubeflow.image={image}", f"kubeflow.overrides=[{{step: Trainer, image: '{image}'}}]"]
    )
    assert config.kubeflow.image == config.kubeflow.overrides[0].image == image


@pytest.mark.parametrize(
    "image",
    [
        "Regpipe",
        "regpipe:",
        "regpipe@sha256:12",
        f"regpipe:1@{DIGEST.upper()}",
        f"{DIGEST}@",
        "https://registry/regpipe",
    ],
)
def test_names_that_no_image_has(image: str) -> None:
    """A digest that is cut is found before the cluster tries to pull it; also for a single step."""
    for setting in (f"kubeflow.image={image}", f"kubeflow.overrides=[{{step: Trainer, image: '{image}'}}]"):
        with pytest.raises(ConfigError) as caught:
            load_config(None, [setting])
        assert caught.value.problems[0].startswith(f"--set: {setting.partition('=')[0]}: expected ")


def test_the_keys_that_a_task_can_not_have() -> None:
    """With auto, by task, because the task follows from the table; a known task is checked at once."""
    assert load_config(None).task_problems() == {}
    found = load_config(None, ("evaluation.min_auc=0.7", "training.loss=log_loss")).task_problems()
    assert list(found) == ["regression", "multiclass"]
    assert found["regression"].startswith("training.loss: expected one of auto, mse, huber, ")
    assert load_config(None, ("evaluation.min_auc=0.7", "data.task=binary")).task_problems() == {}
