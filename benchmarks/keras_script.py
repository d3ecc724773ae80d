"""The same network as one would write it with Keras alone: `model.fit` on NumPy arrays.

    python benchmarks/keras_script.py --data vectors.npz

`vectors.npz` has `features`, float32 [rows, n_features] between 0 and 1, and `labels`, float32 [rows, 1].
benchmarks/throughput.py writes such a file and runs this script. Nothing of regpipe is in it.
"""

import argparse
import json
import time

import keras
import numpy as np


def main() -> None:
    """Trains, and prints the seconds that fit() took and its last losses as JSON, on the last line."""
    parser = argparse.ArgumentParser(description="Train the network with Keras alone.")
    parser.add_argument("--data", required=True, help="an .npz file of features and labels")
    parser.add_argument("--epochs", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--batch-size", type=int, default=128, help="default: %(default)s")
    args = parser.parse_args()
    with np.load(args.data) as arrays:
        features, labels = arrays["features"], arrays["labels"]

    keras.utils.set_random_seed(42)
    model = keras.Sequential(
        [
            keras.Input((features.shape[1],)),
            keras.layers.Dense(
                128, activation="relu", kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-3)
            ),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(64, activation="relu", kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-3)),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(
                1, activation="sigmoid", kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-3)
            ),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
    start = time.perf_counter()
    history = model.fit(
        features, labels, validation_split=0.2, epochs=args.epochs, batch_size=args.batch_size, verbose=2
    ).history
    seconds = time.perf_counter() - start
    print(json.dumps({"fit": seconds, "loss": history["loss"][-1], "val_loss": history["val_loss"][-1]}))


if __name__ == "__main__":
    main()
