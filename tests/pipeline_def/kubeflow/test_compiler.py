"""The compiled pipeline follows the rules of the open-source backend, and contains the settings of the configuration.

The rules come from github.com/kubeflow/pipelines at 7b70c7b9 (after 2.17.0), from the files named in each test.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline_def.config.load import ConfigError, load_config
from pipeline_def.kubeflow.command_package import COMMAND, command_package
from pipeline_def.kubeflow.compiler import compile_kubeflow
from pipeline_def.kubeflow.package import Package

BASE = ("name=churn", "kubeflow.image=registry/regpipe:1", "data.input=/mnt/regpipe/days.csv")
# With everything optional: columns of text, a split by time, a Tuner, an exit handler, lists, GPUs, secrets.
FULL = (
    *BASE,
    "data.categorical=[plan, 'größe, \"1\"']",
    "data.split.by=time",
    "data.split.column=order's day",
    "data.split.eval_from=2024-07-01",
    "data.split.test_from='2024-10-01 12:00'",
    "model.l1=0.0001",
    "model.l2=[0.001, 0.002, 0]",
    "evaluation.max_gap=0.5",
    "notify.secret=hook",
    "kubeflow.steps.env=[HTTPS_PROXY=http://proxy:3128]",
    "kubeflow.steps.secrets=[TOKEN=store:token]",
    "kubeflow.steps.node_selector=[disk=ssd]",
    "kubeflow.steps.timeout=3600",
    "kubeflow.overrides=[{step: Trainer, gpus: 2, memory: 8Gi, image: gpu:1, "
    "tolerations: ['gpu=yes:NoSchedule', 'x:NoExecute']}]",
)
# ParameterType, api/v2alpha1/pipeline_spec.proto
TYPES = {"STRING", "NUMBER_INTEGER", "NUMBER_DOUBLE", "BOOLEAN", "LIST", "STRUCT"}


def compiled(*settings: str) -> str:
    return compile_kubeflow(load_config(None, settings))


def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


@pytest.fixture(scope="module", params=["default", "full", "commands"])
def spec(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The pipeline, and the package of one step for commands."""
    if request.param == "commands":
        return documents(command_package(load_config(None, FULL)).text)[0]
    return documents(compiled(*(FULL if request.param == "full" else BASE)))[0]


@pytest.fixture(scope="module")
def full() -> list[dict[str, Any]]:
    return documents(compiled(*FULL))


