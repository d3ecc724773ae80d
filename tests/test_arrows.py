"""Who may import whom: cli -> runners -> pipeline -> components -> TensorFlow, TFX. Nothing points back."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Which modules of components/ each may import, besides config, errors and file_names, which import nothing of ours.
SIBLINGS = {
    "trainer": {
        "checkpoints",
        "hyperparameters",
        "model_card",
        "records",
        "servable",
        "storage",
        "trainer_settings",
        "training",
        "transform",
        "vectors",
        "warmup",
        "weights",
    },
    "tuner": {"history", "hyperparameters", "training", "vectors"},
    "study": {"checkpoints", "fitting", "history", "metrics", "storage", "training", "vectors", "weights"},
    "report": {"storage", "study", "words"},
    "training": {"checkpoints", "fitting", "history", "model", "vectors"},
    "fitting": {
        "checkpoints",
        "dropout",
        "history",
        "interrupts",
        "model",
        "optimizers",
        "training_state",
        "vectors",
    },
    "training_state": {"checkpoints", "history"},
    "checkpoints": {"pace", "storage"},
    "history": {"pace", "storage"},
    "optimizers": {"model"},
    "weights": {"model", "words"},
    "model": {"dropout"},
    "servable": {"input_names", "transform"},
    "warmup": {"input_names"},
    "model_card": {"input_names", "transform"},
    "vectors": {"records", "transform"},
    "bootstrap": {"metrics"},
    "curves": {"metrics"},
    "scores": {"bootstrap", "records", "sample", "slices"},
    "data_gate": {"slices"},
    "thresholds": {"bootstrap", "words"},
    "verdict": {"bootstrap", "curves", "metrics", "slices", "thresholds", "words"},
    "evaluator": {"metrics", "scores", "tfma_metrics", "verdict"},
    "tfma_metrics": {"metrics", "sample"},
    "trainer_settings": {"hyperparameters"},
    "example_gen": {"example_form", "storage"},
    "pusher": {"storage", "warmup"},
    "statistics": {"example_form", "records", "storage"},
    "records": {"storage"},
}
# In the order of the layers: a module may import those before it.
RUNNER_LAYERS = [
    {
        "steps",
        "beam_config",
        "beam_worker",
        "config_keys",
        "yaml_text",
        "summary",
        "capture",
        "help_texts",
        "kubeflow.cron",
        "kubeflow.help_texts",
        "kubeflow.steps",
        "kubeflow.verdict",
        "kubeflow.notify",
        "lazy_imports",
        "executor_names",
        "local_files",
    },
    {"kubeflow.config"},
    {"config", "config_print", "kubeflow.parameters"},
    {"destination", "options", "usage"},
    {"serve_options"},
    {"runs", "display", "verdict_slices", "verdict", "init"},
    {"metadata_store"},
    {"pipeline"},
    {"node", "compiled", "outcome", "predict_options", "report", "progress"},
    {"local_runner", "bless", "versions", "kubeflow.outcome"},
    {"study", "study_table", "kubeflow.auth"},
    {"kubeflow.client", "kubeflow.package"},
    {"kubeflow.recurring_runs", "kubeflow.submit", "kubeflow.runner", "kubeflow.node"},
    {"kubeflow.schedule", "kubeflow.schedule_text"},
    {"commands", "kubeflow.commands", "serve_command", "version_commands", "predict_command"},
    {"kubeflow.options", "run_options", "version_options"},
    {"cli"},
]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", modules("components"), ids=str)
def test_components_know_no_runner_and_few_siblings(path: Path) -> None:
    """A component imports those three, its own package, and the siblings listed above; and reads no environment."""
    own = path.relative_to(ROOT / "components").parts[0].removesuffix(".py")
    for name in imports(path):
        package, _, rest = name.partition(".")
        assert package not in ("pipeline_def", "tests", "benchmarks"), f"{path} imports {name}"
        if package == "components":
            sibling = rest.partition(".")[0]
            assert sibling in {"config", "errors", "file_names", own} | SIBLINGS.get(own, set()), (
                f"{path} imports {name}"
            )
    assert "environ" not in path.read_text(), f"{path} reads the environment"


def relative_imports(text: str) -> list[str]:
    """Those in the text of a module, as they are written."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def test_relative_imports_are_found() -> None:
    """Of a module, of something in one, of a parent's; wherever they stand."""
    text = "from . import a\ndef f():\n  from ..b import c\nfrom components import d\nimport e"
    assert relative_imports(text) == ["from . import a", "from ..b import c"]


