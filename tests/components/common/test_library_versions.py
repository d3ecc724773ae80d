"""The library versions in the keys of caches."""

import platform
from collections.abc import Iterator
from importlib import metadata

import pytest

from components.common.library_versions import library_versions, versions_text


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    library_versions.cache_clear()
    yield
    library_versions.cache_clear()


def test_the_versions_are_those_of_the_installed_packages() -> None:
    found = library_versions()
    assert found["python"] == platform.python_version()
    for name in ("tensorflow", "numpy", "pyarrow", "tfx", "apache-beam"):
        assert found[name] == metadata.version(name)
    assert f"numpy {metadata.version('numpy')}" in versions_text()


def test_a_package_with_another_name_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow may be installed as tensorflow-cpu; a library that is not installed is left out."""

    def version(name: str) -> str:
        if name in ("tensorflow", "keras-tuner"):
            raise metadata.PackageNotFoundError
        return {"tensorflow-cpu": "9.9"}.get(name, "1.0")

    monkeypatch.setattr(metadata, "version", version)
    found = library_versions()
    assert (found["tensorflow"], found["numpy"]) == ("9.9", "1.0")
    assert "keras-tuner" not in found
