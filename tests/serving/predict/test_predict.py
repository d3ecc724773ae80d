"""`regpipe predict` adds probabilities to rows, with a model in this process or on a server."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq
import pytest

from pipeline_def.cli.main import main
from serving.client.endpoint import Tls
from serving.client.exceptions import ServerUnavailable
from serving.client.retries import RetryPolicy
from tests.serving.predict.tables import DELTA, write_table


class Halver:
    """A server that returns half of the feature `x` and records the requests."""

    def __init__(self) -> None:
        self.arguments: dict[str, Any] = {}
        self.sizes: list[int] = []
        self.inputs = ["x"]
        self.fails_at: float | None = None

    def __call__(self, endpoint: str, **arguments: Any) -> "Halver":
        self.arguments = {"endpoint": endpoint, **arguments}
        return self

    def input_names(self) -> list[str]:
        return self.inputs

    def text_inputs(self) -> frozenset[str]:
        return frozenset()

    def classes(self) -> tuple[str, ...]:
        return ()

    def predict(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        assert sorted(columns) == self.inputs
        x = columns[self.inputs[0]]
        self.sizes.append(len(x))
        if self.fails_at in x:
            raise ServerUnavailable("http://h:1, model m: no response within 10 s.")
        return np.nan_to_num(x / np.float32(2), nan=0.125)

    def close(self) -> None:
        self.arguments["closed"] = True


@pytest.fixture
def halver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Halver:
    """The server behind --endpoint; the working directory is new."""
    server = Halver()
    monkeypatch.setattr("serving.client.connect.connect", server)
    monkeypatch.delenv("SERVING_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    return server


def remote(*arguments: str) -> int:
    return main(["predict", "--endpoint", "http://h:1", *arguments])


def test_rows_keep_their_order_and_columns(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """The output on standard output is the input with one more column; several files follow each other."""
    Path("a.csv").write_text('id,x,label\n7,0.5,yes\n8,,"no, no"\n')
    Path("b.csv.gz").write_bytes(gzip.compress(b"label;x;id\nyes; 1 ;\xc3\xa9\n"))
    assert remote("a.csv", "b.csv.gz") == 0
    out, err = capsys.readouterr()
    assert out == 'id,x,label,probability\n7,0.5,yes,0.25\n8,,"no, no",0.125\né, 1 ,yes,0.5\n'
    assert err == ""
    assert halver.arguments == {
        "endpoint": "http://h:1",
        "model": "regpipe",
        "headers": {},
        "retry_policy": RetryPolicy(timeout=10.0, attempts=5),
        "tls": Tls(),
        "closed": True,
    }


def test_every_format_to_every_format(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows are the same for all formats of input and output, which the files' names decide."""
    x, name = [0.1, None, 1.5], ["é", "b", "c"]
    pacsv.write_csv(pa.table({"x": x, "name": name}), "in.csv")
    pq.write_table(pa.table({"x": x, "name": name}), "in.parquet")
    Path("in.jsonl").write_text(
        "".join(json.dumps({"x": a, "name": b}) + "\n" for a, b in zip(x, name, strict=True))
    )
    expected = {"x": x, "name": name, "probability": [0.05, 0.125, 0.75]}
    for source in ("in.csv", "in.jsonl", "in.parquet"):
        for target in ("out.csv", "out.jsonl", "out.parquet"):
            assert remote(source, "-o", target, "--force") == 0
            assert capsys.readouterr().out.startswith(f"Wrote {target}: 3 rows in ")
            read: Any = {"csv": pacsv.read_csv, "jsonl": pajson.read_json, "parquet": pq.read_table}
            found = read[target.partition(".")[2]](target).to_pydict()
            assert found == {**expected, "probability": pytest.approx(expected["probability"], abs=1e-7)}, (
                source,
                target,
            )


def test_rows_from_the_command_line(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """A name may contain =; an empty cell is missing."""
    halver.inputs = ["a_b"]
    assert remote("--row", "a=b=1", "--row", "a=b=", "--format", "jsonl") == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"a=b": "1", "probability": 0.5},
        {"a=b": "", "probability": 0.125},
    ]


