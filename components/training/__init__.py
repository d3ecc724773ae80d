"""Trains one network: dataset, network, training loop, optimizers, checkpoints and history."""
