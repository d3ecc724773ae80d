"""The same pipeline in stock TFX, written like its templates and tutorials, for the comparison in suite.py.

Everything is at its default: components, caching (off), data input, the statistics of Transform. This file is
also the `module_file` of Transform and of the Trainers: `preprocessing_fn` and `run_fn` are found by name.

It differs from the templates only where this is necessary or makes stock TFX faster. The model uses Keras 3. There is
no MirroredStrategy and no TensorBoard callback, because they take time (the larger templates have both, the first
tutorial has neither). Beam's runner is set, see `BEAM_ARGS`.

    python benchmarks/stock_tfx.py --data FOLDER_WITH_CSV --root FOLDER
"""

import argparse
import ensurepip
import functools
import importlib.metadata
import math
import os
import zipfile
from pathlib import Path

import keras
import tensorflow as tf
import tensorflow_model_analysis as tfma
import tensorflow_transform as tft
from absl import logging
from tfx import v1 as tfx
from tfx_bsl.public import tfxio

FEATURES = tuple(f"f{index}" for index in range(20))
LABEL = "label"
MODULE = Path(__file__).resolve()
METRICS = ("AUC", "AUCPrecisionRecall", "BinaryCrossentropy", "BinaryAccuracy", "Precision", "Recall")
SPLITS = {"train": 6, "eval": 2, "test": 2}  # in tenths

# The templates do not set a runner. The default, DirectRunner, first downloads the Prism binary, and without a network
# it waits forever. FnApiRunner is the in-process runner that DirectRunner used before. --sdk_container_image would
# avoid building a TFX package for each step; it is not set, because few users of TFX know it.
BEAM_ARGS = ["--runner=FnApiRunner"]


