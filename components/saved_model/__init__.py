"""The exported model: SavedModel signatures, warm-up requests and the model card."""
