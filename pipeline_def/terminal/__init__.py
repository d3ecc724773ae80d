"""What is printed on the terminal: progress, the summary, tables."""
