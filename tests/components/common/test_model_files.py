"""The digest of a model."""

from pathlib import Path

from components.common.model_files import model_digest


def write(folder: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return str(folder)


MODEL = {"saved_model.pb": b"graph", "variables/variables.index": b"", "assets/words": b"a\nb"}


def test_the_same_files_have_the_same_digest(tmp_path: Path) -> None:
    """The digest does not depend on the folder, nor on files that don't change what the model computes."""
    beside = {"fingerprint.pb": b"1", "assets.extra/model_card.json": b"{}"}
    assert model_digest(write(tmp_path / "a", MODEL)) == model_digest(write(tmp_path / "b", MODEL | beside))


def test_any_other_byte_or_name_has_another(tmp_path: Path) -> None:
    """The digest also changes if bytes move from one file to another, or from a file to its name."""
    others: list[dict[str, bytes]] = [
        {},
        MODEL,
        MODEL | {"saved_model.pb": b"grapH"},
        MODEL | {"saved_model.pb": b"grap", "variables/variables.index": b"h"},
        MODEL | {"assets/words": b"a\nb\n"},
        MODEL | {"assets/more": b""},
        {name: data for name, data in MODEL.items() if name != "assets/words"} | {"assets/word": b"a\nb"},
        {"a": b"bc"},
        {"ab": b"c"},
        {"a": b"", "b": b""},
    ]
    digests = [model_digest(write(tmp_path / str(number), files)) for number, files in enumerate(others)]
    assert len(set(digests)) == len(others)
