"""The manifests are valid, match the defaults of the configuration, and grant only the rights that are needed.

The behaviour of Kubeflow Pipelines is described in github.com/kubeflow/pipelines at 2.17.0, in the files named below.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from pipeline_def.config.load import PipelineConfig, load_config
from pipeline_def.kubeflow.compiler import compile_kubeflow

FOLDER = Path(__file__).parents[2] / "kubeflow/manifests"
BUILT = [".", "one-node", "multi-user", "isolation", "serving"]  # the folders for `kubectl apply -k`
ALONE = ["namespace.yaml", "secret.example.yaml", "volume.yaml"]  # the files for `kubectl apply -f`
OLDEST, NEWEST = "1.28", kubernetes_validate.latest_version()
USER = 10001  # of kubeflow/Dockerfile
# Kubeflow Pipelines copies this label to the steps' pods: backend/src/v2/compiler/argocompiler/container.go,
# extendPodMetadata
OF_STEPS = {"app.kubernetes.io/name": "regpipe-step"}
# The pods that a run connects to, and their ports: manifests/kustomize/base/metadata/base, base/pipeline and
# third-party/seaweedfs; before 2.16 third-party/minio.
TARGETS = {
    ("component", "metadata-grpc-server"): 8080,
    ("app", "ml-pipeline"): 8887,
    ("app", "seaweedfs"): 8333,
    ("app", "minio"): 9000,
}
Object = dict[str, Any]


def load(name: str) -> Object:
    loaded: Object = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return loaded


def defaults() -> PipelineConfig:
    return load_config(None, [])


def build(folder: str) -> dict[tuple[str, str], Object]:
    """Returns the objects that `kubectl apply -k` would send, by kind and name."""
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl")
    built = subprocess.run(
        ["kubectl", "kustomize", str(FOLDER / folder)], capture_output=True, text=True, check=True
    )
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(built.stdout)}


def manifests() -> list[str]:
    return sorted(
        str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml") if path.name != "kustomization.yaml"
    )


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("name", manifests())
def test_each_manifest_is_valid(name: str, version: str) -> None:
    """By the schemas of the oldest supported and the newest available version, without an unknown field."""
    kubernetes_validate.validate(load(name), version, strict=True)


@pytest.mark.parametrize("folder", BUILT)
def test_kubectl_builds_each_kustomization(folder: str) -> None:
    """All objects are valid and in one namespace; `isolation` has none, so it can be applied to any."""
    objects = build(folder)
    namespace = {"multi-user": "team", "isolation": None}.get(folder, defaults().kubeflow.installation)
    for one in objects.values():
        kubernetes_validate.validate(one, NEWEST, strict=True)
        assert one["metadata"].get("namespace") == namespace
        for subject in one.get("subjects", ()):
            assert subject["namespace"] == namespace


def test_every_file_is_in_a_kustomization_or_applied_alone() -> None:
    """Each kustomization lists the files of its folder, and the folders that it is based on exist."""
    found = set()
    for path in FOLDER.rglob("kustomization.yaml"):
        for resource in yaml.safe_load(path.read_text("utf-8"))["resources"]:
            assert (path.parent / resource).exists()
            found.add((path.parent / resource).resolve())
    listed = {str(path.relative_to(FOLDER.resolve())) for path in found if path.suffix == ".yaml"}
    assert sorted([*listed, *ALONE]) == manifests()
    folders = {str(path.parent.relative_to(FOLDER)) for path in FOLDER.rglob("kustomization.yaml")}
    assert folders == {*BUILT, "base"}


def test_the_overlays_change_one_thing_each() -> None:
    """`one-node` changes only the access mode of the claim, `multi-user` only the namespace."""
    whole = build(".")
    one_node = build("one-node")
    claim = one_node[("PersistentVolumeClaim", "regpipe")]["spec"]
    assert claim["accessModes"] == ["ReadWriteOnce"]
    claim["accessModes"] = ["ReadWriteMany"]
    assert one_node == whole
    team = yaml.safe_dump(list(build("multi-user").values()))
    assert team.replace("namespace: team", "namespace: kubeflow") == yaml.safe_dump(list(whole.values()))


def test_the_claim_is_the_one_that_the_steps_mount() -> None:
    """kubeflow.volume at kubeflow.root. Several nodes mount it at once, as both trainers run at once."""
    kubeflow = defaults().kubeflow
    claim = load("base/claim.yaml")
    assert claim["metadata"]["name"] == kubeflow.volume
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    spec = load("volume.yaml")["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["regpipe"]["persistentVolumeClaim"]["claimName"] == kubeflow.volume
    for container in (*spec["initContainers"], *spec["containers"]):
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts.pop("regpipe") == kubeflow.root
        assert mounts in ({}, {"tmp": "/tmp"})  # for commands, as the root file system is read-only


def test_the_database_is_the_one_that_the_steps_use() -> None:
    """kubeflow.metadata: database, port, and the secret's keys for user and password. No file has a password."""
    metadata = defaults().kubeflow.metadata
    server = load("base/mysql.yaml")["spec"]
    (container,) = server["template"]["spec"]["containers"]
    given = {one["name"]: one.get("value") or one["valueFrom"]["secretKeyRef"] for one in container["env"]}
    assert given == {
        "MARIADB_DATABASE": metadata.database,
        "MARIADB_USER": {"name": metadata.secret, "key": metadata.user_key},
        "MARIADB_PASSWORD": {"name": metadata.secret, "key": metadata.password_key},
        "MARIADB_ROOT_PASSWORD": {"name": metadata.secret, "key": "root-password"},
        "MARIADB_ROOT_HOST": "localhost",
    }
    example = load("secret.example.yaml")
    assert example["metadata"]["name"] == metadata.secret
    assert example["stringData"] == {
        metadata.user_key: "regpipe",
        metadata.password_key: "REPLACE",
        "root-password": "REPLACE",
    }
    service = load("base/mysql-service.yaml")
    (port,) = service["spec"]["ports"]
    (listens,) = container["ports"]
    assert (port["port"], port["targetPort"]) == (metadata.address[1], listens["name"])
    assert listens["containerPort"] == metadata.address[1]
    labels = server["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == server["selector"]["matchLabels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert server["serviceName"] == service["metadata"]["name"]
    # Kubeflow Pipelines' own, in the same namespace: manifests/kustomize/third-party/mysql/base/mysql-service.yaml
    assert service["metadata"]["name"] != "mysql"


def test_the_compiled_pipeline_uses_objects_that_exist() -> None:
    """Every secret, key and claim of its containers, with the settings of the guide."""
    config = load_config(
        None,
        [
            "kubeflow.image=regpipe:1",
            "data.input=/mnt/regpipe/data/days.csv",
        ],
    )
    _, platform = yaml.safe_load_all(compile_kubeflow(config))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    assert all(one["podMetadata"]["labels"] == OF_STEPS for one in executors)
    mounts = [mount for one in executors for mount in one.get("pvcMount", ())]
    secrets = [secret for one in executors for secret in one.get("secretAsEnv", ())]
    assert {mount["constant"] for mount in mounts} == {load("base/claim.yaml")["metadata"]["name"]}
    example = load("secret.example.yaml")
    assert {secret["secretName"] for secret in secrets} == {example["metadata"]["name"]}
    keys = {pair["secretKey"] for secret in secrets for pair in secret["keyToEnv"]}
    assert keys == {"user", "password"} < set(example["stringData"])


def test_the_account_has_exactly_these_rights() -> None:
    """Those that a run's pods need, each with its source: no wildcard, no list, no other secret."""
    rules = load("base/role.yaml")["rules"]
    granted = {
        (group, resource, name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", ["any"])
        for verb in rule["verbs"]
    }
    assert granted == {
        # backend/src/v2/config/env.go, configMapName and minioArtifactSecretName
        ("", "configmaps", "kfp-launcher", "get"),
        ("", "secrets", "mlpipeline-minio-artifact", "get"),
        # backend/src/v2/component/launcher_v2.go, retryIndexFromPodAnnotation
        ("", "pods", "any", "get"),
        # manifests/kustomize/base/pipeline/pipeline-runner-role.yaml, for Argo's executor
        ("argoproj.io", "workflowtaskresults", "any", "create"),
        ("argoproj.io", "workflowtaskresults", "any", "patch"),
    }
    binding = load("base/binding.yaml")
    account = load("base/account.yaml")
    assert binding["roleRef"]["name"] == load("base/role.yaml")["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == [account["metadata"]["name"]]
    assert account["automountServiceAccountToken"] is True


def test_only_the_steps_can_connect_to_the_database() -> None:
    """The database can't open connections: a policy type without rules allows none."""
    policy = load("base/mysql-network.yaml")["spec"]
    labels = load("base/mysql.yaml")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": OF_STEPS}}], "ports": [{"port": 3306, "protocol": "TCP"}]}
    ]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert "egress" not in policy


def test_the_steps_can_connect_to_what_they_need() -> None:
    """DNS, metadata store, Kubeflow Pipelines, its object store and HTTPS; no connections to the steps are allowed."""
    spec = load("isolation/network.yaml")["spec"]
    assert spec["podSelector"] == {"matchLabels": OF_STEPS}
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in spec
    installed = {"matchLabels": {"kubernetes.io/metadata.name": defaults().kubeflow.installation}}
    seen = {}
    names, database, *services, https = spec["egress"]
    for rule in services:
        (peer,) = rule["to"]
        assert peer["namespaceSelector"] == installed
        (label,) = peer["podSelector"]["matchLabels"].items()
        (seen[label],) = [port["port"] for port in rule["ports"]]
    assert seen == TARGETS
    assert [(port["port"], port["protocol"]) for port in names["ports"]] == [(53, "UDP"), (53, "TCP")]
    server = load("base/mysql-network.yaml")["spec"]
    assert database["to"] == [{"podSelector": server["podSelector"]}]
    assert database["ports"] == server["ingress"][0]["ports"]
    assert {port["port"] for port in https["ports"]} == {443, 6443}


def test_the_database_server_meets_restricted() -> None:
    """Kubernetes' `restricted` standard, and also a read-only root file system, no token, and resource limits."""
    pod = load("base/mysql.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert load("base/mysql-account.yaml")["metadata"]["name"] == pod["serviceAccountName"]
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    resources = container["resources"]
    assert {"cpu", "memory"} <= set(resources["requests"]) & set(resources["limits"])
    name, colon, tag = container["image"].partition(":")
    assert (name, colon, len(tag.split("."))) == ("mariadb", ":", 3)
    claims = {one["metadata"]["name"] for one in load("base/mysql.yaml")["spec"]["volumeClaimTemplates"]} | {
        volume["name"] for volume in pod["volumes"]
    }
    assert claims == {mount["name"] for mount in container["volumeMounts"]}


def test_the_volume_pod_meets_baseline() -> None:
    """Root may change owners and nothing else; the second container is like that of a step: no user, no fsGroup.

    The namespace enforces `baseline` (manifests/kustomize/cluster-scoped-resources/namespace.yaml), which allows adding
    CHOWN (kubernetes.io/docs/concepts/security/pod-security-standards).
    """
    labels = load("namespace.yaml")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    spec = load("volume.yaml")["spec"]
    assert spec["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    (own,), (volume,) = spec["initContainers"], spec["containers"]
    assert own["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
    assert f"chown {USER}:{USER} " in own["command"][-1]
    assert volume["securityContext"] == {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    dockerfile = (FOLDER.parent / "Dockerfile").read_text("utf-8")
    assert f"useradd --uid {USER} " in dockerfile
    assert f"USER {USER}\n" in dockerfile


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change owners")
def test_the_owner_is_changed_once(tmp_path: Path) -> None:
    """The pod's command, run on a folder: the second time it changes nothing, so it then needs no rights."""
    own, volume = (load("volume.yaml")["spec"][kind][0] for kind in ("initContainers", "containers"))
    command = own["command"][-1].replace("/mnt/regpipe", str(tmp_path))
    subprocess.run(["sh", "-c", command], check=True)
    before = tmp_path.stat()
    assert (before.st_uid, before.st_gid) == (USER, USER)
    time.sleep(0.01)
    subprocess.run(["sh", "-c", command], check=True)
    assert tmp_path.stat().st_ctime_ns == before.st_ctime_ns
    command = volume["command"][-1].replace("/mnt/regpipe", str(tmp_path)).replace("sleep 3600", "true")
    subprocess.run(["sh", "-c", command], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "serving"]


def test_serving_reads_the_folder_to_which_the_pipeline_publishes() -> None:
    """The folder `serving` of the pipeline's volume; it has no claim of its own."""
    objects = build("serving")
    assert all(kind != "PersistentVolumeClaim" for kind, _ in objects)
    pod = objects[("Deployment", "regpipe-serving")]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    claim = {"claimName": defaults().kubeflow.volume, "readOnly": True}
    assert volumes["models"]["persistentVolumeClaim"] == claim
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert (mounts["models"]["subPath"], mounts["models"]["readOnly"]) == ("serving", True)
    assert pod["securityContext"]["runAsUser"] == USER