@pytest.mark.parametrize("path", sorted((ROOT / "components").rglob("*.py")), ids=str)
def test_components_name_in_full_what_they_import(path: Path) -> None:
    """A step's digest and the tests of the arrows here follow full names only: they would miss a relative import."""
    found = relative_imports(path.read_text())
    assert not found, (
        f"{path}: expected `from components.x import y`, which code_digest() follows, got {found}"
    )


@pytest.mark.parametrize("path", modules("pipeline_def"), ids=str)
def test_runners_point_one_way(path: Path) -> None:
    """A module of pipeline_def imports at run time only modules of its own layer or of those before it."""
    layer = {module: number for number, names in enumerate(RUNNER_LAYERS) for module in names}
    own = ".".join(path.relative_to(ROOT / "pipeline_def").with_suffix("").parts)
    assert own in layer, f"{path} has no layer yet"
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package == "pipeline_def" and not _only_for_types(path, name):
            depth = 2 if rest.startswith("kubeflow.") else 1
            imported = ".".join(rest.split(".")[:depth])
            assert layer[imported] <= layer[own], f"{path} imports {name}"


def _only_for_types(path: Path, name: str) -> bool:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for inner in node.body:
                if isinstance(inner, ast.ImportFrom) and name.startswith(f"{inner.module}."):
                    return True
    return False


@pytest.mark.parametrize("path", modules("serving"), ids=str)
def test_serving_knows_no_runner(path: Path) -> None:
    """What is around a served model imports components and itself, the client itself alone; none the environment."""
    is_client = path.is_relative_to(ROOT / "serving" / "client")
    for name in imports(path):
        package, _, rest = name.partition(".")
        assert package not in ("pipeline_def", "tests", "benchmarks"), f"{path} imports {name}"
        ours = package == "components" or (package == "serving" and rest.partition(".")[0] != "client")
        assert not (is_client and ours), f"{path} imports {name}"
    assert "environ" not in path.read_text(), f"{path} reads the environment"


def test_the_client_comes_without_tensorflow() -> None:
    """Over both protocols: neither TensorFlow nor TFX, Beam, Keras or Arrow is imported, and no component."""
    heavy = {
        "tensorflow",
        "tensorflow_serving",
        "tfx",
        "tfx_bsl",
        "apache_beam",
        "keras",
        "pyarrow",
        "components",
    }
    code = "import sys, serving.client, serving.client.rest, serving.client.grpc; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & heavy


def test_a_server_is_asked_without_tensorflow() -> None:
    """`regpipe predict --endpoint`: what it imports reads and writes tables, and loads no TensorFlow, TFX or Beam."""
    code = (
        "import sys, serving.client;"
        "from serving.predict import model_folder, output, scoring, sources; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"tensorflow", "tfx", "tfx_bsl", "apache_beam", "keras", "tensorflow_serving"}
    assert not {name.partition(".")[0] for name in done.stdout.split()} & heavy


def test_importing_the_packages_does_no_work() -> None:
    """The command line and the settings come without TensorFlow, TFX, Beam, Arrow or kfp."""
    heavy = ("tensorflow", "tfx", "apache_beam", "pyarrow", "keras", "numpy", "kfp", "kubernetes")
    code = "import sys, pipeline_def.cli, pipeline_def.config; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & set(heavy)
