"""Runs in the metadata store, and the summary of a run."""
