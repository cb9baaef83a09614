"""The fingerprint that AICR computes (pkg/fingerprint): each dimension by its sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kubectl_snapshot.document.fingerprint import build_fingerprint
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype

Values = Mapping[str, Any]
PRODUCT = "nvidia.com/gpu.product"
REGION = "topology.kubernetes.io/region"
BY_LABEL, BY_MODEL = f"nodeTopology.label.{PRODUCT}", "gpu.hardware.model"


def document(context: Mapping[str, Mapping[str, str]] = {}, **parts: Values) -> Snapshot:
    """Return a document of subtypes, `K8s_server` for K8s.server."""
    found: dict[str, list[Subtype]] = {}
    for name, data in parts.items():
        type_, _, subtype = name.partition("_")
        found.setdefault(type_, []).append(Subtype(subtype, data, context.get(name, {})))
    return Snapshot({}, tuple(Measurement(t, tuple(s)) for t, s in found.items()))


def fingerprint(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    return {dimension.name: dict(dimension.data) for dimension in build_fingerprint(snapshot)}


def test_every_dimension_has_its_value_and_its_source_in_aicrs_order() -> None:
    found = fingerprint(
        document(
            K8s_server={"version": "v1.33.4"},
            K8s_node={"provider": "eks"},
            GPU_hardware={"model": "h100"},
            OS_release={"ID": "Ubuntu", "VERSION_ID": "24.04"},
            NodeTopology_summary={"node-count": 3},
            NodeTopology_label={
                PRODUCT: "NVIDIA-H100-80GB-HBM3|a,b",
                REGION: "us-west-2|a,b,c",
            },
        )
    )
    assert found == {
        "service": {"value": "eks", "source": "k8s.node.provider"},
        "accelerator": {"value": "h100", "source": BY_LABEL},
        "gpuModel": {"value": "h100", "source": BY_MODEL},
        "os": {"value": "ubuntu", "version": "24.04", "source": "os.release"},
        "k8sVersion": {"value": "1.33.4", "source": "k8s.server.version"},
        "region": {"value": "us-west-2", "source": f"nodeTopology.label.{REGION}"},
        "nodeCount": {"value": 3, "source": "nodeTopology.summary.node-count"},
        "gpuNodeCount": {"value": 2, "source": BY_LABEL},
    }
    names = "service accelerator gpuModel os k8sVersion region nodeCount gpuNodeCount"
    assert list(found) == names.split()


def test_what_was_not_read_has_no_dimension() -> None:
    assert fingerprint(document()) == {}
    gap = {"NodeTopology_label": {"status": "forbidden", "reason": "x"}}
    assert fingerprint(document(gap, NodeTopology_label={PRODUCT: "NVIDIA-L40|a"})) == {}
    only = fingerprint(document(NodeTopology_label={"x": "1|a"}))
    assert only == {"gpuNodeCount": {"value": 0, "source": BY_LABEL}}


@pytest.mark.parametrize(
    ("labels", "model", "expected"),
    [
        ({}, "", None),
        ({}, "h100", {"value": "h100", "source": BY_MODEL}),
        ({}, "t4", {"value": "", "source": BY_MODEL, "note": "unknown-sku"}),
        ({PRODUCT: "NVIDIA-L40|a"}, "h100", {"value": "l40", "source": BY_LABEL}),
        ({PRODUCT: "Tesla-T4|a"}, "h100", {"value": "h100", "source": BY_MODEL}),
        ({PRODUCT: "Tesla-T4|a"}, "", {"value": "", "source": BY_LABEL, "note": "unknown-sku"}),
        (
            {f"{PRODUCT}.NVIDIA-L40": "NVIDIA-L40|a", f"{PRODUCT}.NVIDIA-B200": "NVIDIA-B200|b,c"},
            "h100",
            {"value": "", "source": BY_LABEL, "note": "multi-gpu"},
        ),
    ],
)
def test_the_accelerator_is_that_of_all_nodes_then_that_of_this_one(
    labels: Values, model: str, expected: object
) -> None:
    snapshot = document(GPU_hardware={"model": model} if model else {}, NodeTopology_label=labels)
    found = fingerprint(snapshot)
    assert found.get("accelerator") == expected
    assert found["gpuNodeCount"]["value"] == sum(
        str(value).count(",") + 1 for value in labels.values()
    )


def test_a_product_name_of_an_older_document_has_its_token() -> None:
    found = fingerprint(document(GPU_hardware={"model": "NVIDIA H100 80GB HBM3"}))
    assert found["gpuModel"]["value"] == found["accelerator"]["value"] == "h100"
    assert fingerprint(document(GPU_hardware={"model": "NVIDIA GeForce 9"})) == {}
    assert fingerprint(document(GPU_hardware={"model": "a16"}))["gpuModel"]["value"] == "a16"


@pytest.mark.parametrize(
    ("provider", "service"),
    [
        *(("eks", "eks"), ("kind", "kind"), ("oci", "oke"), ("linode", "lke")),
        *(("ocid1.instance.oc1.iad.abc", "oke"), ("openstack", "openstack")),
    ],
)
def test_the_service_is_that_of_the_machines_provider(provider: str, service: str) -> None:
    found = fingerprint(document(K8s_node={"provider": provider}))
    assert found == {"service": {"value": service, "source": "k8s.node.provider"}}


def test_a_cluster_of_ones_own_on_a_clouds_machines_is_not_its_service() -> None:
    context = {"K8s_node": {"self-managed": "true"}}
    found = fingerprint(document(context, K8s_node={"provider": "eks"}))
    assert found["service"] == {
        "value": "",
        "source": "k8s.node.provider",
        "note": "self-managed",
    }


@pytest.mark.parametrize(
    ("id_", "kind"),
    [
        *(("rhel", "rhel"), ("redhat", "rhel"), ("amzn", "amazonlinux"), ("al2023", "amazonlinux")),
        *(("redhatenterpriselinux", "rhel"), ("al2", "amazonlinux"), ("amazon", "amazonlinux")),
        ("amazonlinux", "amazonlinux"),
        *(("cos", "cos"), ("ol", "ol"), ("talos", "talos"), ("debian", None), (" COS ", "cos")),
    ],
)
def test_the_system_is_one_that_aicr_has_recipes_for(id_: str, kind: str | None) -> None:
    found = fingerprint(document(OS_release={"ID": id_, "VERSION_ID": "9.4"}))
    assert found.get("os", {}).get("value") == kind
    assert found == {} or found["os"]["version"] == "9.4"
    assert "version" not in fingerprint(document(OS_release={"ID": "cos"}))["os"]


def test_several_regions_are_a_note() -> None:
    labels = {f"{REGION}.a": "a|n1", f"{REGION}.b": "b|n2"}
    found = fingerprint(document(NodeTopology_label=labels))
    source = f"nodeTopology.label.{REGION}"
    assert found["region"] == {"value": "", "source": source, "note": "multi-region"}


def test_a_value_of_another_type_is_no_text() -> None:
    snapshot = document(K8s_server={"version": 1.33}, GPU_hardware={"model": True})
    assert fingerprint(snapshot) == {}
