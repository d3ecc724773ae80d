"""A client for TF Serving over REST or gRPC. It needs neither TensorFlow nor TFX nor Beam."""
