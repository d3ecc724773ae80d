"""Logs runs and published versions to an MLflow server."""
