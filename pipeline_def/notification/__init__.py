"""The message at the end of a run: its content, its envelope, and the request that posts it."""
