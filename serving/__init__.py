"""The configuration of TF Serving, a client for it, and `regpipe predict` and `regpipe serve`."""
