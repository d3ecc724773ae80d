"""`regpipe` and `regpipe run`: arguments, output and exit codes; the runner is a stub."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.common.commands import CommandOptions
from components.common.errors import DataRefused
from components.config.data import DataConfig
from pipeline_def.cli import main as main_module
from pipeline_def.cli.main import main
from pipeline_def.config.load import PipelineConfig
from pipeline_def.launcher.run_options import RunOptions
from pipeline_def.local import runner as local_runner
from pipeline_def.runs.summary import Status, Summary

REPOSITORY = Path(__file__).parents[3]
COMMANDS: tuple[list[str], ...] = (
    [],
    ["run"],
    ["study"],
    ["init"],
    ["snapshot"],
    ["config"],
    ["doctor"],
    ["runs"],
    ["report"],
    ["schema"],
    ["schema", "freeze"],
    ["bless"],
    ["versions"],
    ["rollback"],
    ["clean"],
    ["serve"],
    ["predict"],
    ["drift"],
    ["compile"],
    ["submit"],
    ["schedule"],
    *(["schedule", action] for action in ("apply", "list", "show", "pause", "resume", "delete")),
)


class Runner:
    """A stub of local_runner.run that records its arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[PipelineConfig, RunOptions]] = []
        self.status: Status = "pushed"
        self.exit_code = 0
        self.error: BaseException | None = None

    def __call__(self, config: PipelineConfig, options: RunOptions) -> Summary:
        self.calls.append((config, options))
        if self.error is not None:
            raise self.error
        return Summary(run_id="r1", status=self.status, exit_code=self.exit_code)

    @property
    def config(self) -> PipelineConfig:
        return self.calls[-1][0]


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Runner:
    stub = Runner()
    monkeypatch.setattr(local_runner, "run", stub)
    monkeypatch.chdir(tmp_path)
    return stub


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_imports_nothing_heavy_and_fits_80_columns(command: list[str]) -> None:
    code = (
        "import sys\nfrom pipeline_def.cli.main import main\n"
        "try: main(sys.argv[1:] + ['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'tfx', 'pyarrow', 'apache_beam', 'keras', 'numpy', 'rich', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    environment = {"PATH": "", "COLUMNS": "80", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "exit codes:" in done.stdout or command in (["schema"], ["schedule"])


def test_every_command_has_a_module_of_its_name() -> None:
    modules = [command.__name__.rpartition(".")[2] for command in main_module.COMMANDS]
    assert modules == list(dict.fromkeys(command[0] for command in COMMANDS if command))


def test_module_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline_def.cli", "config", "--set", "training.epochs=0"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "regpipe: --set: training.epochs: expected a whole number >= 1, got 0\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert not caught.value.code
    assert capsys.readouterr().out.startswith("regpipe ")


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "start here:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["rnu"], ["run", "--dta", "x"], ["run", "--conf", "x"], ["schema"], ["init"]]
)
def test_wrong_arguments_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_an_unknown_argument_is_reported_with_the_usage_of_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["schedule", "apply", "--epochs", "3"])
    err = capsys.readouterr().err
    assert err.startswith("usage: regpipe schedule apply [-h]")
    assert err.endswith(
        "\nregpipe schedule apply: error: unrecognized arguments: --epochs 3; see `regpipe schedule apply --help`\n"
    )


def test_run_takes_the_sample_table_by_default(runner: Runner) -> None:
    assert main(["run"]) == 0
    sample = REPOSITORY / "data/sample.csv"
    expected = str(sample) if sample.exists() else "data/sample.csv"
    assert runner.config.data.input == expected
    assert runner.calls[-1][1] == RunOptions(root=Path("runs"), use_cache=True, from_step=None, to_step=None)


def test_run_prefers_the_sample_in_the_working_directory(runner: Runner) -> None:
    Path("data").mkdir()
    Path("data/sample.csv").write_text("x,label\n")
    main(["run"])
    assert runner.config.data.input == "data/sample.csv"


def test_flags_win_over_set_and_set_over_the_file(runner: Runner) -> None:
    Path("p.yaml").write_text("data: {input: a.csv, label: a}\nmodel: {l1: 1, l2: 1}\n")
    main(
        [
            "run",
            "--config",
            "p.yaml",
            "--data",
            "c.csv",
            "--set",
            "data.input=b.csv",
            "--set",
            "model.l1=2",
            "--label",
            "'c'",
        ]
    )
    assert (runner.config.data.input, runner.config.data.label) == ("c.csv", "'c'")
    assert (runner.config.model.l1, runner.config.model.l2) == (2.0, 1.0)


def test_options_reach_the_runner(runner: Runner) -> None:
    main(["run", "--root", "elsewhere", "--no-cache", "--from-step", "Trainer", "--to-step", "Evaluator"])
    expected = RunOptions(
        root=Path("elsewhere"), use_cache=False, from_step="Trainer", to_step="Evaluator",
        commands=CommandOptions(runs=("--root", "elsewhere"), training=("--root", "elsewhere")),
    )  # fmt: skip
    assert runner.calls[-1][1] == expected


def test_the_options_of_printed_commands_are_those_of_the_run(runner: Runner) -> None:
    """As they were given; `bless` and others have no --data and --label."""
    Path("p.yaml").write_text("{}")
    given = ["--root", "elsewhere", "--config", "p.yaml"]
    table, keys = ["--data", "c.csv", "--label", "y"], ["--set", "model.l1=2", "--set", "model.l2=1"]
    main(["run", *keys, *table, *given])
    commands = runner.calls[-1][1].commands
    assert commands == CommandOptions(runs=(*given, *keys), training=(*given, *table, *keys))


