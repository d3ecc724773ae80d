"""tf.Examples: the codec that encodes and decodes them, and the reader of ExampleGen's output."""
