"""DataGate: stops the run on data that cannot be learned from."""