def transformed_name(name: str) -> str:
    """Returns the name of a feature after Transform."""
    return name + "_xf"


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Scales each feature to 0-1; called by Transform."""
    outputs = {transformed_name(name): tft.scale_to_0_1(inputs[name]) for name in FEATURES}
    outputs[transformed_name(LABEL)] = inputs[LABEL]
    return outputs


def run_fn(fn_args: tfx.components.FnArgs) -> None:
    """Trains one model and exports it; called by both Trainers."""
    tft_output = tft.TFTransformOutput(fn_args.transform_output)
    model = _build_model(regularized=fn_args.custom_config["regularized"])
    model.fit(
        _input_fn(fn_args.train_files, fn_args, tft_output),
        epochs=fn_args.custom_config["epochs"],
        steps_per_epoch=fn_args.train_steps,
        validation_data=_input_fn(fn_args.eval_files, fn_args, tft_output),
        validation_steps=fn_args.eval_steps,
    )
    signatures = {"serving_default": _serving_signature(model, tft_output)}
    tf.saved_model.save(model, fn_args.serving_model_dir, signatures=signatures)


def _input_fn(
    files: list[str], fn_args: tfx.components.FnArgs, tft_output: tft.TFTransformOutput
) -> tf.data.Dataset:
    """Returns endless batches of (features by name, label)."""
    batch_size = fn_args.custom_config["batch_size"]
    options = tfxio.TensorFlowDatasetOptions(batch_size=batch_size, label_key=transformed_name(LABEL))
    schema = tft_output.transformed_metadata.schema
    return fn_args.data_accessor.tf_dataset_factory(files, options, schema).repeat()


def _build_model(*, regularized: bool) -> keras.Model:
    """Builds and compiles the network; the baseline is the one without regularization."""
    inputs = {name: keras.Input(shape=(1,), name=name) for name in map(transformed_name, FEATURES)}
    x = keras.layers.concatenate(list(inputs.values()))
    for units in (128, 64):
        regularizer = keras.regularizers.L1L2(l1=1e-5, l2=1e-4) if regularized else None
        x = keras.layers.Dense(units, activation="relu", kernel_regularizer=regularizer)(x)
        if regularized:
            x = keras.layers.Dropout(0.1)(x)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[keras.metrics.AUC(name="auc")],
    )
    return model


def _serving_signature(
    model: keras.Model, tft_output: tft.TFTransformOutput
) -> tf.types.experimental.GenericFunction:
    """Returns the function that scores serialized tf.Examples with raw features."""
    model.tft_layer = tft_output.transform_features_layer()  # tracked, so that it is saved with the model

    @tf.function(input_signature=[tf.TensorSpec(shape=[None], dtype=tf.string, name="examples")])  # type: ignore[untyped-decorator]
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = tft_output.raw_feature_spec()
        spec.pop(LABEL)
        raw = tf.io.parse_example(examples, spec)
        # TFT returns a subclass of dict, which Keras 3 treats as a tensor.
        return {"outputs": model(dict(tft_output.transform_raw_features(raw)))}

    return serve


def create_pipeline(data: Path, root: Path, epochs: int, batch_size: int) -> tfx.dsl.Pipeline:
    """Creates the pipeline, which reads the CSV files in `data` and writes everything under `root`."""
    components = tfx.components
    split = tfx.proto.SplitConfig.Split
    splits = [split(name=name, hash_buckets=tenths) for name, tenths in SPLITS.items()]
    output = tfx.proto.Output(split_config=tfx.proto.SplitConfig(splits=splits))
    example_gen = components.CsvExampleGen(input_base=str(data), output_config=output)
    examples = example_gen.outputs["examples"]
    statistics_gen = components.StatisticsGen(examples=examples)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = components.SchemaGen(statistics=statistics)
    schema = schema_gen.outputs["schema"]
    validator = components.ExampleValidator(statistics=statistics, schema=schema)
    transform = components.Transform(examples=examples, schema=schema, module_file=str(MODULE))

    steps = {name: math.ceil(_count_rows(data) * tenths / 10 / batch_size) for name, tenths in SPLITS.items()}
    make_trainer = functools.partial(
        components.Trainer,
        module_file=str(MODULE),
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema,
        train_args=tfx.proto.TrainArgs(num_steps=steps["train"]),
        eval_args=tfx.proto.EvalArgs(num_steps=steps["eval"]),
    )
    options = {"epochs": epochs, "batch_size": batch_size}
    trainer = make_trainer(custom_config={**options, "regularized": True})
    baseline_trainer = make_trainer(custom_config={**options, "regularized": False})
    baseline_trainer = baseline_trainer.with_id("BaselineTrainer")
    model = trainer.outputs["model"]
    evaluator = components.Evaluator(
        examples=examples,
        model=model,
        baseline_model=baseline_trainer.outputs["model"],
        example_splits=["test"],
        eval_config=_eval_config(),
    )
    destination = tfx.proto.PushDestination.Filesystem(base_directory=str(root / "serving"))
    pusher = components.Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(filesystem=destination),
    )
    data_steps = [example_gen, statistics_gen, schema_gen, validator, transform]
    store = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "metadata.db"))
    return tfx.dsl.Pipeline(
        pipeline_name="stock",
        pipeline_root=str(root / "artifacts"),
        components=[*data_steps, trainer, baseline_trainer, evaluator, pusher],
        metadata_connection_config=store,
        beam_pipeline_args=BEAM_ARGS,
    )


def _count_rows(data: Path) -> int:
    """Counts the examples of the CSV files in `data`; a user of the templates would write the number of steps."""
    return sum(path.read_bytes().count(b"\n") - 1 for path in data.iterdir())


def _eval_config() -> tfma.EvalConfig:
    """Returns the metrics, and thresholds that are loose enough for the model to be pushed."""
    higher, lower = tfma.MetricDirection.HIGHER_IS_BETTER, tfma.MetricDirection.LOWER_IS_BETTER
    thresholds = {
        "AUC": tfma.MetricThreshold(
            value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.6}),
            change_threshold=tfma.GenericChangeThreshold(direction=higher, absolute={"value": -0.1}),
        ),
        "BinaryCrossentropy": tfma.MetricThreshold(
            change_threshold=tfma.GenericChangeThreshold(direction=lower, absolute={"value": 1.0})
        ),
    }
    metrics = [
        tfma.MetricConfig(class_name=name, threshold=thresholds.get(name))
        for name in (*METRICS, "ExampleCount")
    ]
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(signature_name="serving_default", label_key=LABEL)],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )


def provide_pip(folder: Path) -> None:
    """Unpacks the pip that is bundled with Python, if the environment has none: `module_file` calls `-m pip`.

    uv creates environments without pip. The folder is added to PYTHONPATH, so that the environment is not changed.
    The check does not use `find_spec("pip")`, because setuptools' import hook then assumes that pip is running, and
    TFX fails.
    """
    if not any(importlib.metadata.distributions(name="pip")):
        if not folder.exists():
            (wheel,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
            zipfile.ZipFile(wheel).extractall(folder)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(folder)]))


def main() -> None:
    """Reads the arguments and runs the pipeline; ML Metadata records when each step began and ended."""
    parser = argparse.ArgumentParser(description="Run the stock TFX pipeline.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the CSV file")
    parser.add_argument("--root", type=Path, required=True, help="folder for all output")
    parser.add_argument(
        "--epochs", type=int, default=15, help="passes over the train split (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size", type=int, default=128, help="examples per step (default: %(default)s)"
    )
    parser.add_argument("--pip", type=Path, help="where to unpack pip if there is none (default: ROOT/pip)")
    args = parser.parse_args()
    logging.set_verbosity(logging.INFO)
    root = args.root.absolute()
    provide_pip((args.pip or root / "pip").absolute())
    pipeline = create_pipeline(args.data.absolute(), root, args.epochs, args.batch_size)
    tfx.orchestration.LocalDagRunner().run(pipeline)


if __name__ == "__main__":
    main()
