"""What the help of the commands that talk to Kubeflow says; as in `help_texts`, no line is wider than 80 columns."""

COMPILE = (
    """\
Writes the pipeline for Kubeflow Pipelines: one container for each step, all of
kubeflow.image, each of which launches its step of the same pipeline as
`regpipe run`. They share kubeflow.root, which is the volume kubeflow.volume or
on gs://, and the metadata store of kubeflow.metadata. The same configuration
gives the same bytes.

A run, or a schedule, may change without compiling: data_input, span, epochs,
learning_rate, l1, l2, dropout, min_auc, max_auc_drop, max_log_loss_rise,
max_gap (unless it is null) and push_destination. Everything else is fixed here.

data.input must be a path in the containers, such as /mnt/regpipe/days.csv, or
gs://. Passwords are never written: kubeflow.metadata.secret names the
Kubernetes secret that the containers read them from.""",
    """\
examples:
  regpipe compile --config pipeline.yaml --set kubeflow.image=registry/regpipe:1
  regpipe compile --config pipeline.yaml -o churn.yaml --force
  regpipe submit --config pipeline.yaml --pipeline churn.yaml --param epochs=20

exit codes: 0 written; 2 wrong arguments or configuration

A run ends as failed where a step failed, the data was refused, or, unless
kubeflow.fail_when_not_blessed is off, the model was not blessed.""",
)

SUBMIT = (
    """\
Starts one run on Kubeflow Pipelines, now. The pipeline is uploaded as a version
named by the digest of its content, unless that is there already. Prints the
run's id and page; --wait follows it, a line whenever a step changes its state.

kubeflow.host and kubeflow.auth say where and who asks; a token is taken from
the environment variable KUBEFLOW_TOKEN, never from the configuration.""",
    """\
examples:
  regpipe submit --config pipeline.yaml
  regpipe submit --config pipeline.yaml --param span=12 --wait
  regpipe submit --set kubeflow.host=http://localhost:8080

exit codes: 0 submitted, or with --wait: ended well; 1 Kubeflow Pipelines can't
be reached or refuses, or the run has failed or been canceled, also where the
data was refused: the API does not tell why; 2 wrong arguments or configuration;
4 the run was complete but the model was not blessed; 130 interrupted: the run
goes on""",
)

SCHEDULE = (
    """\
Has Kubeflow Pipelines run the pipeline again and again, as kubeflow.schedule
says: a cron of six fields or an interval, from a start to an end, with runtime
parameters of its own.""",
    """\
examples:
  regpipe schedule apply --config pipeline.yaml --dry-run
  regpipe schedule apply --config pipeline.yaml
  regpipe schedule pause --config pipeline.yaml""",
)

APPLY = (
    """\
Makes the schedule what the configuration says, and does nothing if it is. A
change makes a new one, then removes the one before: if it is interrupted there
are two, never none, and the next `apply` removes the old one. A schedule that
was paused by hand stays paused, also when it is changed.

With kubeflow.schedule.catch_up and a start in the past, a new schedule makes up
for every run since then: after a change, once more.""",
    """\
examples:
  regpipe schedule apply --config pipeline.yaml --dry-run
  regpipe schedule apply --set 'kubeflow.schedule.cron=0 30 2 * * *'

exit codes: 0 done, or with --dry-run: told; 1 Kubeflow Pipelines can't be
reached or refuses; 2 wrong arguments or configuration""",
)

LIST = (
    """\
Lists the schedules that `regpipe schedule apply` made, of all pipelines.""",
    """\
examples:
  regpipe schedule list --config pipeline.yaml
  regpipe schedule list --json

exit codes: 0 listed, even if there is none; 1 Kubeflow Pipelines can't be
reached or refuses; 2 wrong arguments or configuration""",
)

_CODES = """\
exit codes: 0 done; 1 Kubeflow Pipelines can't be reached or refuses; 2 wrong
arguments or configuration, or no such schedule"""

SHOW = (
    "Shows a schedule as Kubeflow Pipelines has it.",
    f"example:\n  regpipe schedule show churn --json\n\n{_CODES}",
)
PAUSE = (
    "Lets a schedule start no more runs; those under way go on. `apply` does not\nresume it.",
    f"example:\n  regpipe schedule pause churn\n\n{_CODES}",
)
RESUME = (
    "Lets a paused schedule start runs again. Without kubeflow.schedule.catch_up, only\n"
    "the latest of the runs that it missed is made up for.",
    f"example:\n  regpipe schedule resume churn\n\n{_CODES}",
)
DELETE = (
    "Removes a schedule. Its runs and the versions of the pipeline stay.",
    f"example:\n  regpipe schedule delete churn\n\n{_CODES}",
)
