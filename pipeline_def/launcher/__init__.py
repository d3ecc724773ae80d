"""Compiles the graph and launches single nodes; both runners use it."""
