"""Modules that many packages use and that import none of them: storage, errors, code digest, formatting."""