def test_requests_have_the_size_asked_for(halver: Halver) -> None:
    Path("a.csv").write_text("x\n" + "1\n" * 10)
    assert remote("a.csv", "--batch-size", "4", "-o", "o.csv") == 0
    assert halver.sizes == [4, 4, 2]
    assert remote("a.csv", "--timeout", "2", "--retries", "0", "--model-name", "m", "-o", "p.csv") == 0
    assert halver.arguments["retry_policy"] == RetryPolicy(timeout=2.0, attempts=1)
    assert halver.arguments["model"] == "m"


def test_a_time_out_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """It is an error before any row is read, with or without a server."""
    with pytest.raises(SystemExit) as caught:
        main(["predict", "a.csv", "--timeout", "0"])
    assert caught.value.code == 2
    assert "argument --timeout: expected a number of seconds > 0, got '0'" in capsys.readouterr().err


def test_settings_of_the_training_apply(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """data.delimiter and data.missing_values apply, from a file or --set."""
    Path("p.yaml").write_text("data: {delimiter: ':', missing_values: ['-1']}\n")
    Path("a.csv").write_text("x:y\n-1:0\n1:-1\n")
    assert remote("a.csv", "--config", "p.yaml") == 0
    assert capsys.readouterr().out == "x,y,probability\n-1,0,0.125\n1,-1,0.5\n"


def test_missing_values_of_the_training(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """They are in the card; data.missing_values in the configuration overrides them."""
    card = {"inputs": [{"feature": "x", "input": "x"}], "data": {"missing_values": ["-999"]}}
    Path("card.json").write_text(json.dumps(card))
    Path("p.yaml").write_text("data: {label: y}\n")
    Path("a.csv").write_text("x\n-999\n-1\n")
    found = []
    for arguments in ([], ["--config", "p.yaml"], ["--set", "data.missing_values=[-1]"]):
        assert remote("a.csv", "--card", "card.json", *arguments) == 0
        found.append([line.partition(",")[2] for line in capsys.readouterr().out.splitlines()[1:]])
    assert found == [["0.125", "-0.5"], ["0.125", "-0.5"], ["-499.5", "0.125"]]


def test_a_server_that_asks_who_is_there(halver: Halver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token comes from the environment, the CA bundle from a file."""
    monkeypatch.setenv("SERVING_TOKEN", " secret\n")
    arguments = ["predict", "--row", "x=1", "--endpoint", "grpcs://h:1", "--ca-file", "ca.pem"]
    assert main(arguments) == 0
    assert halver.arguments["headers"] == {"Authorization": "Bearer secret"}
    assert halver.arguments["tls"] == Tls(ca=Path("ca.pem"))


def test_a_token_is_not_sent_in_the_clear(
    halver: Halver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No request is sent, and the message does not contain the token."""
    monkeypatch.setenv("SERVING_TOKEN", "secret")
    assert remote("--row", "x=1") == 2
    assert capsys.readouterr().err == (
        "regpipe: --endpoint: expected https or grpcs for the token in SERVING_TOKEN, got 'http://h:1'\n"
    )
    assert halver.arguments == {}


@pytest.mark.parametrize("endpoint", ["https://h:1", "grpcs://h:1"])
def test_certificates_that_are_none(
    endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file does not exist, or is not a certificate."""
    file = tmp_path / "ca.pem"
    arguments = ["predict", "--row", "x=1", "--endpoint", endpoint, "--ca-file", str(file)]
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        f"regpipe: --ca-file: {file} can't be read: no such file or directory\n"
    )
    file.write_text("nonsense")
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"regpipe: {file}: expected certificates in PEM format, found none.\n"


def test_another_name_for_the_column(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("x,probability\n1,0.3\n")
    assert remote("a.csv") == 3
    assert capsys.readouterr().err == (
        "regpipe: a.csv: expected no column 'probability' in the table, found one; "
        "--column gives the new one another name.\n"
    )
    assert remote("a.csv", "--column", "again") == 0
    assert capsys.readouterr().out == "x,probability,again\n1,0.3,0.5\n"


def test_a_feature_with_the_name_of_an_added_column(
    halver: Halver, capsys: pytest.CaptureFixture[str]
) -> None:
    """The added column gets a number, so that the table of the training can be predicted."""
    halver.inputs = ["probability"]
    Path("a.csv").write_text("probability,y\n0.5,1\n")
    assert remote("a.csv") == 0
    assert capsys.readouterr().out == "probability,y,probability_2\n0.5,1,0.25\n"
    halver.inputs = ["decision"]
    Path("a.csv").write_text("decision\n0.5\n")
    assert remote("a.csv", "--threshold", "0.2") == 0
    assert capsys.readouterr().out == "decision,probability,decision_2\n0.5,0.25,1\n"


def test_a_terminal_gets_no_control_characters(
    halver: Halver, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file or a pipe gets the cells as they are."""
    Path("a.csv").write_text("x,note\n1,\x1b]0;title\x07\n")
    assert remote("a.csv") == 0
    assert capsys.readouterr().out == "x,note,probability\n1,\x1b]0;title\x07,0.5\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert remote("a.csv") == 0
    assert capsys.readouterr().out == "x,note,probability\n1,\\x1b]0;title\\x07,0.5\n"


def test_csv_for_spreadsheets(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """--csv-safe marks formulas, in CSV only."""
    Path("a.csv").write_text("x,note\n-1,=1+1\n")
    assert remote("a.csv", "--csv-safe") == 0
    assert capsys.readouterr().out == "x,note,probability\n-1,'=1+1,-0.5\n"
    assert remote("a.csv", "--csv-safe", "-o", "out.parquet") == 2
    assert capsys.readouterr().err == (
        "regpipe: --csv-safe: expected CSV as the format of the output, got parquet\n"
    )


def test_decisions(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a server, with --threshold, or by the operating point in a card, which --threshold overrides.

    Without a card the values are 1 and 0.
    """
    Path("a.csv").write_text("x\n0.5\n0.75\n1\n")
    card = {
        "inputs": [{"feature": "x", "input": "x"}],
        "data": {"missing_values": []},
        "label": {"negative": "stays", "positive": "leaves"},
        "evaluation": {"operating_point": {"threshold": 0.375}},
    }
    Path("card.json").write_text(json.dumps(card))
    found = []
    for arguments in (
        [],
        ["--threshold", "0.5"],
        ["--card", "card.json"],
        ["--card=card.json", "--threshold=0.3751"],
    ):
        assert remote("a.csv", *arguments) == 0
        found.append(capsys.readouterr().out.splitlines())
    assert found == [
        ["x,probability", "0.5,0.25", "0.75,0.375", "1,0.5"],
        ["x,probability,decision", "0.5,0.25,0", "0.75,0.375,0", "1,0.5,1"],
        ["x,probability,decision", "0.5,0.25,stays", "0.75,0.375,leaves", "1,0.5,leaves"],
        ["x,probability,decision", "0.5,0.25,stays", "0.75,0.375,stays", "1,0.5,leaves"],
    ]


def test_another_name_for_the_decision(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """A column `decision` in the table is in the way only if there are decisions."""
    Path("a.csv").write_text("x,decision\n1,no\n")
    assert remote("a.csv") == 0
    assert capsys.readouterr().out == "x,decision,probability\n1,no,0.5\n"
    assert remote("a.csv", "--threshold", "0.5") == 3
    assert capsys.readouterr().err == (
        "regpipe: a.csv: expected no column 'decision' in the table, found one; "
        "--decision-column gives the new one another name.\n"
    )
    assert remote("a.csv", "--threshold", "0.5", "--decision-column", "again") == 0
    assert capsys.readouterr().out == "x,decision,probability,again\n1,no,0.5,1\n"
    assert remote("a.csv", "--threshold", "0.5", "--column", "decision") == 2
    assert capsys.readouterr().err == (
        "regpipe: --column: expected a name for each new column, got 'decision' twice\n"
    )


def test_a_feature_that_is_missing(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    halver.inputs = ["x", "x2"]
    Path("a.csv").write_text("x,X_2\n1,2\n")
    assert remote("a.csv") == 3
    assert (
        "a.csv: expected the model's feature 'x2', found only the columns 'x', 'X_2'. Did you mean 'X_2'?"
        in (capsys.readouterr().err)
    )
    assert remote("a.csv", "--allow-missing") == 0
    assert capsys.readouterr().out == "x,X_2,probability\n1,2,0.5\n"


CARD = {"inputs": [{"feature": "a-b", "input": "a_b"}], "data": {"missing_values": [""]}}


def test_a_card_for_a_server(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """A server has only the inputs' names; the card decides which of two columns is the feature."""
    halver.inputs = ["a_b"]
    Path("a.csv").write_text("a b,a-b\n1,0.5\n")
    assert remote("a.csv") == 3
    assert "--card takes the model_card.json" in capsys.readouterr().err
    Path("card.json").write_text(json.dumps(CARD))
    assert remote("a.csv", "--card", "card.json") == 0
    assert capsys.readouterr().out == "a b,a-b,probability\n1,0.5,0.25\n"


def test_bad_cells_leave_no_file(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 with file, line, column, what was expected and found; the earlier output stays."""
    Path("a.csv").write_text("x,label\n" + "1,1\n" * 5 + "l,1\n")
    Path("o.csv").write_text("before")
    assert remote("a.csv", "-o", "o.csv", "--force") == 3
    assert capsys.readouterr().err == "regpipe: a.csv:7: column 'x': expected a number, found 'l'.\n"
    assert Path("o.csv").read_text() == "before"
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "o.csv"]


def test_a_server_that_does_not_answer(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 with the rows of the request, and no output file."""
    halver.fails_at = 0.75
    Path("a.csv").write_text("x\n1\n1\n1\n0.75\n1\n")
    assert remote("a.csv", "--batch-size", "2", "-o", "o.csv") == 1
    assert capsys.readouterr() == (
        "",
        "regpipe: a.csv:4 to a.csv:5: http://h:1, model m: no response within 10 s.\n",
    )
    assert not Path("o.csv").exists()


def test_an_answer_that_is_no_number(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("x\n1\n3e38\n")
    halver.predict = lambda columns: np.array([0.5, np.nan], np.float32)  # type: ignore[method-assign]
    assert remote("a.csv") == 1
    assert capsys.readouterr().err == (
        "regpipe: a.csv:2 to a.csv:3: expected finite predictions for each row, got nan for a.csv:3.\n"
    )


def test_files_with_other_columns(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """The error comes before a request is sent."""
    Path("a.csv").write_text("x,id\n1,2\n")
    Path("b.csv").write_text("x\n1\n")
    assert remote("a.csv", "b.csv") == 3
    assert remote("b.csv", "a.csv") == 3
    assert capsys.readouterr().err.splitlines() == [
        "regpipe: b.csv: expected the columns of a.csv, but 'id' is missing.",
        "regpipe: a.csv: expected the columns of b.csv, but found 'id' as well.",
    ]
    assert halver.sizes == []


USAGE = {
    "no rows": ([], "expected either INPUT or --row, got neither; - is standard input"),
    "two kinds of rows": (
        ["a.csv", "--row", "x=1"],
        "expected either INPUT or --row, got both; - is standard input",
    ),
    "standard input twice": (["-", "-"], "INPUT: expected - once, got it twice"),
    "no value": (["--row", "x"], "--row: expected NAME=VALUE, got 'x'"),
    "a name twice": (["--row", "x=1", "x=2"], "--row: expected each name once, got 'x' twice"),
    "batch size": (["a.csv", "--batch-size", "0"], "--batch-size: expected a number >= 1, got 0"),
    "retries": (["a.csv", "--retries", "-1"], "--retries: expected a number >= 0, got -1"),
    "no column": (["a.csv", "--column", " "], "--column: expected a name, got ' '"),
    "no column for decisions": (
        ["a.csv", "--decision-column", ""],
        "--decision-column: expected a name, got ''",
    ),
    "threshold above 1": (
        ["a.csv", "--threshold", "50"],
        "--threshold: expected a probability from 0 to 1, got 50",
    ),
    "threshold that is no number": (
        ["a.csv", "--threshold", "nan"],
        "--threshold: expected a probability from 0 to 1, got nan",
    ),
    "Parquet to the terminal": (
        ["a.csv", "--format", "parquet"],
        "--format: expected csv or jsonl for standard output, got parquet; -o names a file",
    ),
    "unknown ending": (
        ["a.csv", "-o", "o.txt"],
        "-o: expected a name that ends in .csv, .jsonl, .parquet, or --format; got 'o.txt'",
    ),
    "file exists": (["a.csv", "-o", "a.csv"], "-o: a.csv exists; --force overwrites it"),
    "output is a folder": (["a.csv", "-o", "."], "-o: expected a file, got the folder '.'"),
    "no folder": (["a.csv", "-o", "no/o.csv"], "-o: no/o.csv can't be written: there is no folder 'no'"),
    "no card": (["a.csv", "--card", "c.json"], "--card: c.json can't be read: no such file or directory"),
    "certificates without TLS": (
        ["a.csv", "--ca-file", "ca.pem"],
        "--ca-file: expected an https or grpcs --endpoint, got 'http://h:1'",
    ),
    "Beam without -o": (["a.csv", "--beam"], "--beam: expected -o with a folder for the files, got none"),
    "Beam and a server": (
        ["a.csv", "--beam", "-o", "o"],
        "--beam: expected a model that every worker loads, got --endpoint",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), USAGE.values(), ids=USAGE.keys())
def test_wrong_arguments(
    halver: Halver, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.csv").write_text("x\n1\n")
    assert remote(*arguments) == 2
    assert capsys.readouterr() == ("", f"regpipe: {message}\n")


def test_no_model(halver: Halver, capsys: pytest.CaptureFixture[str]) -> None:
    """The error comes at once, without importing TensorFlow."""
    Path("a.csv").write_text("x\n1\n")
    assert main(["predict", "a.csv", "--model", "gone"]) == 2
    assert main(["predict", "a.csv"]) == 2
    nothing = "expected a SavedModel, or a folder with published versions, found nothing."
    assert capsys.readouterr().err.splitlines() == [
        f"regpipe: gone: {nothing}",
        f"regpipe: {Path.cwd()}/runs/serving: {nothing} "
        f"`regpipe run` publishes one; --model and --endpoint select others. The root is {Path.cwd()}/runs; --root "
        "names another one, and --config the configuration of its runs.",
    ]


def probabilities(text: str) -> list[float]:
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"] for row in rows] == [f"no. {number}" for number in range(len(rows))]
    return [float(row["probability"]) for row in rows]


def test_a_server_and_a_model_here_agree(
    server: Any, exported: Path, tmp_path: Path, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The results agree to 1e-6 over both protocols, for every row in order, also with changed input names."""
    table = str(write_table(tmp_path / "t.csv"))
    assert main(["predict", table, "--model", str(exported)]) == 0
    here = probabilities(capsys.readouterr().out)
    assert main(["predict", table, "--endpoint", getattr(server, protocol)]) == 0
    there = probabilities(capsys.readouterr().out)
    assert len(here) == 5_000
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-6)


def test_the_published_model_is_the_default(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest version under the root is loaded, without output on standard error."""
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    Path("runs/serving").symlink_to(exported)
    assert main(["predict", "--row", "a=1", "b=4", f"{DELTA}=50"]) == 0
    out, err = capsys.readouterr()
    expected = 1 / (1 + np.exp(-(0.5 - 2 * 0.2 + 0.5 + 0.25)))
    assert float(out.splitlines()[1].rpartition(",")[2]) == pytest.approx(expected, abs=1e-6)
    assert err == ""


def test_files_without_rows_and_descriptions_are_skipped(
    halver: Halver, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in `regpipe run`: with a line on standard error; if no file has rows, that is the error."""
    Path("days").mkdir()
    Path("days/1.csv").write_text("x\n1\n")
    Path("days/2.csv").write_text("x\n")
    Path("days/3.csv").write_text("")
    Path("days/README.txt").write_text("What the columns mean: x is a number.\n")
    for inputs in (["days"], ["days/*"], ["days/2.csv", "days/1.csv", "days/3.csv"]):
        assert remote(*inputs) == 0
        out, err = capsys.readouterr()
        assert out == "x,probability\n1,0.5\n"
        assert err == "regpipe: Skipped, because without rows: days/2.csv, days/3.csv.\n"
    assert remote("days/2.csv", "days/3.csv") == 3
    assert "days/2.csv: expected rows after the header, found none." in capsys.readouterr().err
