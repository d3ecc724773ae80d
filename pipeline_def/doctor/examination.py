"""Runs all checks at the same time, and yields their findings in one order as they become known."""

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline_def.config.load import PipelineConfig
from pipeline_def.doctor import file_checks, machine_checks, service_checks
from pipeline_def.doctor.check_result import CheckResult


def checks(config: PipelineConfig, root: Path) -> dict[str, Callable[[], CheckResult]]:
    """Returns the checks by name, in the order of the output: the slow ones are last."""
    of = functools.partial
    return {
        "Python": machine_checks.python,
        "glibc": machine_checks.glibc,
        "processor": machine_checks.processor,
        "memory": machine_checks.memory,
        "disk": of(machine_checks.disk, root),
        "root": of(file_checks.root, root),
        "metadata store": of(file_checks.store, root),
        "destination": of(file_checks.published, config, root),
        "table": of(file_checks.table, config),
        "notification": of(service_checks.webhook, config),
        "MLflow": of(service_checks.mlflow, config),
        "Docker": of(machine_checks.docker, config.beam),
        "Java": of(machine_checks.java, config.beam),
        "image": of(service_checks.image, config),
        "Kubeflow": of(service_checks.kubeflow, config),
        "TensorFlow": machine_checks.tensorflow,
    }


def examine(named: dict[str, Callable[[], CheckResult]]) -> Iterator[tuple[str, CheckResult]]:
    """Runs checks in threads; each check has its own time limit.

    Yields:
        The name and the finding of each check. A check that raises is a problem.
    """
    with ThreadPoolExecutor(max_workers=len(named)) as pool:
        running = {name: pool.submit(check) for name, check in named.items()}
        for name, result in running.items():
            error = result.exception()
            if error is None:
                yield name, result.result()
            else:
                yield name, CheckResult("problem", f"{type(error).__name__}: {error}", "report this error")
