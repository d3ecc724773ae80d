"""Compiles, runs, submits and schedules the pipeline on open-source Kubeflow Pipelines."""
