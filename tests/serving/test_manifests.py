"""The configuration for TF Serving, Docker and Kubernetes: every file is checked against the schema of its reader."""

import copy
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import urllib3
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2

from serving.launch import IMAGE, ModelOnPorts, binary_command
from tests.standins.tf_serving import stand_in
from tests.waiting import wait_until

SERVING = Path(__file__).parents[2] / "serving"
KUBERNETES = SERVING / "kubernetes"
MANIFESTS = sorted(path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")
OLDEST, NEWEST = "1.28", kubernetes_validate.latest_version()
STATUS, METADATA = "/v1/models/regpipe", "/v1/models/regpipe/metadata"
Object = dict[str, Any]

# The protos that tensorflow-serving-api lacks, as published: each field's number and type.
# https://github.com/tensorflow/serving/blob/master/tensorflow_serving/servables/tensorflow/session_bundle_config.proto
BATCHING = {
    "max_batch_size": (1, "Int64Value"),
    "batch_timeout_micros": (2, "Int64Value"),
    "max_enqueued_batches": (3, "Int64Value"),
    "num_batch_threads": (4, "Int64Value"),
    "thread_pool_name": (5, "StringValue"),
    "allowed_batch_sizes": (6, "[]int64"),
    "pad_variable_length_inputs": (7, "bool"),
    "enable_large_batch_splitting": (8, "BoolValue"),
    "max_execution_batch_size": (9, "Int64Value"),
}
# https://github.com/tensorflow/serving/blob/master/tensorflow_serving/config/monitoring_config.proto
PROMETHEUS = {"enable": (1, "bool"), "path": (2, "string")}
MONITORING = {"prometheus_config": (1, "PrometheusConfig")}

# What KServe adds to a pod and to a container; the rest of its schema is Kubernetes' own.
# https://github.com/kserve/kserve/blob/master/pkg/apis/serving/v1beta1/component.go
PREDICTOR = {"model", "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric"}
# https://github.com/kserve/kserve/blob/master/pkg/apis/serving/v1beta1/predictor.go
MODEL = {"modelFormat", "runtimeVersion", "protocolVersion", "storageUri"}


def load(path: Path) -> Object:
    """Returns the object in a YAML file."""
    loaded: Object = yaml.safe_load(path.read_text("utf-8"))
    return loaded


def container(manifest: str) -> Object:
    found: Object = pod_of(load(SERVING / manifest))["containers"][0]
    return found


def pod_of(manifest: Object) -> Object:
    spec: Object = manifest["spec"]
    return spec["template"]["spec"] if manifest["kind"] == "Deployment" else spec


def compose() -> Object:
    service: Object = load(SERVING / "compose.yaml")["services"]["tensorflow-serving"]
    return service


def health_check(port: int | None) -> list[str]:
    """Returns the command of the health check of Compose, with another port."""
    words = compose()["healthcheck"]["test"][1:]
    return [word.replace("/8501 ", f"/{port} ").replace("$$", "$") for word in words]


def message(name: str, messages: dict[str, dict[str, tuple[int, str]]]) -> Any:
    """Returns the class of a message with the given fields."""
    field_type = descriptor_pb2.FieldDescriptorProto
    scalars = {"int64": field_type.TYPE_INT64, "bool": field_type.TYPE_BOOL, "string": field_type.TYPE_STRING}
    file = descriptor_pb2.FileDescriptorProto(name="made.proto", package="made", syntax="proto3")
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    for one, fields in messages.items():
        made = file.message_type.add(name=one)
        for field, (number, kind) in fields.items():
            label = field_type.LABEL_REPEATED if kind.startswith("[]") else field_type.LABEL_OPTIONAL
            added = made.field.add(name=field, number=number, label=label)
            kind = kind.removeprefix("[]")
            if kind in scalars:
                added.type = scalars[kind]
            else:
                added.type = field_type.TYPE_MESSAGE
                added.type_name = f".made.{kind}" if kind in messages else f".google.protobuf.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"made.{name}"))


def test_the_models() -> None:
    """A ModelServerConfig with the newest version of one model, in the mounted folder."""
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((SERVING / "config/models.config").read_text(), config)
    (model,) = config.model_config_list.config
    assert (model.name, model.model_platform) == ("regpipe", "tensorflow")
    assert model.model_version_policy.latest.num_versions == 1
    assert not model.HasField("logging_config")  # with it, the published binary does not start
    mounts = {mount["name"]: mount for mount in container("kubernetes/deployment.yaml")["volumeMounts"]}
    assert model.base_path == mounts["models"]["mountPath"] == compose()["volumes"][0]["target"]


def test_the_batching_parameters() -> None:
    """BatchingParameters; as in the proto, the largest request is at least as large as the largest run."""
    parsed = text_format.Parse(
        (SERVING / "config/batching.config").read_text(),
        message("BatchingParameters", {"BatchingParameters": BATCHING})(),
    )
    assert parsed.enable_large_batch_splitting.value
    assert parsed.max_batch_size.value >= parsed.max_execution_batch_size.value > 0
    limits = container("kubernetes/deployment.yaml")["resources"]["limits"]
    assert parsed.num_batch_threads.value == int(limits["cpu"]) == compose()["cpus"]


def test_the_monitoring() -> None:
    """A MonitoringConfig with the path in Prometheus' annotation."""
    parsed = text_format.Parse(
        (SERVING / "config/monitoring.config").read_text(),
        message("MonitoringConfig", {"PrometheusConfig": PROMETHEUS, "MonitoringConfig": MONITORING})(),
    )
    annotations = load(KUBERNETES / "deployment.yaml")["spec"]["template"]["metadata"]["annotations"]
    assert parsed.prometheus_config.enable
    assert parsed.prometheus_config.path == annotations["prometheus.io/path"]


def test_a_field_that_is_not_there_is_noticed() -> None:
    """The protos above reject unknown fields, like TF Serving's parser."""
    with pytest.raises(text_format.ParseError, match="max_batch_sizes"):
        text_format.Parse(
            "max_batch_sizes { value: 1 }", message("BatchingParameters", {"BatchingParameters": BATCHING})()
        )


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_kubernetes_takes_the_manifest(path: Path, version: str) -> None:
    """Every manifest is valid for the published schema of its kind; unknown fields are errors."""
    kubernetes_validate.validate(load(path), version, strict=True)


def test_a_misspelled_field_is_noticed() -> None:
    manifest = load(KUBERNETES / "deployment.yaml")
    manifest["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(manifest, NEWEST, strict=True)


def test_kserve_is_handed_its_own_fields_and_a_pod() -> None:
    """Without KServe's fields, the rest is a valid pod with a container in Kubernetes' schema."""
    service = load(SERVING / "kserve/inferenceservice.yaml")
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert set(service["spec"]) == {"predictor"}
    predictor = copy.deepcopy(service["spec"]["predictor"])
    model = predictor["model"]
    assert set(model) >= MODEL
    assert set(predictor) >= PREDICTOR
    only = {name: value for name, value in model.items() if name not in MODEL}
    spec = {name: value for name, value in predictor.items() if name not in PREDICTOR}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": service["metadata"]["name"]},
        "spec": {**spec, "containers": [{"name": "kserve-container", **only}]},
    }
    kubernetes_validate.validate(pod, NEWEST, strict=True)
    assert model["modelFormat"] == {"name": "tensorflow", "version": "2"}
    assert model["storageUri"] == f"pvc://{load(KUBERNETES / 'claim.yaml')['metadata']['name']}"


def test_one_image_for_all() -> None:
    """All files use the same exact version of TF Serving."""
    assert compose()["image"] == IMAGE
    for name in ("deployment", "upload"):
        assert container(f"kubernetes/{name}.yaml")["image"] == IMAGE
    model = load(SERVING / "kserve/inferenceservice.yaml")["spec"]["predictor"]["model"]
    assert f"tensorflow/serving:{model['runtimeVersion']}" == IMAGE


@pytest.mark.parametrize("name", ["kubernetes/deployment.yaml", "kubernetes/upload.yaml"])
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    """Pods meet Kubernetes' `restricted` standard and have a read-only root, no token, and resource limits."""
    pod = pod_of(load(SERVING / name))
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for one in pod["containers"]:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(one["resources"]["requests"]) & set(one["resources"]["limits"])


def test_a_container_of_compose_may_not_either() -> None:
    service = compose()
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(volume["read_only"] for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_probes_ask_for_what_they_are_for() -> None:
    """A pod is ready if its model is available, and alive if it responds, with or without a model."""
    one = container("kubernetes/deployment.yaml")
    asked = {
        name: one[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert asked == {"startupProbe": METADATA, "readinessProbe": METADATA, "livenessProbe": STATUS}
    kserve = load(SERVING / "kserve/inferenceservice.yaml")["spec"]["predictor"]["model"]
    assert kserve["readinessProbe"]["httpGet"]["path"] == METADATA


def test_a_broken_version_delays_no_other() -> None:
    """Every server has two loading threads: with one, a version that is retried would keep a newer one from loading."""
    kserve = load(SERVING / "kserve/inferenceservice.yaml")["spec"]["predictor"]["model"]["args"]
    served = ModelOnPorts(name="m", folder=Path("/m"), grpc_port=8500, rest_port=8501)
    launched = binary_command("tensorflow_model_server", served).command
    for flags in (compose()["command"], container("kubernetes/deployment.yaml")["args"], kserve, launched):
        assert "--num_load_threads=2" in flags


def answers(port: int | None, path: str) -> bool:
    """Whether the server answers within a second."""
    try:
        urllib3.request("GET", f"http://127.0.0.1:{port}{path}", retries=False, timeout=1)
    except urllib3.exceptions.TimeoutError:
        return False
    return True


def test_the_probes_notice_a_blocked_server(tmp_path: Path) -> None:
    """If requests without rows hold all REST threads of a batched server, each probe and the health check fail."""
    from tests.serving.models import write_model
    from tests.standins.tf_serving.bundle import Batching
    from tests.standins.tf_serving.contract_server import ContractServer
    from tests.standins.tf_serving.manager import Manager, Polling

    write_model(tmp_path / "1")
    server = ContractServer([Manager("regpipe", tmp_path, Polling(), Batching())], rest_threads=1)
    address = "127.0.0.1", server.rest_port
    kserve = load(SERVING / "kserve/inferenceservice.yaml")["spec"]["predictor"]["model"]
    pods = container("kubernetes/deployment.yaml"), kserve
    probes = [pod[name] for pod in pods for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    paths = {probe["httpGet"]["path"] for probe in probes}
    command = health_check(server.rest_port)
    assert all(probe["timeoutSeconds"] <= 5 for probe in probes)
    assert subprocess.run(command, capture_output=True, timeout=10).returncode == 0
    body = b'{"inputs": {"a": [], "b": []}}'
    with socket.create_connection(address) as blocking:
        head = f"POST {STATUS}:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        blocking.sendall(head.encode() + body)
        # Until the only thread has taken this request, it may still answer others.
        wait_until(lambda: not answers(server.rest_port, STATUS), seconds=30)
        for path in paths:
            assert not answers(server.rest_port, path)
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=1)
        server.stop()


def test_everything_finds_everything() -> None:
    """Names, labels, ports and files match between the objects."""
    one = load(KUBERNETES / "deployment.yaml")
    labels = one["spec"]["template"]["metadata"]["labels"]
    pod = pod_of(one)
    service, scaler, budget = (
        load(KUBERNETES / f"{name}.yaml") for name in ("service", "autoscaler", "disruptions")
    )
    assert one["spec"]["selector"]["matchLabels"] == labels == service["spec"]["selector"]
    assert budget["spec"]["selector"]["matchLabels"] == labels
    target = scaler["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (one["kind"], one["metadata"]["name"])
    assert pod["serviceAccountName"] == load(KUBERNETES / "account.yaml")["metadata"]["name"]
    ports = {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}
    assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports
    assert "replicas" not in one["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(volumes) == {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert volumes["models"]["persistentVolumeClaim"]["claimName"] == "regpipe-models"
    (generated,) = load(SERVING / "config/kustomization.yaml")["configMapGenerator"]
    assert volumes["config"]["configMap"]["name"] == generated["name"]
    for arguments in (pod["containers"][0]["args"], compose()["command"]):
        files = [argument.rpartition("=/config/")[2] for argument in arguments if "=/config/" in argument]
        assert (
            sorted(files)
            == sorted(generated["files"])
            == sorted(p.name for p in (SERVING / "config").glob("*.config"))
        )


def test_only_labelled_pods_may_connect() -> None:
    """gRPC needs its own label, because a gRPC client can replace the model. The servers open no connections."""
    policy = load(KUBERNETES / "network.yaml")["spec"]
    labels = load(KUBERNETES / "deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"] == labels
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert policy["egress"] == []
    ports = {port["containerPort"]: port["name"] for port in container("kubernetes/deployment.yaml")["ports"]}
    allowed: dict[str, set[str]] = {}
    for rule in policy["ingress"]:
        (peer,), (port,) = rule["from"], rule["ports"]
        assert set(peer) == {"podSelector"}  # of the same namespace
        selector = peer["podSelector"]
        (expression,) = selector.get("matchExpressions") or [
            {"key": key, "operator": "In", "values": [value]}
            for key, value in selector["matchLabels"].items()
        ]
        assert (expression["key"], expression["operator"]) == ("regpipe-client", "In")
        allowed[ports[port["port"]]] = set(expression["values"])
    assert allowed == {"rest": {"rest", "grpc"}, "grpc": {"grpc"}}


def test_the_kustomization_leaves_none_out() -> None:
    listed = load(KUBERNETES / "kustomization.yaml")["resources"]
    assert sorted(listed) == sorted(["../config", *(p.name for p in MANIFESTS if p.name != "upload.yaml")])


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl")
@pytest.mark.parametrize("folder", ["kubernetes", "kubernetes-gcs"])
def test_kubectl_builds_the_whole(folder: str) -> None:
    """The output of `kubectl kustomize` is valid; the pods use the generated configuration; with gs:// no claim."""
    built = subprocess.run(
        ["kubectl", "kustomize", str(SERVING / folder)], capture_output=True, text=True, check=True
    )
    objects = {one["kind"]: one for one in yaml.safe_load_all(built.stdout)}
    for one in objects.values():
        kubernetes_validate.validate(one, NEWEST, strict=True)
    pod = pod_of(objects["Deployment"])
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["config"]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"]
    on_gcs = folder == "kubernetes-gcs"
    egress = objects["NetworkPolicy"]["spec"].get("egress", [])
    opened = {port["port"] for rule in egress for port in rule["ports"]}
    assert opened == ({53, 443, 80, 988} if on_gcs else set())
    assert ("PersistentVolumeClaim" in objects) is not on_gcs
    assert ("models" in volumes) is not on_gcs
    assert ("--model_config_file=gs://BUCKET/PATH/models.config" in pod["containers"][0]["args"]) is on_gcs


def test_the_health_check_of_compose(tmp_path: Path) -> None:
    """Runs the health check: it succeeds only while the server runs and a version is available."""
    (tmp_path / "1").mkdir()
    port = stand_in.free_port()
    command = health_check(port)

    def is_healthy() -> bool:
        return subprocess.run(command, capture_output=True, timeout=10).returncode == 0

    with stand_in.running(tmp_path, port):
        assert is_healthy()
        (tmp_path / "gone").touch()
        assert not is_healthy()
    assert not is_healthy()


def test_who_may_connect_to_the_pods_of_kserve() -> None:
    """The same labels as for the Deployment; of other namespaces, only one with the label reaches REST.

    The ports are those of KServe's runtime for TensorFlow (--rest_api_port=8080, --port=9000), the label of the pods is
    InferenceServicePodLabelKey in its pkg/constants.
    """
    policy = load(SERVING / "kserve/network.yaml")
    kubernetes_validate.validate(policy, NEWEST, strict=True)
    service = load(SERVING / "kserve/inferenceservice.yaml")
    label = {"serving.kserve.io/inferenceservice": service["metadata"]["name"]}
    assert policy["spec"]["podSelector"] == {"matchLabels": label}
    deployment = load(KUBERNETES / "network.yaml")["spec"]
    rest, grpc = policy["spec"]["ingress"]
    assert rest["from"][:1] == deployment["ingress"][0]["from"]
    assert rest["from"][1:] == [{"namespaceSelector": {"matchLabels": {"regpipe-client": "rest"}}}]
    assert grpc["from"] == deployment["ingress"][1]["from"]
    model = service["spec"]["predictor"]["model"]
    assert [port["port"] for port in rest["ports"]] == [model["readinessProbe"]["httpGet"]["port"]]
    assert [port["port"] for port in grpc["ports"]] == [9000]
    assert policy["spec"]["egress"] == []
