"""`regpipe config`."""

import pytest

from pipeline_def.cli.main import main
from pipeline_def.config.load import config_yaml, load_config


def test_config_prints_the_effective_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--set", "model.l1=0.5"]) == 0
    assert capsys.readouterr().out == config_yaml(load_config(None, ["model.l1=0.5"]))
