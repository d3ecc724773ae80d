"""Shared modules, which import no other package here: storage, errors, records, code and model digests, formatting."""
