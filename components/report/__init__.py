"""One self-contained HTML page of a run, made from the artifacts of its steps."""
