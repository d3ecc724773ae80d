"""Messages of libraries inside sentences."""

from pathlib import Path

import pytest

from components.common.errors import DataRefused, reason
from components.example_gen.parquet import read_parquet_header


@pytest.mark.parametrize("text", ["Not a file", "Not a file.", "Not a file..", "Not a file. "])
def test_a_reason_has_no_full_stop(text: str) -> None:
    assert reason(ValueError(text)) == "Not a file"


def test_a_sentence_about_a_damaged_file_ends_in_one_full_stop(tmp_path: Path) -> None:
    """Arrow's own message ends in one."""
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" * 3)
    with pytest.raises(DataRefused) as refused:
        read_parquet_header(str(path))
    assert str(refused.value).endswith(".")
    assert ".." not in str(refused.value).removeprefix(str(path))
