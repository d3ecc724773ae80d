"""`regpipe versions` and `regpipe rollback`, on folders of published models."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.common.model_files import model_digest
from components.pusher.publication import Destination, PublishedVersion, publish
from components.saved_model.card_file import write_card
from pipeline_def.cli.main import main
from pipeline_def.config.destination import destination
from pipeline_def.config.load import load_config

MakeModel = Callable[..., str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def push(root: Path, make_model: MakeModel) -> Callable[..., PublishedVersion]:
    """Publishes a model with a constant prediction, as the run of this name."""

    def push(answer: float, run: str, place: Destination | None = None, **entries: Any) -> PublishedVersion:
        metrics = {"auc": {"candidate": answer}, "log_loss": {"candidate": 1 - answer}}
        target = place or destination(load_config(None), root)
        return publish(
            make_model(answer), target, {"run": run, "evaluation": {"metrics": metrics}, **entries}
        )

    return push


@pytest.fixture
def store(root: Path) -> MetadataStore:
    """The metadata store of the root."""
    root.mkdir(exist_ok=True)
    sqlite = mlmd.SqliteMetadataSourceConfig(
        filename_uri=str(root / "metadata.sqlite"),
        connection_mode=mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE,
    )
    return MetadataStore(mlmd.ConnectionConfig(sqlite=sqlite))


@pytest.fixture
def listed(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    def listed() -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main(["versions", "--root", str(root), "--json"]) == 0
        records: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return records

    return listed


def hint(root: Path) -> str:
    return f" The root is {root}; --root names another one, and --config the configuration of its runs."


def card(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(folder) / "assets.extra" / "model_card.json").read_text())
    return found


def test_the_list(push: Any, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest version is first, with the values of its card; a folder without a card is a version, too."""
    blessed = push(0.25, "r1", override={"by": "ann"})
    current = push(0.75, "r2")
    (root / "serving" / "7").mkdir()
    assert main(["versions", "--root", str(root)]) == 0
    width = len(str(current.version))
    when = card(current.path)["published"]
    assert capsys.readouterr().out.splitlines() == [
        f"{'version':{width}}  published                  run  AUC     log loss  digest",
        f"{current.version}  {when}  r2   0.7500  0.2500    {current.digest[:12]}  current",
        f"{blessed.version}  {card(blessed.path)['published']}  r1   0.2500  0.7500    {blessed.digest[:12]}"
        "  blessed by ann",
        "7",
    ]


def test_the_list_as_json(push: Any, root: Path, listed: Any) -> None:
    """All fields, with the whole digest."""
    assert listed() == []
    published = push(0.75, "r2")
    assert listed() == [
        {
            "version": published.version,
            "current": True,
            "path": published.path,
            "published": card(published.path)["published"],
            "run": "r2",
            "auc": 0.75,
            "log_loss": 0.25,
            "r2": None,
            "rmse": None,
            "macro_auc": None,
            "cross_entropy": None,
            "digest": published.digest,
            "blessed_by": None,
            "rollback": None,
        }
    ]


