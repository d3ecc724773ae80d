"""Training of one network: dataset, network, training loop, optimizers, checkpoints and history."""
