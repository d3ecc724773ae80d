"""Encodes and decodes tf.Examples, and reads the output of ExampleGen."""
