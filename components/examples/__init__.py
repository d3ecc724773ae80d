"""tf.Examples: the codec that writes and parses them, and the reader of ExampleGen's output."""
