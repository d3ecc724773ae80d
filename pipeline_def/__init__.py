"""The graph of the pipeline, and the ways to run it."""
