"""The Tuner step: a random search for hyperparameters."""
