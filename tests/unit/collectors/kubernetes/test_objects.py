"""The subtypes of one list each, by answers in the form of the API reference."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes import objects
from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, Internal, NotFound, Unauthorized
from tests.unit.collectors.api_answers import Api

LISTS = {found.SPEC.name: found for found in objects.OBJECT_LISTS}


def group(name: str, *versions: str) -> dict[str, Any]:
    return {
        "name": name,
        "versions": [{"version": version} for version in versions],
        "preferredVersion": {"version": versions[0]},
    }


def read(name: str, *items: dict[str, Any], version: str = "v1") -> tuple[Subtype, Api]:
    right = LISTS[name].RIGHTS[0]
    path = f"/apis/{right.group}/{version}/{right.resource}"
    api = Api({path: list(items)})
    shared = Shared(lambda: [group(right.group, version, "v0")], dict, {})
    return LISTS[name].read(api.context(node_name="gpu-a1"), shared), api


def named(name: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **fields}


def test_groups_have_their_versions_the_preferred_one_first() -> None:
    groups = [
        {"name": "a.io", "versions": [{"version": "v2"}, {"version": "v1"}]},
        {**group("b.io", "v1"), "versions": [{"version": "v1beta1"}, {"version": "v1"}]},
    ]
    found = objects.ApiGroups().read(Api({}).context(), Shared(lambda: groups, dict, {}))
    assert found.data == {"a.io": "v2,v1", "b.io": "v1,v1beta1"}


def test_runtime_classes_have_their_handlers() -> None:
    found, _ = read(
        "runtime-class",
        named("nvidia", handler="nvidia-cdi"),
        named(
            "kata",
            handler="kata",
            overhead={"podFixed": {"cpu": "250m"}},
            scheduling={"nodeSelector": {"kata": "true"}},
        ),
    )
    assert found.data == {
        "nvidia.handler": "nvidia-cdi",
        "kata.handler": "kata",
        "kata.overhead.podFixed.cpu": "250m",
        "kata.scheduling.nodeSelector.kata": "true",
    }


def test_device_classes_have_their_selectors() -> None:
    selectors = [{"cel": {"expression": expression}} for expression in ("a == b", "c")]
    found, _ = read(
        "device-class",
        named("gpu", spec={"selectors": selectors, "extendedResourceName": "example.com/gpu"}),
        named("any", spec={}),
    )
    assert found.data == {
        "gpu.selectors": "a == b && c",
        "gpu.extended-resource": "example.com/gpu",
        "any": "",
    }


def device(name: str, **attributes: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "attributes": attributes}


@pytest.mark.parametrize("is_beta", [False, True])
def test_the_devices_of_a_node_are_summed_up(is_beta: bool) -> None:
    devices = [
        device(
            f"gpu-{n}",
            productName={"string": "H100"},
            driverVersion={"version": "580.1.0"},
            index={"int": n},
            uuid={"string": f"GPU-{n}"},
            memory={"int": n},
            mig={"bool": n > 0},
        )
        for n in range(5)
    ]
    if is_beta:
        devices = [{"name": d["name"], "basic": {"attributes": d["attributes"]}} for d in devices]
    slices = [
        {"spec": {"driver": "gpu.nvidia.com", "devices": part}}
        for part in (devices[:2], devices[2:])
    ]
    found, api = read("resource-slice", *slices, version="v1beta1" if is_beta else "v1")
    assert found.data == {
        "gpu.nvidia.com.slices": "2",
        "gpu.nvidia.com.devices": "5",
        "gpu.nvidia.com.attribute.productName": "H100",
        "gpu.nvidia.com.attribute.driverVersion": "580.1.0",
        "gpu.nvidia.com.attribute.memory": "5 values",
        "gpu.nvidia.com.attribute.mig": "false,true",
    }
    (query,) = api.queries.values()
    assert query == {"fieldSelector": "spec.nodeName=gpu-a1"}


def test_a_few_values_of_an_attribute_are_named() -> None:
    devices = [device(f"d{n}", memory={"int": n}) for n in range(4)]
    found, _ = read("resource-slice", {"spec": {"driver": "d", "devices": devices}})
    assert found.data["d.attribute.memory"] == "0,1,2,3"


def test_the_csi_drivers_of_a_node_are_listed() -> None:
    drivers = [
        {
            "name": "ebs.csi.aws.com",
            "nodeID": "i-0abc",
            "topologyKeys": ["zone", "region"],
            "allocatable": {"count": 0},
        },
        {"name": "nfs", "nodeID": "n", "topologyKeys": None},
    ]
    found, api = read("csi-node", named("gpu-a1", spec={"drivers": drivers}))
    assert found.data == {
        "ebs.csi.aws.com.node-id": "i-0abc",
        "ebs.csi.aws.com.topology-keys": "zone,region",
        "ebs.csi.aws.com.allocatable": "0",
        "nfs.node-id": "n",
    }
    (query,) = api.queries.values()
    assert query == {"fieldSelector": "metadata.name=gpu-a1"}


def test_csi_drivers_have_their_spec() -> None:
    spec = {"attachRequired": False, "volumeLifecycleModes": ["Persistent"]}
    found, api = read("csi-driver", named("nfs", spec=spec), named("plain", spec={}))
    assert found.data == {
        "nfs.attachRequired": "false",
        "nfs.volumeLifecycleModes": '["Persistent"]',
        "plain": "",
    }
    assert list(api.queries.values()) == [{}]


def webhook(name: str, *rules: tuple[str, str], **fields: Any) -> dict[str, Any]:
    listed = [{"apiGroups": [group], "resources": [resource]} for group, resource in rules]
    return {"name": name, "rules": listed, **fields}


@pytest.mark.parametrize("name", ["mutating-webhook", "validating-webhook"])
def test_webhooks_that_are_called_for_pods_are_described(name: str) -> None:
    called = webhook(
        "pods.example.com",
        ("apps", "deployments"),
        ("", "pods"),
        failurePolicy="Fail",
        timeoutSeconds=10,
        sideEffects="None",
        namespaceSelector={"matchLabels": {"inject": "yes"}},
        clientConfig={"service": {"namespace": "ops", "name": "hook"}, "caBundle": "Q0E="},
    )
    others = [
        webhook("all", ("*", "*"), clientConfig={"url": "https://hook.example.com/x"}),
        webhook("every", ("", "*/*")),
        webhook("apps", ("apps", "*"), ("apps", "pods")),
        webhook("status", ("", "pods/status")),
    ]
    found, _ = read(name, named("conf", webhooks=[called, *others]))
    assert found.data == {
        "conf/pods.example.com.failurePolicy": "Fail",
        "conf/pods.example.com.timeoutSeconds": "10",
        "conf/pods.example.com.selects.namespace.matchLabels.inject": "yes",
        "conf/pods.example.com.target": "ops/hook",
        "conf/all.target": "https://hook.example.com/x",
        "conf/every.target": "",
    }


def test_custom_resources_have_the_release_that_their_metadata_name() -> None:
    generator = {"controller-gen.kubebuilder.io/version": "v0.16.1"}
    both = {"name": "d.io", "annotations": generator, "labels": {"helm.sh/chart": "d-3"}}
    version = {"app.kubernetes.io/version": "1.2", "helm.sh/chart": "a-9"}
    found, api = read(
        "custom-resource",
        {"metadata": {"name": "a.io", "labels": version}},
        {"metadata": {"name": "b.io", "annotations": generator}},
        {"metadata": {"name": "c.io"}},
        {"metadata": both},
    )
    assert found.data == {
        "a.io": "1.2",
        "b.io": "controller-gen v0.16.1",
        "c.io": "",
        "d.io": "d-3",
    }
    (accepted,) = api.accepted.values()
    assert "PartialObjectMetadataList" in accepted


def test_a_group_that_is_not_served_is_not_asked_for() -> None:
    api = Api({})
    with pytest.raises(Absent, match=r"does not serve node\.k8s\.io"):
        LISTS["runtime-class"].read(api.context(), Shared(list, dict, {}))
    assert api.asked == []


@pytest.mark.parametrize(
    ("answer", "status"),
    [([], "absent"), (NotFound("404"), "absent"), (Unauthorized("403"), "forbidden")],
)
def test_no_object_is_absent_and_no_right_forbidden(answer: Any, status: str) -> None:
    api = Api({"/apis/node.k8s.io/v1/runtimeclasses": answer})
    shared = Shared(lambda: [group("node.k8s.io", "v1")], dict, {})
    with pytest.raises((Absent, NotFound, Unauthorized)) as caught:
        LISTS["runtime-class"].read(api.context(), shared)
    assert caught.value.collector_status == status


def test_a_node_without_a_name_is_not_asked_for() -> None:
    api = Api({})
    shared = Shared(lambda: [group("storage.k8s.io", "v1")], dict, {})
    with pytest.raises(Internal, match="the node's name is unknown"):
        LISTS["csi-node"].read(api.context(), shared)
    assert api.asked == []


def test_all_rights_are_optional_and_only_read() -> None:
    for found in LISTS.values():
        (right,) = found.RIGHTS
        assert right.is_optional
        assert right.verbs == ("list",)
