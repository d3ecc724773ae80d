"""Shared by many rooms and importing none of them: storage, errors, the code digest, formatting."""
