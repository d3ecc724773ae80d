"""What the import contracts in pyproject.toml (import-linter) cannot express."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py")


def relative_imports(text: str) -> list[str]:
    """The relative imports in the text of a module, as they are written."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def test_relative_imports_are_found() -> None:
    """At the top of a module and inside a function."""
    text = "from . import a\ndef f():\n  from ..b import c\nfrom components import d\nimport e"
    assert relative_imports(text) == ["from . import a", "from ..b import c"]


@pytest.mark.parametrize("path", sorted((ROOT / "components").rglob("*.py")), ids=str)
def test_components_use_absolute_imports(path: Path) -> None:
    """code_digest() follows absolute imports only."""
    found = relative_imports(path.read_text())
    assert not found, (
        f"{path}: expected `from components.x import y`, which code_digest() follows, got {found}"
    )


@pytest.mark.parametrize("path", modules("components") + modules("serving"), ids=str)
def test_components_and_serving_read_no_environment(path: Path) -> None:
    """Settings reach components and serving as arguments only."""
    assert "environ" not in path.read_text(), f"{path} reads the environment"


def test_the_client_loads_no_tensorflow() -> None:
    """With both protocols it loads neither TensorFlow, TFX, Beam, Keras or Arrow nor any component."""
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
    code = "import sys, serving.client.connect, serving.client.rest, serving.client.grpc; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & heavy


def test_predicting_with_a_server_loads_no_tensorflow() -> None:
    """The modules behind `regpipe predict --endpoint` load no TensorFlow, TFX or Beam."""
    code = (
        "import sys, serving.client.connect;"
        "from serving.predict import add_probabilities, model_folder, output, sources; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"tensorflow", "tfx", "tfx_bsl", "apache_beam", "keras", "tensorflow_serving"}
    assert not {name.partition(".")[0] for name in done.stdout.split()} & heavy


def test_the_command_line_loads_nothing_heavy() -> None:
    """The command line and the configuration load no TensorFlow, TFX, Beam, Arrow or kfp."""
    heavy = ("tensorflow", "tfx", "apache_beam", "pyarrow", "keras", "numpy", "kfp", "kubernetes")
    code = "import sys, pipeline_def.cli.main, pipeline_def.config.load; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & set(heavy)