def test_none_yet(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No error; the versions are those of the configured folder."""
    elsewhere = ["versions", "--root", str(root), "--set", f"serving.directory={tmp_path / 'there'}"]
    assert main(elsewhere) == 0
    assert capsys.readouterr().out == (
        f"No version in {tmp_path / 'there'} yet; `regpipe run` publishes a model that is blessed.{hint(root)}\n"
    )
    assert not (tmp_path / "there").exists()


def test_a_rollback_removes_no_version(push: Any, root: Path, listed: Any) -> None:
    """Not even those beyond the default of keep_versions: the runs may have a configuration that keeps more."""
    place = destination(load_config(None, ["serving.keep_versions=40"]), root)
    numbers = [push(answer / 10, "r", place).version for answer in range(1, 7)]
    assert main(["rollback", str(numbers[0]), "--root", str(root)]) == 0
    assert [record["version"] for record in listed()][1:] == numbers[::-1]
    push(0.95, "r")  # the pipeline, with the default
    assert len(listed()) == 5


def test_a_rollback(
    push: Any, root: Path, store: MetadataStore, listed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same model becomes the newest version; who, when and why is in its card and in the metadata store."""
    old, new = push(0.25, "r1"), push(0.75, "r2")
    arguments = ["rollback", str(old.version), "--root", str(root), "--by", "ann", "--reason", "two\n lines"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    current, *rest = listed()
    assert printed == (
        f"Version {old.version} is published again, as version {current['version']} in {current['path']}.\n"
    )
    assert current["version"] > new.version
    assert [record["version"] for record in rest] == [new.version, old.version]
    assert (current["run"], current["auc"], current["digest"]) == ("r1", 0.25, old.digest)
    note = card(current["path"])["rollback"]
    assert note.pop("away_from") == [new.digest]
    assert current["rollback"] == note
    assert note == {
        "by": "ann",
        "at": note["at"],
        "reason": "two lines",
        "from_version": new.version,
        "to_version": old.version,
    }
    (execution,) = store.get_executions_by_type("Rollback")
    assert execution.last_known_state == mlmd.Execution.COMPLETE
    stored = {
        name: value.string_value or value.int_value for name, value in execution.custom_properties.items()
    }
    assert stored == note | {"version": current["version"], "path": current["path"]}


def test_several_rollbacks(push: Any, root: Path, listed: Any) -> None:
    """The card lists all models that were replaced by rollbacks, except the one that is restored."""
    a, b, c = push(0.25, "r1"), push(0.5, "r2"), push(0.75, "r3")
    away = []
    for version in (b.version, a.version, c.version):
        assert main(["rollback", str(version), "--root", str(root)]) == 0
        away.append(card(listed()[0]["path"])["rollback"]["away_from"])
    assert away == [[c.digest], [b.digest, c.digest], [a.digest, b.digest]]


def test_refused(push: Any, root: Path, capsys: pytest.CaptureFixture[str], listed: Any) -> None:
    """Exit code 2 with a message, and nothing is published."""

    def refused(version: int) -> str:
        assert main(["rollback", str(version), "--root", str(root)]) == 2
        captured = capsys.readouterr()
        assert not captured.out
        return captured.err

    assert refused(7) == f"regpipe: {root / 'serving'}: there is no version yet.{hint(root)}\n"
    first, current = push(0.25, "r1"), push(0.75, "r2")
    assert refused(7) == f"regpipe: there is no version 7; `regpipe versions` lists them.{hint(root)}\n"
    assert refused(current.version) == f"regpipe: version {current.version} is the current one.\n"
    main(["rollback", str(first.version), "--root", str(root)])
    capsys.readouterr()
    newest = listed()[0]["version"]
    assert refused(first.version) == (
        f"regpipe: version {first.version} and the current one, {newest}, are the same model.\n"
    )
    (Path(current.path) / "saved_model.pb").write_bytes(b"another")
    assert refused(current.version) == (
        f"regpipe: version {current.version}: its files have changed since it was published.\n"
    )
    assert len(listed()) == 3


def test_a_version_that_does_not_load(
    push: Any, root: Path, store: MetadataStore, capsys: pytest.CaptureFixture[str], listed: Any
) -> None:
    """It is validated like any model: exit code 1, nothing is published, and the store records the failure."""
    old, new = push(0.25, "r1"), push(0.75, "r2")
    shutil.rmtree(Path(old.path) / "variables")
    write_card(
        old.path, card(old.path) | {"digest": model_digest(old.path)}
    )  # as if it had been published like this
    assert main(["rollback", str(old.version), "--root", str(root)]) == 1
    assert capsys.readouterr().err.startswith(
        f"regpipe: the model could not be published: {old.path} was not published. "
    )
    assert listed()[0]["version"] == new.version
    (execution,) = store.get_executions_by_type("Rollback")
    assert execution.last_known_state == mlmd.Execution.FAILED


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda text: text[:100],
            "model_card.json: expected a model card (a JSON object), found a damaged file",
        ),
        (lambda text: text.replace('"digest"', '"dagest"'), "the file is damaged."),
        (lambda text: "{}", "expected a model card with the digest of its files, found none"),
    ],
)
def test_a_version_whose_card_is_damaged(
    push: Any, root: Path, capsys: pytest.CaptureFixture[str], listed: Any, damage: Any, message: str
) -> None:
    """Without the digest, nobody knows whether its files have changed: exit code 2, and nothing is published."""
    old, new = push(0.25, "r1"), push(0.75, "r2")
    file = Path(old.path) / "assets.extra" / "model_card.json"
    file.write_text(damage(file.read_text()))
    assert main(["rollback", str(old.version), "--root", str(root)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"regpipe: version {old.version}: ")
    assert message in error
    assert [(record["version"], record["digest"]) for record in listed()] == [
        (new.version, new.digest),
        (old.version, None),
    ]


def test_the_card_of_the_version_that_is_replaced_is_damaged(push: Any, root: Path, listed: Any) -> None:
    """It can be replaced all the same, and the pipeline will not publish it again."""
    old, new = push(0.25, "r1"), push(0.75, "r2")
    (Path(new.path) / "assets.extra" / "model_card.json").write_text("{")
    assert main(["rollback", str(old.version), "--root", str(root)]) == 0
    assert card(listed()[0]["path"])["rollback"]["away_from"] == [new.digest]


@pytest.mark.parametrize("command", [["versions"], ["rollback", "7"]])
def test_a_root_that_is_a_file(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "file"
    root.touch()
    assert main([*command, "--root", str(root)]) == 2
    assert capsys.readouterr().err == f"regpipe: --root: expected a folder, got the file '{root}'\n"


@pytest.mark.parametrize("command", [["versions"], ["rollback", "7"]])
def test_an_object_store_that_is_not_supported(
    command: list[str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 with a one-line message instead of TensorFlow's error."""
    assert main([*command, "--root", str(root), "--set", "serving.directory=s3://bucket/models"]) == 2
    assert capsys.readouterr().err.startswith(
        "regpipe: s3://bucket/models: can't be read: File system scheme 's3' not implemented"
    )
