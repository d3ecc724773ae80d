"""Holds scoring data against the training data of the served model."""
