"""What the help of each command says before and after its options; no line is wider than 80 columns."""

_EXIT_CODES = """\
exit codes:
  0    the model was pushed (or the part asked for with --to-step is done)
  1    a step failed
  2    wrong arguments or configuration; nothing was run
  3    the data was refused
  4    the run was complete but the model was not blessed, or a person had
       rolled back from it: nothing was pushed
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
  regpipe run --set tuning.trials=20   # first looks for the best l1, l2, ...
  regpipe run --from-step Trainer   # earlier steps: as in the last run
  regpipe run --json > run.json     # the verdict then goes to standard error

--data and --label win over --set, --set over the file, the file over the
defaults. `regpipe config` lists every key.

{_EXIT_CODES}""",
)

STUDY = (
    """\
Trains the network of the configuration many times on the same data: without
regularization, with L1, L2, elastic net, dropout, weight decay and early
stopping, each alone, with all as configured, and with l1, l2 and dropout from
weak to strong. Shows for each the loss on the splits train and eval, the gap
between them, the AUC, how many weights are exactly 0 and how large they are, as
a table and as a page with charts. The split test is not looked at: it decides
in `regpipe run`.""",
    """\
examples:
  regpipe study
  regpipe study --data churn.csv --label churned --open
  regpipe study --config pipeline.yaml --strengths 15   # finer paths
  regpipe study --strengths 0                           # no paths
  regpipe study --json > study.json

The data steps come from the cache of `regpipe run`. Each result is kept under
the root, in studies/: a study that was interrupted, or a second one with other
strengths, trains only what is missing. The page is studies/ID/study.html.

exit codes: 0 done; 1 a step or a training failed; 2 wrong arguments or
configuration; 3 the data was refused; 130 interrupted with Ctrl-C""",
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

VERSIONS = (
    """\
Lists the versions that are published, newest first: when and by which run, AUC
and log loss on the test split, and the digest of the model. `current` is the
one that is served.""",
    """\
examples:
  regpipe versions
  regpipe versions --config pipeline.yaml --json

exit codes: 0 listed, even if there is none; 2 wrong arguments or configuration""",
)

ROLLBACK = (
    """\
Publishes an old version again, as the newest: servers take the highest number.
It is checked as any model is. Who did so, when and why is kept in its card and
in the metadata store. Later runs don't publish the model you went back from.""",
    """\
example:
  regpipe rollback 1795177529 --reason "complaints"    # regpipe versions

exit codes: 0 published; 1 it could not be published; 2 wrong arguments, no such
version, or one that is the current model already""",
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

SERVE = (
    """\
Serves the newest published version with TF Serving on this machine: a
tensorflow_model_server named by --binary or TENSORFLOW_MODEL_SERVER or found on
the PATH, otherwise Docker. Waits until the model is loaded, prints a request to
try it with, and serves until Ctrl-C. Newer versions are taken up by themselves.
Only this machine can reach what Docker serves; a binary listens everywhere.""",
    """\
examples:
  regpipe serve
  regpipe serve --docker --rest-port 9501 --grpc-port 9500
  regpipe serve --model-dir /models/churn --binary ./tensorflow_model_server

exit codes: 0 stopped with Ctrl-C; 1 the server ended, or did not load the
model; 2 wrong arguments, no version, no server, or a port in use; 130 stopped
before the model was loaded""",
)

PREDICT = (
    """\
Adds to each row of a table the probability of its label: rows in the order of
the input, with all their columns, and `probability` as the last. The model is
the newest published version, another SavedModel, or one on a server.

The table has a column for each of the model's features, by the name that it had
in training; other columns are kept and not looked at. Empty cells are missing
values, and so are those that were in training, which the model's card tells;
data.missing_values says otherwise. A cell of text among numbers, a number
beyond 32 bits or an infinity ends the command: it says where, and no file is
left. On standard output, rows appear as they are done.

A server that asks for a bearer token is shown the one in the environment
variable SERVING_TOKEN, over https and grpcs only.

CSV and JSON lines have no types: in JSON lines and Parquet made from CSV,
features are numbers and all else is text. JSON lines made from JSON lines keep
every value as it was.

--beam reads, predicts and writes in parallel, through TFX's RunInference, on
this machine or where `beam.runner` says, whose workers must find the model and
the files. It writes many files, and keeps the order of the rows only within
blocks of them.""",
    """\
examples:
  regpipe predict churn.csv                       to standard output, as CSV
  regpipe predict churn.csv -o scores.parquet
  regpipe predict 'days/*.csv.gz' -o scores.csv --config pipeline.yaml
  regpipe predict --row f0=1.2 f1=-3 --row f0=0.5 --allow-missing
  cat rows.jsonl | regpipe predict - --format jsonl
  regpipe predict churn.csv --model runs/serving/1795177529
  regpipe predict churn.csv --endpoint grpc://localhost:8500
  regpipe predict 'big/*.parquet' --beam -o scores/ --format parquet

exit codes: 0 done; 1 no answer, or no place to write; 2 wrong arguments, or no
model; 3 the rows can't be used; 130 interrupted""",
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
