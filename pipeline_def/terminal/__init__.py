"""Prints progress, the summary and tables on the terminal."""
