"""The Trainer step: the run_fn that TFX calls. The training itself is in components/training."""
