"""Drift: compares a new table with the one that the served model was trained on, and with the span before."""
