"""One training: network, data set, loop, optimizers, checkpoints and history."""
