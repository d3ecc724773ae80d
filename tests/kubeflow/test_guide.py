"""docs/kubeflow.md: its commands parse, its configurations load, and the files and objects it mentions exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline_def.cli.main import make_parser
from pipeline_def.config.load import PipelineConfig, load_config
from pipeline_def.kubeflow.compiler import compile_kubeflow

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/kubeflow.md"
TEXT = GUIDE.read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SETTINGS = [text for kind, text in BLOCKS if kind == "yaml"]
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL))
LINES = [
    line.strip()
    for kind, text in BLOCKS
    if kind == ""
    for line in text.replace("\\\n", " ").splitlines()
]  # fmt: skip
COMMANDS = LINES + [command for command in INLINE if command.startswith(("regpipe ", "kubectl ", "docker "))]
RUN = sorted({command for command in COMMANDS if command.startswith("regpipe ")})
KUBECTL = [command for command in COMMANDS if command.startswith("kubectl ")]


def objects() -> set[tuple[str, str]]:
    """Returns kind and name of all objects in the manifests, as kubectl writes them."""
    folders = [ROOT / "kubeflow/manifests", ROOT / "serving/kubernetes"]
    loaded = [
        yaml.safe_load(path.read_text("utf-8")) for folder in folders for path in folder.rglob("*.yaml")
    ]
    return {
        (one["kind"].lower(), one["metadata"]["name"]) for one in loaded if one["kind"] != "Kustomization"
    }


def test_there_is_something_to_check() -> None:
    """So that a change of the page's form can't leave the tests below without cases."""
    assert len(RUN) >= 10
    assert len(KUBECTL) >= 30
    assert len(SETTINGS) >= 5


@pytest.mark.parametrize("command", RUN)
def test_every_regpipe_command_parses(command: str) -> None:
    """The parser of the command line exits if an argument is wrong."""
    assert hasattr(make_parser().parse_args(shlex.split(command)[1:]), "command")


def test_every_command_of_schedule_is_shown() -> None:
    """All actions, from `apply` to `delete`."""
    shown = {command.split()[2] for command in RUN if command.startswith("regpipe schedule ")}
    assert shown == {"apply", "list", "show", "pause", "resume", "delete"}


@pytest.mark.parametrize("text", SETTINGS)
def test_every_block_is_a_configuration(text: str, tmp_path: Path) -> None:
    """The loader refuses unknown keys, wrong types and wrong values."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(text, "utf-8")
    load_config(file, [])


def test_the_blocks_together_are_a_pipeline(tmp_path: Path) -> None:
    """The first block compiles, also with schedule, notification and GPUs added."""
    whole: dict[str, Any] = yaml.safe_load(SETTINGS[0])
    for text in SETTINGS[1:]:
        found = yaml.safe_load(text)
        if {"schedule", "overrides"} & set(found.get("kubeflow", {})):
            whole["kubeflow"].update(found["kubeflow"])
        if "notify" in found:
            whole["notify"] = found["notify"]
    assert {"schedule", "overrides"} <= set(whole["kubeflow"])
    assert "notify" in whole
    file = tmp_path / "pipeline.yaml"
    for text in (SETTINGS[0], yaml.safe_dump(whole)):
        file.write_text(text, "utf-8")
        config = load_config(file, [])
        assert "registry.example/regpipe:1" in compile_kubeflow(config)
    assert config.kubeflow.schedule.given


def test_the_first_configuration_matches_the_manifests() -> None:
    """Service account and database server; test_manifests.py tests the other defaults."""
    kubeflow = yaml.safe_load(SETTINGS[0])["kubeflow"]
    assert ("serviceaccount", kubeflow["service_account"]) in objects()
    host, _ = PipelineConfig().kubeflow.metadata.address
    assert ("service", host) in objects()
    notify = next(yaml.safe_load(text) for text in SETTINGS if "notify:" in text)["notify"]
    assert f"kubectl create secret generic {notify['secret']} " in TEXT


def test_every_file_exists() -> None:
    """The targets of links, including headings, and the files in commands."""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) >= 20
    for link in links:
        if link.startswith("#"):
            assert link[1:] in headings
        elif not link.startswith("https://"):
            assert (GUIDE.parent / link.partition("#")[0]).exists(), link
    named = {
        word for command in COMMANDS for word in command.split() if word.startswith(("kubeflow/", "data/"))
    }
    assert {"kubeflow/Dockerfile", "kubeflow/manifests", "data/sample.csv"} <= named
    for name in named:
        assert (ROOT / name).exists(), name


def test_the_objects_in_kubectl_commands_exist() -> None:
    """Objects as kind/name, of these manifests or of Kubeflow Pipelines."""
    of_kubeflow = {("deployment", "ml-pipeline"), ("svc", "ml-pipeline-ui")}
    # Created by the StatefulSet, and by a command of the guide.
    created = {("pvc", "data-regpipe-mysql-0"), ("secret", "regpipe-notify")}
    used = {
        found
        for command in KUBECTL
        for found in re.findall(r" (deployment|statefulset|pod|pvc|secret|service|svc)/([\w-]+)", command)
    }
    claims = {("pvc", name) for kind, name in objects() if kind == "persistentvolumeclaim"}
    assert ("statefulset", "regpipe-mysql") in used
    assert used <= objects() | claims | of_kubeflow | created


def test_every_command_that_runs_on_a_cluster_is_shown() -> None:
    """With --on-cluster, and --cluster-root at least once."""
    shown = {command.split()[1] for command in RUN if " --on-cluster" in command}
    assert shown == {"runs", "report", "bless", "rollback", "versions", "schema"}
    assert any(" --cluster-root" in command for command in RUN)


def test_the_secret_has_the_keys_that_are_read() -> None:
    """The command creates the keys of secret.example.yaml, with generated passwords."""
    example = yaml.safe_load((ROOT / "kubeflow/manifests/secret.example.yaml").read_text("utf-8"))
    name = example["metadata"]["name"]
    (command,) = [command for command in KUBECTL if f"create secret generic {name} " in command]
    assert set(re.findall(r"--from-literal=([\w-]+)=", command)) == set(example["stringData"])
    assert command.count("$(openssl rand -hex 24)") == 2
