"""The keys under `beam`: the command line that they make, the errors, and that they are not in the cache key."""

from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
    WorkerOptions,
)

from pipeline_def.config.beam import BeamConfig
from pipeline_def.config.load import ConfigError, load_config
from pipeline_def.steps import STEPS

LOCAL = ["--runner=FnApiRunner", "--sdk_container_image=local"]
FLINK = ["runner=flink", "master=flink:8081"]
GOOGLE = [
    "runner=dataflow",
    "dataflow.project=a-project",
    "dataflow.region=europe-west4",
    "dataflow.temp_location=gs://bucket/temp",
]


def args(*overrides: str) -> list[str]:
    return load_config(None, [f"beam.{override}" for override in overrides]).beam_args()


def test_the_group_names_the_steps_that_use_beam() -> None:
    """The sentence in `regpipe config` agrees with the table of steps."""
    assert f"({', '.join(step.name for step in STEPS if step.uses_beam)})" in str(BeamConfig.__doc__)


def test_one_process_is_the_default() -> None:
    """The runner needs no network, and TFX builds no package of itself."""
    assert args() == LOCAL


def test_several_processes() -> None:
    """parallelism=1 is the same as none."""
    more = ["--direct_running_mode=multi_processing", "--direct_num_workers=4", "--beam_plugin=tfx"]
    assert args("parallelism=4") == LOCAL + more
    assert args("parallelism=1") == LOCAL


def test_beam_parses_the_arguments_for_flink() -> None:
    """The default program is regpipe-beam-worker; other options are passed on unchanged."""
    given = [
        *FLINK,
        "environment=process",
        "parallelism=8",
        "arguments=[environment_cache_millis=60000, x=a b]",
    ]
    found = PipelineOptions(args(*given))
    assert found.view_as(StandardOptions).runner.endswith("FlinkRunner")
    assert found.view_as(FlinkRunnerOptions).flink_master == "flink:8081"
    assert found.view_as(FlinkRunnerOptions).parallelism == 8
    portable = found.view_as(PortableOptions)
    assert portable.environment_type == "PROCESS"
    assert portable.environment_options == ["process_command=regpipe-beam-worker"]
    assert portable.environment_cache_millis == "60000"
    assert "--x=a b" in args(*given)
    assert args("arguments=[no_auth]") == [*LOCAL, "--no_auth"]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["environment=external", "worker=localhost:50000"],
            ["--environment_type=EXTERNAL", "--environment_option=external_service_address=localhost:50000"],
        ),
        (
            ["environment=docker", "worker=i:1"],
            ["--environment_type=DOCKER", "--environment_option=docker_container_image=i:1"],
        ),
        (["environment=loopback"], ["--environment_type=LOOPBACK"]),
    ],
)
def test_the_environments_of_workers(overrides: list[str], expected: list[str]) -> None:
    """As Beam's options."""
    assert args(*FLINK, *overrides)[-len(expected) :] == expected


def test_spark_with_a_job_server() -> None:
    """A running job server has its own master, so none is passed."""
    assert args("runner=spark", "job_endpoint=localhost:8099", "environment=loopback") == [
        "--runner=SparkRunner",
        "--beam_plugin=tfx",
        "--sdk_container_image=local",
        "--job_endpoint=localhost:8099",
        "--environment_type=LOOPBACK",
    ]
    local = args("runner=spark", "master=local[2]", "job_server_jar=/j.jar", "environment=loopback")
    assert local[3:5] == ["--spark_master_url=local[2]", "--spark_job_server_jar=/j.jar"]


