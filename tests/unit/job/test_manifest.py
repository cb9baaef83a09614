from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.job import manifest
from kubectl_snapshot.job.options import (
    HOST_READ,
    IMAGE,
    PRIVILEGED,
    RESTRICTED,
    JobOptions,
    Zipapp,
)
from kubectl_snapshot.job.selectors import parse_tolerations
from kubectl_snapshot.settings import CollectSettings
from tests.unit.golden import check_golden

OPTIONS = JobOptions(
    run_id="abcdefghij", namespace="ops", zipapp=Zipapp(b"PK", "0" * 64), timeout_s=300.0
)
EXPIRES = "2026-03-09T18:42:07Z"


def pod_spec(**changes: object) -> manifest.Manifest:
    spec: manifest.Manifest = manifest.build_job(replace(OPTIONS, **changes), EXPIRES)["spec"]
    pod: manifest.Manifest = spec["template"]["spec"]
    return pod


@pytest.mark.parametrize("level", [PRIVILEGED, HOST_READ, RESTRICTED])
def test_the_job_starts_no_pod_before_everything_is_there(level: str) -> None:
    job = manifest.build_job(replace(OPTIONS, level=level), EXPIRES)
    assert job["spec"]["parallelism"] == 0
    check_golden(f"job/job_{level}.json", job)


def test_the_pod_ends_before_the_job_and_after_the_client() -> None:
    job = manifest.build_job(replace(OPTIONS, timeout_s=0.5), EXPIRES)
    pod = job["spec"]["template"]["spec"]
    assert (pod["activeDeadlineSeconds"], job["spec"]["activeDeadlineSeconds"]) == (31, 61)


def test_everything_of_a_run_bears_its_labels() -> None:
    job = manifest.build_job(OPTIONS, EXPIRES)
    labels = {
        "app.kubernetes.io/managed-by": "kubectl-snapshot",
        "app.kubernetes.io/name": "kubectl-snapshot",
        "kubectl-snapshot/run": "abcdefghij",
    }
    assert job["metadata"]["labels"] == labels
    assert labels.items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_the_agent_gets_the_settings_of_the_collectors() -> None:
    settings = CollectSettings(helm_namespaces=("ops",), systemd_services=("nvidia-*",))
    words = manifest.build_agent_command(replace(OPTIONS, settings=settings))
    assert words[-2:] == ["--helm-namespace=ops", "--systemd-service=nvidia-*"]


def test_a_restricted_pod_sees_nothing_of_the_host() -> None:
    pod = pod_spec(level=RESTRICTED)
    assert [volume["name"] for volume in pod["volumes"]] == ["agent"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


@pytest.mark.parametrize(
    ("is_possible", "recursion"), [(True, {"recursiveReadOnly": "IfPossible"}), (False, {})]
)
def test_the_node_is_mounted_once_and_read_only(
    is_possible: bool, recursion: dict[str, str]
) -> None:
    pod = pod_spec(level=PRIVILEGED, recursive_read_only=is_possible)
    host = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "host"]
    assert host == [{"name": "host", "mountPath": "/host", "readOnly": True, **recursion}]


def test_a_pod_that_reads_no_cluster_facts_gets_no_token() -> None:
    assert pod_spec(cluster_scope="client")["automountServiceAccountToken"] is False
    assert pod_spec(cluster_scope="agent")["automountServiceAccountToken"] is True


def test_the_agents_own_service_account_is_used_only_where_it_is_made() -> None:
    assert "serviceAccountName" not in pod_spec(cluster_scope="client")
    assert pod_spec(cluster_scope="agent")["serviceAccountName"] == "kubectl-snapshot-abcdefghij"
    named = pod_spec(cluster_scope="agent", service_account_name="reader")
    assert named["serviceAccountName"] == "reader"


def test_a_named_node_is_scheduled_by_the_scheduler() -> None:
    pod = pod_spec(node_name="gpu-17")
    (term,) = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert term == {
        "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["gpu-17"]}]
    }
    assert "nodeName" not in pod


def test_gpu_nodes_are_preferred_only_where_the_user_chose_none() -> None:
    assert (
        "preferredDuringSchedulingIgnoredDuringExecution" in pod_spec()["affinity"]["nodeAffinity"]
    )
    assert "affinity" not in pod_spec(node_selector={"pool": "gpu"})


def required_term(**changes: object) -> dict[str, object]:
    affinity = pod_spec(**changes).get("affinity", {"nodeAffinity": {}})["nodeAffinity"]
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return {}
    (found,) = required["nodeSelectorTerms"]
    assert isinstance(found, dict)
    return found


def test_virtual_nodes_are_not_taken_unless_the_user_selects() -> None:
    excluded = {e["key"]: (e["operator"], e["values"]) for e in required_term()["matchExpressions"]}
    assert excluded == {
        "type": ("NotIn", ["virtual-kubelet", "kwok"]),
        "eks.amazonaws.com/compute-type": ("NotIn", ["fargate"]),
    }
    assert required_term(node_selector={"type": "virtual-kubelet"}) == {}


def test_excluded_nodes_are_left_out_one_requirement_each_and_not_too_many() -> None:
    names = tuple(f"node{number}" for number in range(200))
    for selector in ({}, {"pool": "gpu"}):
        fields = required_term(excluded_nodes=names, node_selector=selector)["matchFields"]
        assert fields[1] == {"key": "metadata.name", "operator": "NotIn", "values": ["node1"]}
        assert len(fields) == 100
    named = required_term(excluded_nodes=names, node_name="node7")
    assert named["matchFields"] == [{"key": "metadata.name", "operator": "In", "values": ["node7"]}]


