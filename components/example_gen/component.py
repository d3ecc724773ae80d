"""The ExampleGen component: connects its driver and executor to TFX."""

from tfx.components.example_gen import component
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.config.data import SPLITS, DataConfig
from components.example_gen import driver, executor
from components.example_gen.exec_properties import ExampleGenProperties


class TableExampleGen(component.FileBasedExampleGen):  # type: ignore[misc]
    """Reads CSV or Parquet files into tf.Examples.

    Every feature is one float32, NaN where it is missing; the weight, if there is one, is a float32 > 0; the label is
    an int64.

    Output `examples`: an Examples artifact with the splits train, eval and test as uncompressed TFRecords. Beside the
    splits: `ingest.json`, see `components.common.ingest_record`, and `rejected_rows.jsonl`, the rejected rows.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.ExampleGenExecutor)
    DRIVER_CLASS = driver.ExampleGenDriver

    def __init__(self, settings: DataConfig, rejected_dir: str, code_digest: str) -> None:
        """Configures the component; reads no files.

        Args:
            settings: where the table is and how it is read; paths are absolute.
            rejected_dir: the folder for the rejected rows of a table that is refused; created when needed.
            code_digest: the digest of the code that creates the examples, so that a change invalidates TFX's cache.
        """
        parts = [
            example_gen_pb2.SplitConfig.Split(name=split, hash_buckets=getattr(settings.split, split))
            for split in SPLITS
        ]
        super().__init__(
            input_base=settings.input,
            output_config=example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=parts)),
            custom_config=ExampleGenProperties(settings, rejected_dir, code_digest).pack(),
        )