def dags(spec: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The components that consist of tasks, each with its tasks."""
    for component in (spec["root"], *spec["components"].values()):
        if "dag" in component:
            yield component, component["dag"]["tasks"]


def tasks(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: task for _, found in dags(spec) for name, task in found.items()}


def executor(spec: Mapping[str, Any], step: str) -> dict[str, Any]:
    found: dict[str, Any] = spec["deploymentSpec"]["executors"][f"exec-{step}"]["container"]
    return found


def test_the_version_the_name_and_the_documents() -> None:
    """Schema 2.1.0, a name, a root, no unknown field, one pipeline, one platform: apiserver/template/v2_template.go."""
    for settings in (BASE, FULL):
        pipeline, platform = documents(compiled(*settings))
        parsed = json_format.ParseDict(pipeline, pipeline_spec_pb2.PipelineSpec())
        assert parsed.schema_version == "2.1.0"
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", parsed.pipeline_info.name)
        assert parsed.HasField("root")
        json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
        assert list(platform["platforms"]) == ["kubernetes"]


def test_executors_are_containers(spec: dict[str, Any]) -> None:
    """Each component's executor exists and is a container with a command; resolvers, custom jobs and (here) importers
    are not supported: compiler/visitor.go, compiler/argocompiler/argo.go and dag.go.
    """
    executors = spec["deploymentSpec"]["executors"]
    labels = {
        component["executorLabel"] for component in spec["components"].values() if "dag" not in component
    }
    assert labels == set(executors)
    for found in executors.values():
        assert list(found) == ["container"]
        assert found["container"]["image"]
        assert found["container"]["command"][:2] == ["python", "-m"]


def test_references_of_tasks_exist(spec: dict[str, Any]) -> None:
    """Components by name, producers and predecessors in the same graph, no iterators, no conditions, caching off:
    compiler/visitor.go, argocompiler/dag.go; driver/container.go for the cache.
    """
    for _, found in dags(spec):
        assert found
        for name, task in found.items():
            assert task["componentRef"]["name"] in spec["components"]
            assert set(task.get("dependentTasks", ())) <= set(found) - {name}
            assert not {"iteratorPolicy", "parameterIterator", "artifactIterator"} & set(task)
            assert "condition" not in task.get("triggerPolicy", {})
            if "dag" not in spec["components"][task["componentRef"]["name"]]:
                assert task["cachingOptions"] == {}  # proto3: enableCache is false
            for given in task.get("inputs", {}).get("parameters", {}).values():
                producer = given.get("taskOutputParameter", given.get("taskFinalStatus", {})).get(
                    "producerTask"
                )
                assert producer is None or producer in task["dependentTasks"]


def test_names_are_kubernetes_names(spec: dict[str, Any]) -> None:
    """They become names of Argo templates: RFC 1123, argocompiler/argo.go templateName."""
    for name in (*spec["components"], *tasks(spec)):
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)


def test_parameters_have_types_and_defaults(spec: dict[str, Any]) -> None:
    """Parameters have a known type and a default of this type: template/v2_template.go validatePipelineJobInputs.

    A command has no default.
    """
    for name, parameter in spec["root"]["inputDefinitions"]["parameters"].items():
        assert parameter["parameterType"] in TYPES
        if name == COMMAND:
            assert "defaultValue" not in parameter
            continue
        kinds: Any = {"STRING": str, "LIST": list}.get(parameter["parameterType"], (int, float))
        assert isinstance(parameter["defaultValue"], kinds)


def test_inputs_have_values_of_their_type(spec: dict[str, Any]) -> None:
    """The inputs of a task have the types that its component declares: driver/resolve.go typeMismatch."""
    for component, found in dags(spec):
        for task in found.values():
            inner = spec["components"][task["componentRef"]["name"]]
            declared = inner.get("inputDefinitions", {}).get("parameters", {})
            given = task.get("inputs", {}).get("parameters", {})
            assert {name for name, each in declared.items() if not each.get("isOptional")} <= set(given)
            for name, value in given.items():
                assert _type_of(value, component, found, spec) == declared[name]["parameterType"], name


def _type_of(
    value: dict[str, Any], outer: dict[str, Any], found: dict[str, Any], spec: dict[str, Any]
) -> str:
    if "componentInputParameter" in value:
        parameters = outer["inputDefinitions"]["parameters"]
        return str(parameters[value["componentInputParameter"]]["parameterType"])
    if "taskOutputParameter" in value:
        source = value["taskOutputParameter"]
        component = spec["components"][found[source["producerTask"]]["componentRef"]["name"]]
        return str(
            component["outputDefinitions"]["parameters"][source["outputParameterKey"]]["parameterType"]
        )
    if "taskFinalStatus" in value:
        return "TASK_FINAL_STATUS"
    assert isinstance(value["runtimeValue"]["constant"], str)
    return "STRING"


def test_arguments_contain_only_placeholders_that_the_launcher_replaces(spec: dict[str, Any]) -> None:
    """Inputs, paths of outputs, and the executor input: component/launcher_v2.go getPlaceholders. The run's id is not
    one of them: it is replaced only if it is the whole constant value of an input, driver/resolve.go.
    """
    for name, component in spec["components"].items():
        if "dag" in component:
            continue
        inputs = component.get("inputDefinitions", {}).get("parameters", {})
        outputs = component.get("outputDefinitions", {}).get("artifacts", {})
        allowed = {"{{$}}"} | {f"{{{{$.inputs.parameters['{key}']}}}}" for key in inputs}
        allowed |= {f"{{{{$.outputs.artifacts['{key}'].path}}}}" for key in outputs}
        container = executor(spec, name.removeprefix("comp-"))
        for word in (*container["command"], *container["args"]):
            assert set(re.findall(r"\{\{.*?\}\}", word)) <= allowed, word
    for task in tasks(spec).values():
        for given in task.get("inputs", {}).get("parameters", {}).values():
            constant = given.get("runtimeValue", {}).get("constant", "{{$.pipeline_job_uuid}}")
            assert constant == "{{$.pipeline_job_uuid}}"


def test_the_exit_task_waits_for_the_steps(full: list[dict[str, Any]]) -> None:
    """It has one predecessor, which may fail: driver/resolve.go (DependentTasks[0]), argocompiler/dag.go."""
    notify = full[0]["root"]["dag"]["tasks"]["exit-step"]
    assert notify["dependentTasks"] == [
        notify["inputs"]["parameters"]["status"]["taskFinalStatus"]["producerTask"]
    ]
    assert notify["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


def test_outputs_have_types_that_kubeflow_displays(spec: dict[str, Any]) -> None:
    """system.HTML and system.Metrics: component/launcher_v2.go getArtifactSchema, and the viewers of the frontend."""
    titles = {
        name: artifact["artifactType"]["schemaTitle"]
        for component in spec["components"].values()
        for name, artifact in component.get("outputDefinitions", {}).get("artifacts", {}).items()
    }
    expected = {"report": "system.HTML", "metrics": "system.Metrics"}
    assert titles == ({"output": "system.HTML"} if "comp-command" in spec["components"] else expected)


def test_equal_configurations_give_equal_bytes() -> None:
    """A version is named by the digest of its content."""
    assert compiled(*FULL) == compiled(*FULL)


def test_keys_that_no_container_reads_do_not_change_the_pipeline() -> None:
    """Host, schedule, experiment and service account."""
    others = (
        "kubeflow.host=https://k",
        "kubeflow.schedule.interval=60",
        "kubeflow.experiment=e",
        "kubeflow.service_account=s",
    )
    assert compiled(*BASE, *others) == compiled(*BASE)


@pytest.mark.parametrize("settings", [BASE, FULL], ids=["default", "full"])
def test_the_order_is_that_of_the_graph(settings: tuple[str, ...], tmp_path: Path) -> None:
    """Each step has the same direct and indirect predecessors as in the compiled TFX pipeline."""
    from pipeline_def.launcher.compiled_pipeline import compile_local
    from pipeline_def.launcher.run_options import RunOptions

    config = load_config(None, settings)
    nodes = compile_local(config, RunOptions(root=tmp_path), "a-run").nodes
    edges = {node.pipeline_node.node_info.id: set(node.pipeline_node.upstream_nodes) for node in nodes}
    spec = documents(compile_kubeflow(config))[0]
    compiled_edges = {
        task["taskInfo"]["name"]: {
            tasks(spec)[name]["taskInfo"]["name"] for name in task.get("dependentTasks", ())
        }
        for name, task in tasks(spec).items()
    }
    for step in config.step_names():
        assert _before(compiled_edges, step) == _before(edges, step), step
    assert compiled_edges["Verdict"] == {"Report"}


def _before(edges: Mapping[str, set[str]], step: str) -> set[str]:
    return edges[step].union(*(_before(edges, name) for name in edges[step]))


def test_parameters_are_typed_as_the_configuration_is() -> None:
    """Its values are the defaults; a penalty for each layer is a list; a threshold that is null has no parameter."""
    parameters = Package("churn", compiled(*BASE)).parameters
    assert {name: (p["parameterType"], p["defaultValue"]) for name, p in parameters.items()} == {
        "data_input": ("STRING", "/mnt/regpipe/days.csv"),
        "span": ("STRING", "latest"),
        "epochs": ("NUMBER_INTEGER", 100),
        "learning_rate": ("NUMBER_DOUBLE", 1e-3),
        "l1": ("STRING", "auto"),
        "l2": ("STRING", "auto"),
        "group_l1": ("NUMBER_DOUBLE", 0.0),
        "dropout": ("STRING", "auto"),
        "min_auc": ("NUMBER_DOUBLE", 0.6),
        "max_auc_drop": ("NUMBER_DOUBLE", 0.02),
        "min_macro_auc": ("NUMBER_DOUBLE", 0.6),
        "max_macro_auc_drop": ("NUMBER_DOUBLE", 0.02),
        "push_destination": ("STRING", "/mnt/regpipe/serving"),
    }
    parameters = Package("churn", compiled(*FULL, "data.span=3", "serving.directory=gs://b/m")).parameters
    for name, kind, value in (
        ("l1", "NUMBER_DOUBLE", 0.0001), ("l2", "LIST", [0.001, 0.002, 0]), ("max_gap", "NUMBER_DOUBLE", 0.5),
        ("span", "STRING", "3"),
        ("push_destination", "STRING", "gs://b/m"),
    ):  # fmt: skip
        assert (parameters[name]["parameterType"], parameters[name]["defaultValue"]) == (kind, value)


@pytest.mark.parametrize(
    ("task", "gates"),
    [
        ("auto", {"min_auc", "max_auc_drop", "max_rmse_rise", "min_macro_auc", "max_macro_auc_drop"}),
        ("regression", {"max_rmse_rise"}),
    ],
)
def test_the_thresholds_of_a_task_are_parameters(task: str, gates: set[str]) -> None:
    """With auto those of all tasks, because the task follows from the table."""
    values = (*BASE, f"data.task={task}", "evaluation.max_rmse_rise=0.5")
    parameters = Package("churn", compiled(*values)).parameters
    assert {name for name in parameters if name.startswith(("max_", "min_"))} == gates


def test_the_first_step_reads_the_compiled_configuration() -> None:
    """Its arguments, with placeholders replaced, give the same configuration except keys that no step reads."""
    from pipeline_def.kubeflow.step_attempts import child_arguments
    from pipeline_def.kubeflow.step_entrypoint import _load_config, _parser

    config = load_config(None, (*FULL, "kubeflow.host=https://k", "data.label=it's {x}"))
    text = compile_kubeflow(config)
    arguments = executor(documents(text)[0], "example-gen")["args"]
    for name, parameter in Package("churn", text).parameters.items():
        value = parameter["defaultValue"]
        if (
            isinstance(value, float) and value.is_integer()
        ):  # 100, as both the driver and the launcher write it
            value = int(value)
        shown = value if isinstance(value, str) else json.dumps(value)
        arguments = [word.replace(f"{{{{$.inputs.parameters['{name}']}}}}", shown) for word in arguments]
    read = _load_config(_parser().parse_args(child_arguments(arguments)))
    assert read.serving.directory == "/mnt/regpipe/serving"
    for group in ("name", "data", "model", "training", "tuning", "evaluation"):
        assert getattr(read, group) == getattr(config, group)
    assert (read.kubeflow.metadata, read.kubeflow.root) == (config.kubeflow.metadata, config.kubeflow.root)
    assert read.kubeflow.host is None


def test_containers_have_the_configured_settings(full: list[dict[str, Any]]) -> None:
    """GPUs, memory, image and tolerations of one step; variables, secrets, nodes, volume and metadata store of all."""
    pipeline, platform = full
    kubernetes = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    trainer, baseline = (executor(pipeline, name) for name in ("trainer", "baseline-trainer"))
    assert (trainer["image"], baseline["image"]) == ("gpu:1", "registry/regpipe:1")
    resources = trainer["resources"]
    assert resources["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert resources["accelerator"]["resourceCount"] == "2"
    assert (resources["resourceMemoryRequest"], resources["resourceMemoryLimit"]) == ("8Gi", "8Gi")
    assert kubernetes["exec-trainer"]["tolerations"] == [
        {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
        {"key": "x", "operator": "Exists", "effect": "NoExecute"},
    ]
    for name, found in kubernetes.items():
        secrets = {
            pair["envVar"]: (secret["secretName"], pair["secretKey"])
            for secret in found["secretAsEnv"]
            for pair in secret["keyToEnv"]
        }
        extra = {"exec-exit-step": {"REGPIPE_NOTIFY_URL": ("hook", "url")}, "exec-verdict": {}}.get(
            name,
            {
                "REGPIPE_METADATA_USER": ("regpipe-mysql", "user"),
                "REGPIPE_METADATA_PASSWORD": ("regpipe-mysql", "password"),
            },
        )
        assert secrets == {"TOKEN": ("store", "token"), **extra}
        assert found["nodeSelector"] == {"labels": {"disk": "ssd"}}
        # Of a pod that makes one attempt; the others get the limit of each attempt as an argument.
        one_attempt = name in ("exec-exit-step", "exec-verdict")
        assert found.get("activeDeadlineSeconds") == ("3600" if one_attempt else None)
        if name != "exec-verdict":
            assert [(m["constant"], m["mountPath"]) for m in found["pvcMount"]] == [
                ("regpipe", "/mnt/regpipe")
            ]
    for task in ("trainer", "verdict"):
        assert executor(pipeline, task)["env"] == [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]
    retried = {name for name, task in tasks(pipeline).items() if "retryPolicy" in task}
    assert set(tasks(pipeline)) - retried == {"exit-handler-1", "verdict"}


def test_every_container_has_requests_and_a_memory_limit() -> None:
    """By default; the steps that compute nothing have small ones. With null there are none."""
    for settings, of_step, of_small in (
        ((), ("500m", "4Gi", "4Gi"), ("100m", "1Gi", "1Gi")),
        (("cpu='2'", "memory=8Gi"), ("2", "8Gi", "8Gi"), ("100m", "1Gi", "1Gi")),
        (("cpu=null", "memory=null"), (None, None, None), (None, None, None)),
    ):
        given = (f"kubeflow.steps.{setting}" for setting in settings)
        spec = documents(compiled(*BASE, "notify.secret=hook", *given))[0]
        for name, found in spec["deploymentSpec"]["executors"].items():
            resources = found["container"].get("resources", {})
            keys = ("resourceCpuRequest", "resourceMemoryRequest", "resourceMemoryLimit")
            expected = of_small if name in ("exec-verdict", "exec-exit-step") else of_step
            assert tuple(resources.get(key) for key in keys) == expected, name
            assert "resourceCpuLimit" not in resources


def test_an_image_may_have_a_digest() -> None:
    """Beside its tag, so that a tag which is moved changes nothing; it is passed on as it is."""
    image = f"registry.example/regpipe:1@sha256:{'0f' * 32}"
    gpu = image.replace("regpipe", "regpipe-gpu")
    override = f"kubeflow.overrides=[{{step: Trainer, image: '{gpu}'}}]"
    spec = documents(compiled(*BASE, f"kubeflow.image={image}", override))[0]
    images = {
        name: found["container"]["image"] for name, found in spec["deploymentSpec"]["executors"].items()
    }
    assert images.pop("exec-trainer") == gpu
    assert set(images.values()) == {image}


def test_retries_are_written_as_configured() -> None:
    """Each step gets its own rules as arguments. The backend may replace pods as often, in the whole window.

    kfp itself limits the window to an hour: dsl/structures.py, RetryPolicy.to_proto.
    """
    steps = ("retries=3", "backoff=10", "timeout=600", "retry_window=7200")
    override = (
        "kubeflow.overrides=[{step: Trainer, retries: 5, retry_window: 864000}, {step: Pusher, retries: 0}]"
    )
    settings = (*BASE, *(f"kubeflow.steps.{setting}" for setting in steps), override)
    spec, platform = documents(compiled(*settings))
    found = tasks(spec)
    for step, retries, window in (("transform", 3, 7200), ("trainer", 5, 864000), ("pusher", 0, 7200)):
        rules = [
            "--retries",
            str(retries),
            "--backoff",
            "10",
            "--retry-window",
            str(window),
            "--timeout",
            "600",
        ]
        assert executor(spec, step)["args"][:8] == rules
        pods = {"maxRetryCount": retries, "backoffDuration": "1s", "backoffFactor": 1.0} | {
            "backoffMaxDuration": f"{window}s"
        }
        assert found[step].get("retryPolicy") == (pods if retries else None)
        (node,) = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][f"exec-{step}"][
            "fieldPathAsEnv"
        ]
        assert node == {
            "name": "REGPIPE_WORKFLOW_NODE",
            "fieldPath": "metadata.annotations['workflows.argoproj.io/node-name']",
        }
    default = tasks(documents(compiled(*BASE))[0])["trainer"]["retryPolicy"]
    assert (default["maxRetryCount"], default["backoffMaxDuration"]) == (1, "2592000s")


def test_nothing_is_mounted_if_the_root_is_on_an_object_store() -> None:
    """Neither in the steps nor in the exit step; the address is in all arguments, and models are published below it."""
    root, data = "kubeflow.root=gs://bucket/churn", "data.input=gs://bucket/days.csv"
    text = compiled(*BASE, root, data, "notify.secret=hook")
    spec, platform = documents(text)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert all("pvcMount" not in found for found in executors.values())
    assert "/mnt/regpipe" not in text
    for step in ("example-gen", "trainer", "report"):
        arguments = executor(spec, step)["args"]
        assert arguments[arguments.index("--root") + 1] == "gs://bucket/churn"
    assert (
        Package("churn", text).parameters["push_destination"]["defaultValue"] == "gs://bucket/churn/serving"
    )


def test_grpc_needs_no_secret() -> None:
    """The metadata service of KFP requires no password."""
    _, platform = documents(compiled(*BASE, "kubeflow.metadata.kind=grpc"))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert all("secretAsEnv" not in found for found in executors.values())


def test_without_fail_when_not_blessed_there_is_no_verdict_step() -> None:
    """So a run succeeds although its model was not blessed."""
    spec = documents(compiled(*BASE, "kubeflow.fail_when_not_blessed=false"))[0]
    assert "verdict" not in tasks(spec)
    assert "verdict" in tasks(documents(compiled(*BASE))[0])


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (("data.input=/d",), "kubeflow.image: expected the image built from kubeflow/Dockerfile, got none"),
        (
            ("kubeflow.image=i",),
            "data.input: expected a path in the containers that begins with / or gs://, got 'data/sample.csv'",
        ),
        (
            (*BASE, "data.input=s3://b/d.csv"),
            "data.input: expected a path in the containers that begins with / or gs://, got 's3://b/d.csv': TensorFlow "
            "can't open this kind of store; mount the bucket as a folder in the cluster",
        ),
        (
            (*BASE, "data.schema_file=s.pbtxt"),
            "data.schema_file: expected a path in the containers that begins with / or gs://, got 's.pbtxt'",
        ),
        (
            (*BASE, "serving.directory=models"),
            "serving.directory: expected a path in the containers that begins with / or gs://, got 'models'",
        ),
    ],
)
def test_settings_that_containers_cannot_use_are_refused(settings: tuple[str, ...], problem: str) -> None:
    """The message has the key, the expectation and the value."""
    with pytest.raises(ConfigError) as refused:
        compiled(*settings)
    assert refused.value.problems == (problem,)


@pytest.mark.parametrize("command", ["compile", "submit", "schedule apply"])
def test_all_problems_are_told_at_once(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The image and each path, whatever the command; exit code 2."""
    from pipeline_def.cli.main import main

    paths = ("data.input=s3://b/d.csv", "data.schema_file=s.pbtxt", "serving.directory=models")
    schedule = "kubeflow.schedule.interval=60"
    settings = [f"--set={setting}" for setting in (*paths, schedule)]
    assert main([*command.split(), *settings]) == 2
    told = capsys.readouterr().err.replace("regpipe: ", "").splitlines()
    assert [line.partition(":")[0] for line in told] == [
        "kubeflow.image", "data.input", "data.schema_file", "serving.directory"
    ]  # fmt: skip


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing file is overwritten only with --force."""
    from pipeline_def.cli.main import main

    file = tmp_path / "churn.yaml"
    arguments = ["compile", "-o", str(file), *(word for setting in BASE for word in ("--set", setting))]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"Wrote {file}. Next: regpipe submit --pipeline {file}\n"
    assert file.read_text() == compiled(*BASE)
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"regpipe: -o: {file} exists; --force overwrites it\n"
    assert main([*arguments, "--force"]) == 0


@pytest.mark.parametrize(("status", "code"), [("pushed", 0), ("not_blessed", 4)])
def test_the_verdict_step_exits_as_the_run(
    status: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its message is the last line of the log."""
    from pipeline_def.kubeflow.verdict_step import main

    assert main(["--status", status, "--message", "Because."]) == code
    assert capsys.readouterr().err == "regpipe: Because.\n"


def test_the_exit_step_knows_which_runs_to_report() -> None:
    """Its secret and its choice of runs; the other containers get neither, so a change of them reruns no step."""
    text = compiled(*BASE, "notify.secret=hook", "notify.when=problem")
    spec = documents(text)[0]
    arguments = executor(spec, "exit-step")["args"]
    assert arguments[arguments.index("--notify") + 1] == "problem"
    assert arguments[arguments.index("--root") + 1] == "/mnt/regpipe"
    given = executor(spec, "example-gen")["args"]
    assert "notify" not in json.loads(given[given.index("--config") + 1])


@pytest.mark.parametrize("settings", [(), ("notify.secret=hook", "notify.when=never")])
def test_without_a_message_there_is_no_exit_step(settings: tuple[str, ...]) -> None:
    """Neither by default, nor if messages are switched off."""
    assert "exec-exit-step" not in documents(compiled(*BASE, *settings))[0]["deploymentSpec"]["executors"]


def test_a_message_needs_a_secret() -> None:
    """A configuration that asks for messages can't be compiled without the URL's secret."""
    with pytest.raises(
        ConfigError, match=r"notify\.secret: expected the Kubernetes secret.* notify\.when is always"
    ):
        compiled(*BASE, "notify.when=always")


def test_the_exit_step_logs_to_mlflow() -> None:
    """With the settings as arguments and the token from the secret; the address must be one that the cluster knows."""
    on = (*BASE, "tracking.mlflow.enabled=true")
    with pytest.raises(
        ConfigError, match=r"tracking\.mlflow\.uri: expected the address of the MLflow server"
    ):
        compiled(*on)
    text = compiled(*on, "tracking.mlflow.uri=http://mlflow.ns:5000", "tracking.mlflow.secret=m")
    spec, platform = documents(text)
    arguments = executor(spec, "exit-step")["args"]
    assert json.loads(arguments[arguments.index("--mlflow") + 1])["uri"] == "http://mlflow.ns:5000"
    (secret,) = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-exit-step"][
        "secretAsEnv"
    ]
    assert secret["secretName"] == "m"
    assert secret["keyToEnv"] == [{"secretKey": "token", "envVar": "MLFLOW_TRACKING_TOKEN"}]
    given = executor(spec, "example-gen")["args"]
    assert "tracking" not in json.loads(given[given.index("--config") + 1])
