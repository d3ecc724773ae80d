"""The keys under `notify`. No step reads them, so a change here does not rerun any step."""

from typing import Literal

from components.config.base import Settings, key
from pipeline_def.config.kubernetes_names import NAME, SECRET_KEY

URL_VARIABLE = "REGPIPE_NOTIFY_URL"
"""The environment variable with the URL to post to. The URL is a secret: anyone who has it can post to it."""


class NotifyConfig(Settings):
    """A message at the end of each run, posted to the URL in REGPIPE_NOTIFY_URL, or in a secret on Kubeflow."""

    when: Literal["always", "problem", "never"] | None = key(
        None,
        "Which runs are reported. 'always': every run, so that a missing message is a sign, too; 'problem': runs that "
        "did not end as they should (failed, data refused, not blessed, interrupted), those whose data has drifted, "
        "and those in which the served model does clearly worse than in its card; 'never': none. "
        "null: every run if there is a URL; no URL is then no error.",
    )
    secret: str | None = key(
        None,
        "On Kubeflow: the Kubernetes secret with the URL; null: no message is sent there.",
        **NAME,
    )
    secret_key: str = key("url", "On Kubeflow: the key in that secret.", **SECRET_KEY)
