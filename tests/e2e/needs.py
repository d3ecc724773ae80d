"""Skips or fails a test whose requirements the machine does not have."""

import os
from typing import NoReturn

import pytest


def lacking(what: str) -> NoReturn:
    """Fails the test if the environment variable CI is set, as in `.ci/run`; otherwise skips it."""
    if os.environ.get("CI"):
        pytest.fail(f"needs {what}")
    pytest.skip(f"needs {what}")
