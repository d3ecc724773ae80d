"""Runs the pipeline on this machine, and manages what it published."""