def test_a_step_of_this_configuration_is_accepted(runner: Runner) -> None:
    assert main(["run", "--to-step", "Tuner"]) == 0
    assert runner.calls[-1][1].to_step == "Tuner"


def test_the_verdict_is_on_standard_output(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    main(["run"])
    out, err = capsys.readouterr()
    assert out.startswith("Pushed: ")
    assert err == ""


def test_json_alone_is_on_standard_output(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    runner.status, runner.exit_code = "not_blessed", 4
    assert main(["run", "--json"]) == 4
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == "not_blessed"
    assert err.startswith("Not blessed: ")


USAGE = {
    "misspelt step": (
        ["--from-step", "trainr"],
        "--from-step: expected the name of a step, got 'trainr'; did you mean Trainer?",
    ),
    "step in lower case": (
        ["--to-step", "pusher"],
        "--to-step: expected the name of a step, got 'pusher'; did you mean Pusher?",
    ),
    "steps in the wrong order": (
        ["--from-step", "Pusher", "--to-step", "Trainer"],
        "--from-step: expected Trainer (--to-step) or a step before it, got 'Pusher'",
    ),
    "step that is not in this configuration": (
        ["--to-step", "Tuner", "--set", "model.l1=0", "--set", "model.l2=0", "--set", "model.dropout=0"],
        "--to-step: expected a step of this configuration, got 'Tuner'; it chooses the strengths that are auto, as "
        "with --set model.l1=auto",
    ),
    "root is a file": (["--root", "file"], "--root: expected a folder, got the file 'file'"),
    "no configuration": (["--config", "no.yaml"], "no.yaml: can't be read: no such file or directory"),
    "empty label": (["--label", ""], "--label: data.label: expected text that is not empty, got ''"),
}


@pytest.mark.parametrize(("arguments", "message"), USAGE.values(), ids=USAGE.keys())
def test_usage_errors(
    runner: Runner, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()
    assert main(["run", *arguments]) == 2
    assert capsys.readouterr() == ("", f"regpipe: {message}\n")
    assert runner.calls == []


def test_a_root_on_remote_storage_is_a_usage_error(
    runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error contains both slashes, one of which a Path would drop; nothing is created or run."""
    with pytest.raises(SystemExit) as caught:
        main(["run", "--root", "gs://bucket/churn"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(
        "argument --root: expected a folder on this machine, got 'gs://bucket/churn'; only kubeflow.root may be on gs://\n"
    )
    assert runner.calls == []
    assert list(Path().iterdir()) == []


def test_a_step_without_a_similar_name_lists_the_steps(
    runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--to-step", "xyz"]) == 2
    assert "got 'xyz'; there are ExampleGen, StatisticsGen" in capsys.readouterr().err


def test_each_problem_of_a_configuration_has_a_line(
    runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--set", "training.epochs=0", "--set", "l2=1"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "regpipe: --set: l2: unknown key; did you mean model.l2?",
        "regpipe: --set: training.epochs: expected a whole number >= 1, got 0",
    ]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted; the next run takes finished steps from the cache"),
        (local_runner.RootInUse("runs: another run uses this root."), 2, "runs: another run uses this root."),
        (DataRefused("no rows"), 3, "no rows"),
    ],
)
def test_errors_of_the_runner_become_exit_codes(
    runner: Runner, error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runner.error = error
    assert main(["run"]) == code
    assert capsys.readouterr().err == f"regpipe: {message}\n"


def test_a_closed_pipe_prints_no_traceback() -> None:
    line = f"{sys.executable} -m pipeline_def.cli config | head -c 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert (done.stdout, done.stderr) == ("#", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--root=~/runs"],
        ["run", "--data=~/x.csv"],
        ["run", "--config=~/p.yaml"],
        ["run", "--set", "data.input=~anna/x.csv"],
        ["run", "--set", "data.schema_file=~/schema.pbtxt"],
        ["versions", "--set", "serving.directory=~/models"],
        ["init", "--data=~/x.csv", "--label", "y"],
        ["init", "--data", "x.csv", "--label", "y", "--output=~/p.yaml"],
        ["predict", "~/x.csv"],
        ["predict", "x.csv", "--model=~/models"],
        ["predict", "x.csv", "--output=~/scores.csv"],
        ["predict", "x.csv", "--card=~/model_card.json"],
        ["serve", "--model-dir=~/models"],
        ["serve", "--binary=~/server"],
        ["serve", "--log=~/serve.log"],
        ["compile", "--set", "kubeflow.ca_file=~/ca.pem"],
        ["submit", "--pipeline=~/pipeline.yaml"],
    ],
    ids=" ".join,
)
def test_a_home_folder_that_no_shell_replaced_is_refused(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder called ~ would be made otherwise. One rule for all paths in options and in the configuration."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(arguments))
    assert ended.value.code == 2
    assert "expected a path without ~, which only a shell replaces, got '~" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_file_whose_name_begins_with_a_tilde(tmp_path: Path) -> None:
    """As some editors write; it is no home folder."""
    assert DataConfig(input="~table.csv").input == "~table.csv"
    assert DataConfig(input="days/~/x.csv").input == "days/~/x.csv"
