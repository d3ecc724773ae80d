"""What the help of each command says before and after its options; no line is wider than 80 columns."""

_EXIT_CODES = """\
exit codes:
  0    the model was pushed (or the part asked for with --to-step is done)
  1    a step failed
  2    wrong arguments or configuration; nothing was run
  3    the data was refused
  4    the run was complete but the model was not blessed: nothing was pushed
  130  interrupted with Ctrl-C"""

MAIN = (
    """\
Turns a table of numeric features and a yes/no label into a served model, and
publishes the model only if it beats the same network trained without
regularization.""",
    f"""\
start here:
  regpipe run                                     the table that comes along
  regpipe run --data churn.csv --label churned    your own table
  regpipe init --data churn.csv --label churned   a configuration for it
  regpipe run --config pipeline.yaml

`regpipe COMMAND --help` says more about each.

{_EXIT_CODES}""",
)

RUN = (
    """\
Runs the pipeline: reads the table, checks it, trains the model and its
unregularized baseline, compares the two on the test split and pushes the model
if it passes every threshold. A step whose input, settings and code have not
changed is taken from the cache.""",
    f"""\
examples:
  regpipe run
  regpipe run --data 'days/*.csv' --label churned --set data.positive_label=yes
  regpipe run --config pipeline.yaml --set 'model.hidden_units=[64, 32]'
  regpipe run --from-step Trainer   # earlier steps: as in the last run
  regpipe run --json > run.json     # the verdict then goes to standard error

--data and --label win over --set, --set over the file, the file over the
defaults. `regpipe config` lists every key.

{_EXIT_CODES}""",
)

CONFIG = (
    """\
Prints the effective configuration as YAML: every key with its value, what it
means, what it takes, its unit and its default. What is printed can be used as a
configuration file.""",
    """\
examples:
  regpipe config
  regpipe config --config pipeline.yaml --set model.l1=0
  regpipe config > pipeline.yaml

exit codes: 0 printed; 2 wrong arguments or configuration""",
)

INIT = (
    """\
Looks at a table and writes a configuration for it: the label and which of its
values counts as 1, the columns to learn from, the columns of text that are left
out, and every other key at its default.""",
    """\
example:
  regpipe init --data churn.csv --label churned
  regpipe run --config pipeline.yaml

exit codes: 0 written; 2 wrong arguments, or the file exists; 3 the table can't
be used""",
)

RUNS = (
    """\
Lists the runs under a root, as the metadata store knows them, newest first.""",
    """\
examples:
  regpipe runs
  regpipe runs --root /data/runs --json

exit codes: 0 listed, even if there is none; 2 wrong arguments""",
)

BLESS = (
    """\
Publishes the model of a run that the pipeline did not bless. Who did so, when
and why is kept in the metadata store, with the run and with the model, and is
shown wherever the run is.""",
    """\
example:
  regpipe bless --run ID --reason "recall matters more here"  # regpipe runs

exit codes: 0 published; 1 it could not be published; 2 wrong arguments, no such
run, a run without a model, or one that was pushed already""",
)

REPORT = (
    """\
Prints where the report of a run is: one HTML page with the verdict, the two
models side by side, the learning curves, what regularization did to the
weights, the data, the configuration and the lineage. It needs no network.""",
    """\
examples:
  regpipe report
  regpipe report --open
  regpipe report --run ID           # IDs: regpipe runs

exit codes: 0 printed; 2 wrong arguments, no such run, or one without a report""",
)

SCHEMA = (
    """\
A schema says which columns there are and what their values may be. Without one
of your own, each run infers it from its own data.""",
    """\
example:
  regpipe schema freeze             # keeps the last run's""",
)

FREEZE = (
    """\
Writes the schema of a run to a file. Edit it and name it in data.schema_file:
later runs then hold their data to it, instead of to a schema inferred from the
data itself.""",
    """\
examples:
  regpipe schema freeze
  regpipe schema freeze --run ID -o churn.pbtxt    # IDs: regpipe runs
  regpipe run --set data.schema_file=schema.pbtxt

exit codes: 0 written; 2 wrong arguments, no such run, or the file exists""",
)
