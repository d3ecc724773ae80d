"""The destination to which a configuration publishes."""

from pathlib import Path

import pytest

from pipeline_def.config.destination import destination
from pipeline_def.config.load import ConfigError, load_config


def test_the_default_is_under_the_root(tmp_path: Path) -> None:
    place = destination(load_config(None), tmp_path)
    assert (place.directory, place.keep_versions, place.model_name) == (
        str(tmp_path / "serving"),
        5,
        "regpipe",
    )


def test_serving_directory_is_the_destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local path becomes absolute; an address of an object store stays as written, with both slashes."""
    monkeypatch.chdir(tmp_path)
    for given, directory in (
        ("there", str(tmp_path / "there")),
        ("gs://bucket/models", "gs://bucket/models"),
    ):
        config = load_config(None, [f"serving.directory={given}", "serving.keep_versions=2", "name=churn"])
        place = destination(config, tmp_path / "root")
        assert (place.directory, place.keep_versions, place.model_name) == (directory, 2, "churn")


def test_the_current_version_can_t_be_removed() -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(None, ["serving.keep_versions=0"])
    assert str(raised.value) == "--set: serving.keep_versions: expected a whole number >= 1, got 0"
