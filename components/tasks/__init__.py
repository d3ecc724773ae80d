"""What a model predicts: the task (binary classification, ...) is described here, and read by all steps."""
