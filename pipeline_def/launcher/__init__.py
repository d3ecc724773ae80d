"""Compiles the graph and launches single nodes, for both runners."""
