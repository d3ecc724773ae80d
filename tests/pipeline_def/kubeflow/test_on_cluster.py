"""--on-cluster and --cluster-root, with a stand-in API server that runs the containers, and the metadata service."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from components.saved_model.card_file import read_card
from pipeline_def.cli.main import main
from pipeline_def.config.load import ConfigError, load_config
from pipeline_def.kubeflow.command_package import MAX_COMMAND_BYTES, command_package
from pipeline_def.kubeflow.command_result import CommandResult
from pipeline_def.runs.run_files import STORE_FILE
from pipeline_def.runs.run_store import RunStore
from tests.pipeline_def.root_with_a_run import Root
from tests.standins.kfp_api.api_server import ApiServer
from tests.standins.metadata_service import metadata_service

MakeModel = Callable[..., str]
Command = Callable[..., int]
SCHEMA = 'feature { name: "age" }\n'


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


@pytest.fixture
def cluster(api: ApiServer, root: Root, tmp_path: Path) -> Iterator[Path]:
    """A configuration of a cluster that has the root, a metadata service, and this API server."""
    api.resources.containers = tmp_path / "outputs"
    file = tmp_path / "pipeline.yaml"
    with metadata_service(root.path / STORE_FILE) as service:
        kubeflow = {
            "host": api.host,
            "image": "registry.example/regpipe:1",
            "root": str(root.path),
            "service_account": "regpipe",
            "metadata": {"kind": "grpc", "host": "127.0.0.1", "port": service.port},
        }
        file.write_text(yaml.safe_dump({"name": "p", "kubeflow": kubeflow}))
        yield file


@pytest.fixture
def regpipe(cluster: Path) -> Command:
    """Runs a command on the cluster."""

    def run(*arguments: str) -> int:
        return main([*arguments, "--config", str(cluster), "--on-cluster"])

    return run


def test_a_person_blesses_a_run_of_the_cluster(
    regpipe: Command, api: ApiServer, root: Root, make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recorded as on one machine: in the store, the card and the summary. The run has the steps' service account."""
    root.with_candidate(make_model())
    root.started()
    root.ended("not_blessed")
    assert regpipe("bless", "--run", "r1", "--by", "ann", "--reason", "-5% recall\nis fine") == 0
    printed = capsys.readouterr()
    override = RunStore.open(root.path).override("r1")
    assert override is not None
    assert (override.by, override.reason) == ("ann", "-5% recall is fine")
    (folder,) = (path for path in (root.path / "serving").iterdir() if path.name.isdigit())
    assert read_card(str(folder))["override"] == override.model_dump()
    assert json.loads(root.summary.read_text())["override"] == override.model_dump()
    assert printed.out == f"Blessed by hand and published: version {folder.name} in {folder}.\n"
    ((run_id, run),) = api.resources.runs.items()
    assert run["service_account"] == "regpipe"
    command = ["bless", "--run", "r1", "--by=ann", "--reason=-5% recall is fine"]
    assert run["runtime_config"]["parameters"] == {"command": command}
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in printed.err.splitlines()]
    assert lines[0] == f"Run {run_id}  {api.host}/#/runs/details/{run_id}"
    assert lines[-2:] == ["Command: succeeded", "run: succeeded"]
    assert regpipe("bless", "--run", "r1", "--reason", "again") == 2
    assert capsys.readouterr().err.splitlines()[-1] == "regpipe: run r1 was pushed already."
    assert len(api.resources.versions) == 1  # of the package, for both commands


