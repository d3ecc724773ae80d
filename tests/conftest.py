"""What makes the tests fast; small SavedModels that answer what they are told to; old records; a bucket on gs://."""

import functools
import inspect
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_def.launcher import lazy_imports

MakeModel = Callable[..., str]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects no garbage while the tests and what they import are loaded, which is a fifth of that time."""
    with lazy_imports.importing():
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def _stack_without_source() -> Iterator[None]:
    """Lets inspect.stack() read no source lines: kfp takes a stack for each setting of a task.

    With pytest's frames and the modules of all tests that made the compilation of a pipeline take 2 s instead of 0.1.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspect, "stack", functools.partial(inspect.stack, context=0))
        yield


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """The SavedModel that answers a number, made once."""
    import tensorflow as tf

    made: dict[float, Path] = {}

    def template(answer: float) -> Path:
        if answer not in made:
            made[answer] = tmp_path_factory.mktemp("model") / "model"
            module = tf.Module()
            module.answer = tf.Variable(answer)

            @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])  # type: ignore[untyped-decorator]
            def serving_default(x: Any) -> dict[str, Any]:
                return {"probability": tf.zeros_like(x) + module.answer}

            tf.saved_model.save(module, str(made[answer]), {"serving_default": serving_default})
        return made[answer]

    return template


@pytest.fixture
def make_model(tmp_path: Path, templates: Callable[[float], Path]) -> MakeModel:
    """`make_model(0.25)`: the folder of a model that answers 0.25 to each row, with a warm-up request of two rows."""

    def make(answer: float = 0.5, name: str = "model") -> str:
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

        folder = tmp_path / "models" / f"{name}-{answer}"
        shutil.copytree(templates(answer), folder)
        request = predict_pb2.PredictRequest()
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
        log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
        (folder / "assets.extra").mkdir()
        with tf.io.TFRecordWriter(str(folder / "assets.extra" / "tf_serving_warmup_requests")) as writer:
            writer.write(log.SerializeToString())
        return str(folder)

    return make


@pytest.fixture(scope="session")
def version_1() -> Path:
    """The folder with summary.json and verdict.json of one run, as regpipe 0.2 wrote them; the curves are cut short."""
    return Path(__file__).parent / "records" / "version_1"


@pytest.fixture
def gcs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A GcsServer that TensorFlow and Beam in this process find behind gs://, with a bucket called `bucket`.

    TensorFlow remembers for some seconds what it has seen of a path: each test takes paths of its own. And an upload
    that fails is tried once more while Python's lock is held, on which the server then waits: not in this process.
    """
    from tests.standins.gcs.server import GcsServer

    with GcsServer(tmp_path_factory.mktemp("gcs"), "bucket") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
    assert server.api.unknown == []
