"""The Tuner step: chooses the strengths of the regularization."""
