"""DataGate: stops the run if the data is not fit for training."""
