"""What runs inside one step of the pipeline; a module per step."""