def test_lists_are_the_same_from_everywhere(
    regpipe: Command, cluster: Path, root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a run of one step, and over the metadata service from this machine."""
    assert regpipe("runs", "--json") == 0
    there = capsys.readouterr().out
    assert main(["runs", "--json", "--config", str(cluster), "--cluster-root"]) == 0
    assert capsys.readouterr().out == there
    (record,) = json.loads(there)
    assert (record["run_id"], record["status"]) == ("r1", "not ended")
    assert main(["runs", "--config", str(cluster), "--cluster-root", "--set", "name=other"]) == 0
    assert capsys.readouterr().out == "No runs on the cluster yet; `regpipe submit` makes the first one.\n"


def test_files_are_written_on_this_machine(
    regpipe: Command, root: Root, api: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The schema and the report; Kubeflow displays both on the page of the run."""
    root.with_file("SchemaGen", "schema", "schema.pbtxt", SCHEMA)
    page = "<!DOCTYPE html>\n<title>Zürich</title>"
    root.with_file("Report", "report", "report.html", page)
    schema, report = tmp_path / "s.pbtxt", tmp_path / "r.html"
    assert regpipe("schema", "freeze", "-o", str(schema)) == 0
    assert schema.read_text() == SCHEMA
    assert capsys.readouterr().out.startswith(f"Wrote {schema}. ")
    assert regpipe("report", "--run", "r1", "-o", str(report)) == 0
    assert report.read_text() == page
    assert capsys.readouterr().out == f"{report}\n"
    shown = {path.read_text() for path in tmp_path.glob("outputs/*/exec-command/output")}
    escaped = SCHEMA.replace('"', "&quot;")
    assert shown == {page, f"<!DOCTYPE html>\n<meta charset=utf-8>\n<pre>{escaped}</pre>\n"}


def test_a_rollback_on_the_cluster(
    regpipe: Command, root: Root, make_model: MakeModel, capsys: pytest.CaptureFixture[str]
) -> None:
    """The versions are those of the cluster's root; the rollback is an execution in its store."""
    from components.pusher.publication import Destination, publish

    target = Destination(directory=str(root.path / "serving"), keep_versions=5, model_name="p")
    old, bad = (publish(make_model(answer), target, {}) for answer in (0.25, 0.75))
    assert regpipe("rollback", str(old.version), "--by", "ann") == 0
    assert regpipe("versions", "--json") == 0
    newest, *_ = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert (newest["current"], newest["digest"]) == (True, old.digest)
    assert (newest["rollback"]["by"], newest["rollback"]["from_version"]) == ("ann", bad.version)
    (execution,) = root.store.get_executions_by_type("Rollback")
    assert execution.custom_properties["by"].string_value == "ann"


def test_a_log_that_cannot_be_read(
    regpipe: Command, api: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The state of the run decides, and the message has the address of its page."""
    api.resources.containers = None
    outcomes = []
    for state in ("SUCCEEDED", "FAILED", "CANCELED"):
        api.resources.story = [(state, {"command": state})]
        code = regpipe("runs")
        outcomes.append((code, capsys.readouterr().err.splitlines()[-1]))
    ids = list(api.resources.runs)
    assert [code for code, _ in outcomes] == [0, 1, 1]
    beginnings = ["The command succeeded, but", "The run failed, and", "The run was canceled, and"]
    for run_id, beginning, (_, message) in zip(ids, beginnings, outcomes, strict=True):
        assert message.startswith(f"regpipe: {beginning} its log can't be read from here.")
        assert message.endswith(f"{api.host}/#/runs/details/{run_id}")


@pytest.mark.parametrize("interface", [False, True], ids=["API server", "user interface"])
@pytest.mark.parametrize("pod", ["p-x7-system-container-impl-12", "p-x7-12"])
def test_the_log_of_a_pod_is_found(api: ApiServer, regpipe: Command, interface: bool, pod: str) -> None:
    """Through both addresses, and with both formats of Argo for the names of pods, by the id p-x7-12 of the node."""
    api.resources.containers = None
    api.resources.interface = interface
    api.resources.logs[pod] = "\n".join(CommandResult(3, "", "").log_lines())
    api.resources.story = [("FAILED", {"command": "FAILED"})]
    api.resources.nodes = ["p-x7-3", "p-x7-12"]
    assert regpipe("runs") == 3


def test_a_store_that_cannot_be_reached(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with the address, the reason, and the option that works from everywhere."""
    here = ["--config", str(cluster), "--cluster-root"]
    assert main(["runs", *here, "--set", "kubeflow.metadata.port=1"]) == 2
    assert capsys.readouterr().err == (
        "regpipe: kubeflow.metadata: the metadata store 127.0.0.1:1 can't be opened from this machine: Connection "
        "refused; --on-cluster runs the command on the cluster\n"
    )
    assert main(["runs", *here, "--set", "kubeflow.metadata.kind=mysql"]) == 2
    assert "expected REGPIPE_METADATA_USER in the environment" in capsys.readouterr().err
    for command in (["report"], ["bless", "--run=r1", "--reason=x"], ["versions"], ["rollback", "3"]):
        assert main([*command, *here, "--set", f"kubeflow.root={tmp_path}/none"]) == 2
        message = capsys.readouterr().err
        assert message.startswith(
            "regpipe: kubeflow.root: --cluster-root expects this folder on this machine"
        )
        assert "--on-cluster" in message


def test_a_root_without_runs_on_this_machine_points_to_the_cluster(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the configuration describes one."""
    root = ["--root", str(tmp_path / "none")]
    hint = "For the runs of the cluster, use --on-cluster or --cluster-root."
    for command, code in ((["runs"], 0), (["report"], 2), (["bless", "--run=r1", "--reason=x"], 2)):
        assert main([*command, *root, "--config", str(cluster)]) == code
        assert hint in "".join(capsys.readouterr())
        assert main([*command, *root]) == code
        assert hint not in "".join(capsys.readouterr())


def test_an_api_server_that_cannot_be_reached(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same message as of the other commands; exit code 1."""
    elsewhere = ["--set", "kubeflow.host=http://localhost:1"]
    assert main(["runs", "--config", str(cluster), "--on-cluster", *elsewhere]) == 1
    message = capsys.readouterr().err
    assert message.startswith("regpipe: http://localhost:1: Kubeflow Pipelines can't be reached")


def test_a_command_that_is_too_long(
    regpipe: Command, api: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kubeflow Pipelines limits the parameters of a run; nothing is submitted."""
    assert regpipe("bless", "--run", "r1", "--reason", "x" * MAX_COMMAND_BYTES) == 2
    assert "expected a command of at most 10,000 bytes" in capsys.readouterr().err
    assert api.calls == []


def test_one_of_three_locations(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The options exclude each other."""
    with pytest.raises(SystemExit, match="2"):
        main(["runs", "--on-cluster", "--root", "runs"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_the_package_has_what_the_steps_have() -> None:
    """Image, volume, secrets, resources, selectors, label; no retry, because a command is not repeatable."""
    settings = (
        "name=churn",
        "kubeflow.image=registry/regpipe:1",
        "kubeflow.metadata.secret=db",
        "kubeflow.steps.secrets=[TOKEN=store:token]",
        "kubeflow.steps.node_selector=[disk=ssd]",
        "kubeflow.steps.timeout=600",
        "kubeflow.steps.memory=2Gi",
        "tracking.mlflow.enabled=true",
        "tracking.mlflow.uri=http://mlflow:5000",
        "tracking.mlflow.secret=mlflow",
    )
    package = command_package(load_config(None, settings))
    pipeline, platform = yaml.safe_load_all(package.text)
    assert package.name == "churn-commands"
    assert package.steps == {"command": "Command"}
    (task,) = pipeline["root"]["dag"]["tasks"].values()
    assert "retryPolicy" not in task
    assert task["cachingOptions"] == {}
    container = pipeline["deploymentSpec"]["executors"]["exec-command"]["container"]
    assert container["image"] == "registry/regpipe:1"
    assert container["resources"]["resourceMemoryLimit"] == "2Gi"
    pod = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-command"]
    assert [(one["constant"], one["mountPath"]) for one in pod["pvcMount"]] == [("regpipe", "/mnt/regpipe")]
    assert {one["secretName"] for one in pod["secretAsEnv"]} == {"db", "store", "mlflow"}
    assert pod["podMetadata"]["labels"] == {"app.kubernetes.io/name": "regpipe-step"}
    assert pod["nodeSelector"]["labels"] == {"disk": "ssd"}
    assert pod["activeDeadlineSeconds"] == "600"
    # A change of the model's keys does not need another version.
    assert command_package(load_config(None, [*settings, "training.epochs=3"])) == package


def test_a_package_needs_an_image_and_a_path_in_the_containers() -> None:
    """All problems at once."""
    with pytest.raises(ConfigError) as raised:
        command_package(load_config(None, ["serving.directory=served"]))
    assert [problem.partition(":")[0] for problem in raised.value.problems] == [
        "kubeflow.image",
        "serving.directory",
    ]


def test_a_result_in_a_log() -> None:
    """Between other lines, cut into lines that no kubelet splits; the last complete result counts."""
    first = CommandResult(0, "one\n", "", b"\x00\xff")
    second = CommandResult(2, os.urandom(20_000).hex(), "two\n")
    lines = second.log_lines()
    assert len(lines) > 2
    assert max(map(len, lines)) < 16_000
    log = "\n".join(["starting", *first.log_lines(), "I0101 launcher", *(f"    {line}" for line in lines)])
    assert CommandResult.find(["", "not a log", log]) == second
    cut = log[: log.rindex("regpipe-result:")]
    assert CommandResult.find([cut]) == first
    assert CommandResult.find(["regpipe-result:####\nregpipe-result:."]) is None


def test_a_result_that_is_too_large_for_a_log() -> None:
    """First the file is left out, then the end of the output; the exit code always arrives."""
    large = os.urandom(4_000_000)
    found = CommandResult.find(["\n".join(CommandResult(0, "text", "", large).log_lines())])
    assert found == CommandResult(
        0, "text", "", None, "The file of 4,000,000 bytes is too large for the log."
    )
    long = os.urandom(5_000_000).hex()
    found = CommandResult.find(["\n".join(CommandResult(3, long, "").log_lines())])
    assert found is not None
    assert (found.exit_code, long.startswith(found.output)) == (3, True)
    assert found.left_out == "The output is too large for the log, so its end is missing."