def test_nodes_known_to_have_gpus_are_preferred_by_name() -> None:
    affinity = pod_spec(gpu_nodes=("node7",))["affinity"]["nodeAffinity"]
    preferred = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred[-1] == {
        "weight": 100,
        "preference": {
            "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node7"]}]
        },
    }


def test_the_pod_needs_linux_whatever_the_selector() -> None:
    selector = pod_spec(node_selector={"kubernetes.io/os": "windows", "a": "b"})["nodeSelector"]
    assert selector == {"kubernetes.io/os": "linux", "a": "b"}


def test_no_toleration_given_tolerates_every_taint() -> None:
    for none_given in ((), parse_tolerations([])):
        assert pod_spec(tolerations=none_given)["tolerations"] == [{"operator": "Exists"}]


def test_given_tolerations_replace_the_default() -> None:
    pod = pod_spec(tolerations=parse_tolerations(["gpu=yes:NoSchedule", "spot:NoExecute"]))
    assert pod["tolerations"] == [
        {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
    ]


def test_an_image_that_contains_the_program_gets_no_config_map() -> None:
    pod = pod_spec(agent=IMAGE, zipapp=None, level=RESTRICTED)
    assert pod["volumes"] == []
    assert pod["containers"][0]["command"][:2] == ["kubectl-snapshot", "collect"]


def test_a_runtime_class_makes_the_gpus_visible() -> None:
    pod = pod_spec(runtime_class="nvidia")
    assert pod["runtimeClassName"] == "nvidia"
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"} in pod["containers"][0]["env"]


def test_a_required_gpu_is_requested() -> None:
    limits = pod_spec(require_gpu=True)["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/gpu"] == "1"


def test_single_resources_are_overridden() -> None:
    pod = pod_spec(requests={"cpu": "2"}, limits={"memory": "1Gi", "nvidia.com/gpu": "8"})
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "2", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "8"},
    }
    required = pod_spec(require_gpu=True, limits={"nvidia.com/gpu": "2"})
    assert required["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_the_config_map_is_owned_by_the_job() -> None:
    owner = manifest.build_owner(OPTIONS, "uid-1")
    config_map = manifest.build_config_map(OPTIONS, Zipapp(b"PK", "0" * 64), owner)
    assert config_map["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": "kubectl-snapshot-abcdefghij",
            "uid": "uid-1",
            "blockOwnerDeletion": False,
        }
    ]
    assert config_map["metadata"]["name"] == "kubectl-snapshot-abcdefghij"
    assert config_map["immutable"] is True
    assert config_map["binaryData"] == {"kubectl-snapshot": "UEs="}


def test_an_object_is_named_by_kind_namespace_and_name() -> None:
    body = {"kind": "Job", "metadata": {"name": "a", "namespace": "ops"}}
    assert manifest.render_title(body) == "Job ops/a"
    assert manifest.render_title({"kind": "ClusterRole", "metadata": {"name": "a"}}) == (
        "ClusterRole a"
    )


KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("level", [PRIVILEGED, RESTRICTED])
def test_the_key_of_redaction_is_a_file_of_the_pod_and_nowhere_else(level: str) -> None:
    options = replace(OPTIONS, level=level, settings=CollectSettings(Redaction(KEY)))
    job = manifest.build_job(options, EXPIRES)
    pod = job["spec"]["template"]["spec"]
    (volume,) = [v for v in pod["volumes"] if v["name"] == "key"]
    assert volume["secret"] == {"secretName": "kubectl-snapshot-abcdefghij", "defaultMode": 0o444}
    (container,) = pod["containers"]
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == "key"]
    assert mount["readOnly"] is True
    assert f"--redact-key-file={mount['mountPath']}/key" in container["command"]
    secret = manifest.build_key_secret(options, manifest.build_owner(OPTIONS, "uid-1"))
    encoded = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    assert secret["data"] == {"key": encoded}
    assert secret["immutable"] is True
    assert secret["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    text = json.dumps(job)
    assert KEY.decode() not in text
    assert encoded not in text
    assert KEY.decode() not in repr(options)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": CollectSettings(Redaction(KEY, is_on=False))},
        {"settings": CollectSettings(Redaction(KEY)), "shares_key": False},
        {"settings": CollectSettings()},
    ],
)
def test_without_a_key_to_share_there_is_no_secret(changes: dict[str, object]) -> None:
    pod = pod_spec(**changes)
    assert "key" not in [volume["name"] for volume in pod["volumes"]]
    assert "--redact-key-file" not in " ".join(pod["containers"][0]["command"])


def test_a_keeper_is_complete_at_once_and_lives_as_long_as_the_run() -> None:
    keeper, job = manifest.build_keeper(OPTIONS, EXPIRES), manifest.build_job(OPTIONS, EXPIRES)
    assert keeper["metadata"] == {**job["metadata"], "name": f"{OPTIONS.name}-keeper"}
    assert keeper["spec"]["completions"] == keeper["spec"]["parallelism"] == 0
    # The Job's deadline, and its TTL.
    assert keeper["spec"]["ttlSecondsAfterFinished"] == 360 + 300 == OPTIONS.lifetime_s


def test_job_labels_are_on_job_and_pod_and_never_replace_ours() -> None:
    labels = {"queue": "research", "kubectl-snapshot/run": "x"}
    job = manifest.build_job(replace(OPTIONS, job_labels=labels), EXPIRES)
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["labels"]["queue"] == "research"
        assert metadata["labels"]["kubectl-snapshot/run"] == "abcdefghij"


def test_the_pod_that_is_expected_is_owned_by_its_job() -> None:
    sent = manifest.build_sent_pod(OPTIONS)
    assert sent["spec"] == manifest.build_job(OPTIONS, "")["spec"]["template"]["spec"]
    (owner,) = sent["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Job", OPTIONS.name)
