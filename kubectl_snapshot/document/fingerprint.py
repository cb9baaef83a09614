"""AICR's identity of a cluster, computed from the readings: `fingerprint` of a document. Pure.

Dimensions, sources and notes are those of AICR's pkg/fingerprint. A dimension that the readings do
not tell is left out, which its readers take for unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.document.accelerators import WITH_RECIPES, parse_product
from kubectl_snapshot.document.paths import iter_subtypes
from kubectl_snapshot.document.snapshot import GAP_STATUSES, Subtype
from kubectl_snapshot.document.topology_items import iter_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kubectl_snapshot.document.snapshot import Scalar, Snapshot
    from kubectl_snapshot.document.topology_items import TopologyGroup

    Dimension = Mapping[str, Scalar]

PRODUCT, REGION = "nvidia.com/gpu.product", "topology.kubernetes.io/region"
LABELS = "NodeTopology.label"
PRODUCT_SOURCE, REGION_SOURCE = (f"nodeTopology.label.{key}" for key in (PRODUCT, REGION))
MODEL_SOURCE = "gpu.hardware.model"
# Older documents have the scheme of the provider's machine ids.
SERVICES = {"oci": "oke", "linode": "lke"}
# `ID` of os-release, in lower case.
SYSTEMS = {
    **{name: name for name in ("ubuntu", "rhel", "cos", "amazonlinux", "ol", "talos")},
    **dict.fromkeys(("redhatenterpriselinux", "redhat"), "rhel"),
    **dict.fromkeys(("amzn", "amazon", "al2", "al2023"), "amazonlinux"),
}


def build_fingerprint(snapshot: Snapshot) -> tuple[Subtype, ...]:
    """Return the dimensions that the readings tell, in AICR's order."""
    found = {f"{type_}.{subtype.name}": subtype for type_, subtype in iter_subtypes(snapshot)}
    labels = found.get(LABELS)
    is_read = labels is not None and labels.status not in GAP_STATUSES
    groups = list(iter_all(labels)) if labels is not None and is_read else []
    products = [group for group in groups if group.key == PRODUCT]
    model = _parse_model(_text(found, "GPU.hardware", "model"))
    count = found.get("NodeTopology.summary", Subtype("")).data.get("node-count")
    gpu_nodes = sum(group.node_count for group in products)
    dimensions: dict[str, Dimension] = {
        "service": _build_service(found),
        "accelerator": _build_accelerator(products, model),
        "gpuModel": _build(model, MODEL_SOURCE),
        "os": _build_os(found),
        "k8sVersion": _build(
            _text(found, "K8s.server", "version").removeprefix("v"), "k8s.server.version"
        ),
        "region": _build_region([group for group in groups if group.key == REGION]),
        "nodeCount": {} if count is None else _build(count, "nodeTopology.summary.node-count"),
        "gpuNodeCount": {"value": gpu_nodes, "source": PRODUCT_SOURCE} if is_read else {},
    }
    return tuple(Subtype(name, data) for name, data in dimensions.items() if data)


def _build(value: Scalar, source: str, note: str = "") -> Dimension:
    """Return a dimension, empty without a value; with a note instead of the value."""
    if note:
        return {"value": "", "source": source, "note": note}
    return {"value": value, "source": source} if value else {}


def _build_service(found: Mapping[str, Subtype]) -> Dimension:
    source = "k8s.node.provider"
    node = found.get("K8s.node", Subtype(""))
    if node.context.get("self-managed") == "true":
        return _build("", source, "self-managed")
    provider = _text(found, "K8s.node", "provider")
    is_oracle = provider.startswith("ocid1.")
    return _build("oke" if is_oracle else SERVICES.get(provider, provider), source)


def _build_accelerator(products: Sequence[TopologyGroup], model: str) -> Dimension:
    """Return the GPU that a recipe is chosen by: of all nodes by their label, else of this one."""
    if len(products) > 1:
        return _build("", PRODUCT_SOURCE, "multi-gpu")
    label = parse_product(products[0].value) if products else ""
    if label in WITH_RECIPES:
        return _build(label, PRODUCT_SOURCE)
    if model in WITH_RECIPES:
        return _build(model, MODEL_SOURCE)
    if not products and not model:
        return {}
    return _build("", PRODUCT_SOURCE if products else MODEL_SOURCE, "unknown-sku")


def _build_os(found: Mapping[str, Subtype]) -> Dimension:
    kind = SYSTEMS.get(_text(found, "OS.release", "ID").strip().lower(), "")
    version = _text(found, "OS.release", "VERSION_ID")
    built = _build(kind, "os.release")
    return {**built, "version": version} if kind and version else built


def _build_region(regions: Sequence[TopologyGroup]) -> Dimension:
    if len(regions) > 1:
        return _build("", REGION_SOURCE, "multi-region")
    return _build(regions[0].value, REGION_SOURCE) if regions else {}


def _parse_model(text: str) -> str:
    """Return the token, also of a product name, which older documents have."""
    return parse_product(text) or (text if text and " " not in text else "")


def _text(found: Mapping[str, Subtype], path: str, key: str) -> str:
    value = found.get(path, Subtype("")).data.get(key, "")
    return value if isinstance(value, str) else ""
