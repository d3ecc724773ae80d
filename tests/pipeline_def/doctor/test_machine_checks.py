"""The checks of this machine: each can fail, and says what to do."""

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline_def.config.load import load_config
from pipeline_def.doctor import machine_checks


class Version(NamedTuple):
    major: int
    minor: int


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only 3.11, for which the dependencies are locked."""
    assert machine_checks.python().state == "ok"
    monkeypatch.setattr(sys, "version_info", Version(3, 12))
    assert machine_checks.python().fails


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (("glibc", "2.34"), "ok"),
        (("glibc", "2.100"), "ok"),
        (("glibc", "2.31"), "problem"),
        (("musl", "1.2"), "missing"),
    ],
)
def test_glibc(found: tuple[str, str], state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared as numbers, not as text."""
    monkeypatch.setattr(platform, "libc_ver", lambda: found)
    assert machine_checks.glibc().state == state


@pytest.mark.parametrize(
    ("machine", "flags", "state"),
    [
        ("x86_64", "flags : sse avx f16c", "ok"),
        ("x86_64", "flags : sse avx2x", "missing"),
        ("aarch64", "", "ok"),
    ],
)
def test_avx(machine: str, flags: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only on x86."""
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor : 0\n{flags}\n")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(machine_checks, "_CPU_INFO", file)
    assert machine_checks.processor().state == state


@pytest.mark.parametrize(
    ("kib", "limit", "found", "state"),
    [
        (4 * 2**20, "max", "4.0 GiB free", "ok"),
        (4 * 2**20, str(2**30), "1.0 GiB free", "problem"),
        (2**20, None, "1.0 GiB free", "problem"),
    ],
)
def test_memory(
    kib: int, limit: str | None, found: str, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of a container counts, too."""
    info, most = tmp_path / "meminfo", tmp_path / "memory.max"
    info.write_text(f"MemTotal:  99 kB\nMemAvailable:  {kib} kB\n")
    if limit:
        most.write_text(f"{limit}\n")
    monkeypatch.setattr(machine_checks, "_MEMORY_INFO", info)
    monkeypatch.setattr(machine_checks, "_MEMORY_LIMIT", most)
    result = machine_checks.memory()
    assert (result.found, result.state) == (found, state)


def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the disk on which a root that does not exist yet would be."""
    usage = shutil.disk_usage(tmp_path)
    asked: list[Any] = []

    def one_gib(path: Any) -> Any:
        asked.append(path)
        return usage._replace(free=2**30)

    monkeypatch.setattr(shutil, "disk_usage", one_gib)
    result = machine_checks.disk(tmp_path / "new" / "root")
    assert (result.state, result.found, asked) == ("problem", "1.0 GiB free", [tmp_path])


@pytest.mark.parametrize(
    ("script", "state", "found"),
    [
        (None, "unused", "no client; needed only for `regpipe serve --docker` and to build the image"),
        ("echo 27.1", "ok", "27.1"),
        (
            "echo Cannot connect >&2; exit 1",
            "unused",
            "Cannot connect; needed only for `regpipe serve --docker` and to build the image",
        ),
    ],
)
def test_docker(script: str | None, state: str, found: str, programs: Path) -> None:
    """Only workers of Beam in containers need it."""
    if script:
        program(programs, "docker", script)
    result = machine_checks.docker(load_config(None, []).beam)
    assert (result.state, result.found, result.fails) == (state, found, False)
    in_containers = load_config(
        None, ["beam.runner=flink", "beam.master=h:1", "beam.environment=docker", "beam.worker=image"]
    )
    used = machine_checks.docker(in_containers.beam)
    assert used.fails is (state != "ok")
    assert used.state in ("ok", "missing", "problem")
    assert used.found == found.partition(";")[0]


def test_java(programs: Path) -> None:
    """Flink and Spark need it, unless there is a job server."""
    flink = ("beam.runner=flink", "beam.master=h:1", "beam.environment=process")
    assert not machine_checks.java(load_config(None, []).beam).fails
    assert machine_checks.java(load_config(None, flink).beam).fails
    assert not machine_checks.java(
        load_config(None, ["beam.runner=flink", "beam.job_endpoint=j:1", "beam.environment=process"]).beam
    ).fails
    program(programs, "java", "echo openjdk version 17 >&2; echo more >&2")
    result = machine_checks.java(load_config(None, flink).beam)
    assert (result.state, result.found) == ("ok", "openjdk version 17")


@pytest.mark.parametrize(
    ("script", "state", "found"),
    [
        ('echo noise; echo \'["2.21.0", ["gpu:0", "gpu:1"]]\'', "ok", "2.21.0, 2 GPUs"),
        ("echo '[\"2.21.0\", []]'", "ok", "2.21.0, no GPU"),
        ("echo ModuleNotFoundError: tensorflow >&2; exit 1", "problem", "ModuleNotFoundError: tensorflow"),
    ],
)
def test_tensorflow(
    script: str, state: str, found: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, so that a crash of it is a problem and not the end."""
    program(programs, "python", script)
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    result = machine_checks.tensorflow()
    assert (result.state, result.found) == (state, found)


def test_a_driver_without_gpus_in_tensorflow_is_a_problem(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs work, but slower."""
    program(programs, "python", "echo '[\"2.21.0\", []]'")
    program(programs, "nvidia-smi", "true")
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    result = machine_checks.tensorflow()
    assert (result.state, result.fails) == ("problem", False)
    assert "regpipe[gpu]" in result.advice


def test_a_program_that_hangs_is_ended(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time limit."""
    sleep = os.path.realpath("/bin/sleep")
    program(programs, "docker", f"exec {sleep} 60")
    monkeypatch.setattr(machine_checks, "_SHORT", 0.2)
    assert machine_checks.docker(load_config(None, []).beam).found.startswith("no answer within 0.2 s;")
