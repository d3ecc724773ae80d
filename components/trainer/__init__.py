"""Trainer: TFX's side of one training; the training itself is in components/training."""
