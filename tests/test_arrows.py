"""Who may import whom: cli -> runners -> pipeline -> components -> TensorFlow, TFX. Nothing points back."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Which modules of components/ each may import, besides config and errors, which import nothing of ours.
SIBLINGS = {
    "trainer": {"checkpoints", "fitting", "model", "servable", "transform", "vectors", "weights"},
    "fitting": {"checkpoints", "dropout", "history", "model", "optimizers", "vectors"},
    "optimizers": {"model"},
    "weights": {"model"},
    "model": {"dropout"},
    "servable": {"transform"},
    "vectors": {"records", "transform"},
    "bootstrap": {"metrics"},
    "curves": {"metrics"},
    "scores": {"bootstrap", "records"},
    "thresholds": {"bootstrap", "words"},
    "verdict": {"bootstrap", "curves", "metrics", "slices", "thresholds", "words"},
    "evaluator": {"metrics", "scores", "verdict"},
}
# In the order of the layers: a module may import those before it.
RUNNER_LAYERS = [
    {"steps", "config", "config_keys", "config_print", "yaml_text", "summary", "capture", "help_texts"},
    {"runs", "display", "verdict_slices", "verdict", "pipeline", "init"},
    {"node", "compiled", "outcome", "report"},
    {"local_runner", "bless"},
    {"commands"},
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
    """A component imports config and errors, its own package, and the siblings listed above; no environment."""
    own = path.relative_to(ROOT / "components").parts[0].removesuffix(".py")
    for name in imports(path):
        package, _, rest = name.partition(".")
        assert package not in ("pipeline_def", "tests", "benchmarks"), f"{path} imports {name}"
        if package == "components":
            sibling = rest.partition(".")[0]
            assert sibling in {"config", "errors", own} | SIBLINGS.get(own, set()), f"{path} imports {name}"
    assert "environ" not in path.read_text(), f"{path} reads the environment"


@pytest.mark.parametrize("path", modules("pipeline_def"), ids=str)
def test_runners_point_one_way(path: Path) -> None:
    """A module of pipeline_def imports at run time only modules of its own layer or of those before it."""
    layer = {module: number for number, names in enumerate(RUNNER_LAYERS) for module in names}
    assert path.stem in layer, f"{path} has no layer yet"
    for name in imports(path):
        package, _, rest = name.partition(".")
        if package == "pipeline_def" and not _only_for_types(path, name):
            imported = rest.partition(".")[0]
            assert layer[imported] <= layer[path.stem], f"{path} imports {name}"


def _only_for_types(path: Path, name: str) -> bool:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for inner in node.body:
                if isinstance(inner, ast.ImportFrom) and name.startswith(f"{inner.module}."):
                    return True
    return False


def test_importing_the_packages_does_no_work() -> None:
    """The command line and the settings come without TensorFlow, TFX, Beam or Arrow."""
    heavy = ("tensorflow", "tfx", "apache_beam", "pyarrow", "keras", "numpy")
    code = "import sys, pipeline_def.cli, pipeline_def.config, components.config; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & set(heavy)
