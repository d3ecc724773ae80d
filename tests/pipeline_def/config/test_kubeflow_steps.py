"""The keys for the steps' containers on Kubeflow: which values are refused, and what an override replaces."""

import pytest

from pipeline_def.config.load import ConfigError, load_config

ROOT = "expected a folder in the containers such as /mnt/regpipe, or gs://bucket/folder"
MOUNT = "TensorFlow can't open this kind of store; mount the bucket as a folder in the cluster"
LIST = "expected a list of {step: NAME, KEY: VALUE, ...}, such as [{step: Trainer, gpus: 1, memory: 8Gi}]"


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("root=s3://b/r", f"root: {ROOT}, got 's3://b/r': {MOUNT}"),
        ("root=minio://b/r", f"root: {ROOT}, got 'minio://b/r': {MOUNT}"),
        ("root=hdfs://b/r", f"root: {ROOT}, got 'hdfs://b/r'"),
        ("root=gs://", f"root: {ROOT}, got 'gs://'"),
        ("root=runs", f"root: {ROOT}, got 'runs'"),
        ("root=/", f"root: {ROOT}, got '/'"),
        (
            "metadata.kind=sqlite",
            "metadata.kind: expected mysql or grpc, got 'sqlite', which only one process can use at a time; "
            "several steps share the store",
        ),
        ("root=/mnt/a:b", f"root: {ROOT}, got '/mnt/a:b'"),
        ("steps.memory=4i", "steps.memory: expected bytes such as 512Mi or 4Gi, got '4i'"),
        ("steps.memory=4 GB", "steps.memory: expected bytes such as 512Mi or 4Gi, got '4 GB'"),
        ("steps.env=[A]", "steps.env: expected variables such as HTTPS_PROXY=http://proxy:3128, got 'A'"),
        ("steps.secrets=[A=b]", "steps.secrets: expected VARIABLE=secret:key, such as TOKEN=store:token, got 'A=b'"),
        ("steps.node_selector=[ssd]", "steps.node_selector: expected labels such as disk=ssd, got 'ssd'"),
        (
            "steps.tolerations=[gpu=true]",
            "steps.tolerations: expected taints as kubectl writes them, such as gpu=true:NoSchedule, got 'gpu=true'",
        ),
        ("overrides=[{step: Trainr}]", f"overrides: {LIST}, got {{step: 'Trainr'}} as item 1"),
        ("overrides=[{step: Pusher}, {step: Pusher}]", "overrides: expected each step once, got Pusher 2 times"),
        (
            "overrides=[{step: Transform, gpus: 1}]",
            "overrides: expected gpus for Tuner, Trainer, BaselineTrainer only, got 1 for Transform",
        ),
    ],
)  # fmt: skip
def test_wrong_values_are_refused(override: str, problem: str) -> None:
    """The message has the key, the expectation and the value; for s3:// and minio:// also an alternative."""
    with pytest.raises(ConfigError) as refused:
        load_config(None, [f"kubeflow.{override}"])
    assert refused.value.problems == (f"--set: kubeflow.{problem}",)


LONG = "a" * 64
LONGEST = "a" * 63
DOMAIN = ".".join(["a" * 49] * 5)  # 249 characters


@pytest.mark.parametrize(
    ("key", "allowed", "refused"),
    [
        ("kubeflow.volume", ["a", "data-1", LONGEST], ["", "a.b", "-a", "a-", "A", "a_b", LONG]),
        ("kubeflow.namespace", ["team-1", LONGEST], ["a.b", LONG]),
        ("kubeflow.installation", ["kubeflow", LONGEST], ["a.b", LONG]),
        ("name", ["churn-2", LONGEST], ["a.b", "a-", LONG]),
        (
            "kubeflow.service_account",
            ["a.b", LONG, DOMAIN],
            ["a..b", "a.-b", ".a", "a.", "A", f"{DOMAIN}.bbbb"],
        ),
        ("notify.secret", ["a.b", LONG], ["a..b", "a.-b", "a_b"]),
        ("kubeflow.metadata.secret", ["a.b", LONG], ["a..b", "a.-b", "a_b"]),
        ("kubeflow.metadata.user_key", ["USER_1", ".user", "a..b"], [".", "..", "..a", "a/b", ""]),
    ],
)
def test_names_are_those_that_kubernetes_allows(key: str, allowed: list[str], refused: list[str]) -> None:
    """k8s.io/apimachinery, pkg/util/validation: IsDNS1123Label, IsDNS1123Subdomain, IsConfigMapKey."""
    for name in allowed:
        load_config(None, [f"{key}='{name}'"])
    for name in refused:
        with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
            load_config(None, [f"{key}='{name}'"])


@pytest.mark.parametrize(
    ("key", "allowed", "refused"),
    [
        ("node_selector", ["disk=ssd", "example.org/a.b_c=", f"{LONGEST}={LONGEST}"],
         ["=a", "a/b/c=d", "/a=b", "-a=b", "a-=b", "a=-b", f"{LONG}=b", f"a={LONG}", "A.org/a=b"]),
        ("tolerations", ["gpu:NoSchedule", "example.org/gpu=:NoExecute"],
         [":NoSchedule", "a/b/c:NoSchedule", "a=-b:NoSchedule", "gpu:Never"]),
        ("secrets", ["A=a.b:c.d", "A=store:.token"], ["A=a..b:c", "A=-a:c", "A=a:..c", "A=a:.", "1A=a:b"]),
    ],
)  # fmt: skip
def test_labels_taints_and_secrets_are_those_that_kubernetes_allows(
    key: str, allowed: list[str], refused: list[str]
) -> None:
    """k8s.io/apimachinery, pkg/util/validation: IsQualifiedName, IsValidLabelValue."""
    for text in allowed:
        load_config(None, [f"kubeflow.steps.{key}=['{text}']"])
    for text in refused:
        with pytest.raises(ConfigError, match=rf"kubeflow\.steps\.{key}"):
            load_config(None, [f"kubeflow.steps.{key}=['{text}']"])


def test_the_type_of_a_gpu_is_the_name_of_a_resource() -> None:
    """Such as nvidia.com/gpu."""
    load_config(None, ["kubeflow.overrides=[{step: Trainer, gpus: 1, gpu_type: amd.com/gpu}]"])
    with pytest.raises(ConfigError, match=r"kubeflow\.overrides"):
        load_config(None, ["kubeflow.overrides=[{step: Trainer, gpus: 1, gpu_type: nvidia.com/a/b}]"])


def test_an_override_replaces_the_settings_it_has() -> None:
    """Settings that the override leaves out stay; an empty list removes the entries."""
    kubeflow = load_config(
        None,
        [
            "kubeflow.steps.cpu='2'", "kubeflow.steps.env=[A=1]", "kubeflow.steps.retries=3",
            "kubeflow.overrides=[{step: Trainer, memory: 8Gi, retries: 0, env: []}]",
        ],
    ).kubeflow  # fmt: skip
    (override,) = kubeflow.overrides
    settings = override.merged_with(kubeflow.steps)
    assert (settings.cpu, settings.memory, settings.retries, settings.env) == ("2", "8Gi", 0, ())
    assert settings.backoff == kubeflow.steps.backoff
