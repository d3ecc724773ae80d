"""Trains one model with pandas and Keras only: reads a table, scales it, and calls `model.fit`.

    python benchmarks/keras_script.py --data table.csv

The network is the one that regpipe trains by default. This file does not import regpipe.
"""

import argparse
import json
import time

import keras
import pandas as pd

LABEL = "label"
VALIDATION = 0.2


def main() -> None:
    """Trains the model. The last line of output is JSON: the seconds of reading and of fit(), and the last losses."""
    parser = argparse.ArgumentParser(description="Train the network with Keras alone.")
    parser.add_argument("--data", required=True, help="a CSV file of features and a 0/1 column `label`")
    parser.add_argument("--epochs", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--batch-size", type=int, default=128, help="default: %(default)s")
    args = parser.parse_args()

    start = time.perf_counter()
    table = pd.read_csv(args.data)
    labels = table.pop(LABEL).to_numpy("float32").reshape(-1, 1)
    low, high = table.min(), table.max()
    features = ((table - low) / (high - low)).to_numpy("float32")
    read = time.perf_counter() - start

    keras.utils.set_random_seed(42)
    penalty = {"kernel_regularizer": keras.regularizers.L1L2(1e-4, 1e-3)}
    model = keras.Sequential(
        [
            keras.Input((features.shape[1],)),
            keras.layers.Dense(128, activation="relu", **penalty),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(64, activation="relu", **penalty),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1, activation="sigmoid", **penalty),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
    start, processor = time.perf_counter(), time.process_time()
    history = model.fit(
        features,
        labels,
        validation_split=VALIDATION,
        epochs=args.epochs,
        batch_size=args.batch_size,
        verbose=2,
    ).history
    seconds = {"read": read, "fit": time.perf_counter() - start}
    processor = time.process_time() - processor
    losses = {name: history[name][-1] for name in ("loss", "val_loss")}
    print(json.dumps({"seconds": seconds, "fit_processor": processor, **losses}))


if __name__ == "__main__":
    main()