def test_beam_parses_the_arguments_for_dataflow() -> None:
    """Without beam.worker, the workers' image is kubeflow.image."""
    config = load_config(
        None,
        [
            "kubeflow.image=i:1",
            *(f"beam.{given}" for given in (*GOOGLE, "dataflow.service_account=a@b", "parallelism=50")),
        ],
    )
    found = PipelineOptions(config.beam_args())
    google = found.view_as(GoogleCloudOptions)
    assert found.view_as(StandardOptions).runner == "DataflowRunner"
    assert (google.project, google.region) == ("a-project", "europe-west4")
    assert google.temp_location == "gs://bucket/temp"
    assert google.service_account_email == "a@b"
    assert found.view_as(WorkerOptions).sdk_container_image == "i:1"
    assert found.view_as(WorkerOptions).max_num_workers == 50


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["runner=samza"], "runner: expected local, flink, spark or dataflow, got 'samza'"),
        (["parallelism=0"], "parallelism: expected a whole number >= 1 or null, got 0"),
        (["master=flink:8081"], "master: expected none with beam.runner: local, got 'flink:8081'"),
        (["worker=w"], "worker: expected none with beam.runner: local, got 'w'"),
        (
            ["runner=flink", "environment=process"],
            "master: expected HOST:PORT of Flink's REST interface, or beam.job_endpoint, got none",
        ),
        (
            ["runner=flink", "master=flink", "environment=process"],
            "master: expected HOST:PORT of Flink's REST interface, got 'flink'",
        ),
        (
            ["runner=spark", "master=s:7077", "environment=process"],
            "master: expected a master's URL such as spark://HOST:7077 or local[2], got 's:7077'",
        ),
        (
            [*FLINK, "job_endpoint=j:8099", "environment=process"],
            "master: expected none with beam.job_endpoint, whose server has its own setting, got 'flink:8081'",
        ),
        (["job_endpoint=8099"], "job_endpoint: expected HOST:PORT, got '8099'"),
        (
            FLINK,
            "environment: expected process, external, docker or loopback with beam.runner: flink, got none",
        ),
        (
            [*FLINK, "environment=external"],
            "worker: expected HOST:PORT of the pool that starts workers, got none",
        ),
        ([*FLINK, "environment=docker"], "worker: expected the image of the workers, or kubeflow.image, got neither"),
        (
            [*FLINK, "environment=loopback", "worker=w"],
            "worker: expected none with beam.environment: loopback, got 'w'",
        ),
        (
            ["runner=spark", "master=yarn", "environment=loopback", "parallelism=2"],
            "parallelism: expected none with beam.runner: spark, got 2",
        ),
        (GOOGLE[:2], "dataflow.region: expected a value with beam.runner: dataflow, got none"),
        (GOOGLE, "worker: expected the image of the workers, or kubeflow.image, got neither"),
        (
            ["dataflow.project=p"],
            "dataflow.project: expected none with beam.runner: local, got 'p'",
        ),
        (
            ["dataflow.temp_location=gs://b/t"],
            "dataflow.temp_location: expected a folder such as gs://bucket/temp, got 'gs://b/t'",
        ),
        (
            ["arguments=[--x=1]"],
            "arguments: expected name=value, or the name of a switch, without leading dashes, got '--x=1'",
        ),
        (
            ["arguments=[direct_num_workers=2]"],
            "arguments: expected options without their own key, got 'direct_num_workers'; set beam.parallelism instead",
        ),
    ],
)  # fmt: skip
def test_invalid_combinations_are_errors(overrides: list[str], problem: str) -> None:
    """The message names the invalid key, the expectation and the value."""
    with pytest.raises(ConfigError) as refused:
        args(*overrides)
    (found,) = refused.value.problems
    assert found.partition(": ")[2] == f"beam.{problem}"


def test_the_cache_key_is_independent_of_where_beam_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key has the local arguments for every runner, and the library versions; the executor gets the real ones."""
    from tfx.orchestration.local import runner_utils

    from pipeline_def.launcher.compiled_pipeline import compile_local
    from pipeline_def.launcher.node import cache_key_spec
    from pipeline_def.launcher.run_options import RunOptions

    def spec(*overrides: str, step: str = "Transform") -> Any:
        config = load_config(None, [f"beam.{override}" for override in overrides])
        pipeline = compile_local(config, RunOptions(root=tmp_path), "a-run")
        return runner_utils.extract_executor_spec(
            runner_utils.extract_local_deployment_config(pipeline), step
        )

    local, flink = spec(), spec(*FLINK, "environment=loopback")
    assert flink != local
    assert cache_key_spec(flink) == cache_key_spec(local)
    assert cache_key_spec(flink).beam_pipeline_args == local.beam_pipeline_args
    # The version of a library is part of the key of every step, also of one that does not run on Beam.
    schema = spec(step="SchemaGen")
    before = [cache_key_spec(each) for each in (local, schema)]
    monkeypatch.setattr("pipeline_def.launcher.node.versions_text", lambda: "numpy 99.0")
    for key, each in zip(before, (local, schema), strict=True):
        assert cache_key_spec(each) != key
        assert cache_key_spec(each) != each
