"""Imports what a whole run imports, with lazy imports as `regpipe` installs them: see forked_run.py."""

import importlib

from pipeline_def.launcher import lazy_imports

_MODULES = (
    "pipeline_def.cli.main",
    "pipeline_def.launcher.compiled_pipeline",
    "pipeline_def.launcher.node",
    "pipeline_def.local.runner",
    "components.data_gate.component",
    "components.drift.executor",
    "components.evaluator.executor",
    "components.example_gen.executor",
    "components.pusher.component",
    "components.report.component",
    "components.served_model.executor",
    "components.statistics.executor",
    "components.trainer.executor",
    "components.transform.executor",
    "components.tuner.executor",
    "tensorboard.summary",
    "tensorflow_transform.beam",
    "tfx.components.schema_gen.executor",
    "tfx.components.example_validator.executor",
)
# Some are lazy, and would run only in the fork.
_LAZY = ("tensorflow", "tensorflow_data_validation", "tensorflow_model_analysis")

lazy_imports.install()
with lazy_imports.importing():
    for name in _MODULES:
        importlib.import_module(name)
    for name in _LAZY:
        lazy_imports.run(importlib.import_module(name))
