"""Runs that the metadata store knows, and the summary of a run."""
