"""Adds probabilities to the rows of files, with a server or without one: `regpipe predict`."""
