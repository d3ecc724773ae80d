"""Tuner: TFX's side of the search for hyperparameters."""
