"""The examples in docs that need a cluster work, and show the current output."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_snapshot.document.codec.parse import parse_document
from tests import docs_support as docs
from tests.cluster import support

RBAC = "rbac.authorization.k8s.io"
# Update the pages (scripts/refresh-readme) instead of comparing them.
REFRESH = os.environ.get("SNAPSHOT_REGEN") == "1"
# Names on the pages: two nodes, a namespace with Pod Security `restricted`, and one without.
NODES, NAMESPACE, OPEN_NAMESPACE = ("node1", "node2"), "locked-down", "node-gate"


@pytest.fixture
def environment(cluster: support.Cluster, zipapp: Path) -> Iterator[dict[str, str]]:
    yield {**cluster.environment(), "KUBECTL_SNAPSHOT_ZIPAPP": str(zipapp)}
    support.assert_nothing_left(cluster)


@pytest.mark.parametrize(
    "block",
    [
        block
        for where in (docs.CLUSTER, docs.LAB)
        for block in docs.read_blocks(where, "console", "sh")
    ],
    ids=str,
)
def test_commands_do_what_is_shown(
    block: docs.Block,
    cluster: support.Cluster,
    restricted_namespace: str,
    namespace: str,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    if block.where == docs.LAB:
        cluster.require_lab()
    nodes = (cluster.nodes[0], cluster.nodes[-1])
    names = {NAMESPACE: restricted_namespace, OPEN_NAMESPACE: namespace, **dict(zip(NODES, nodes))}
    here = replace(block, text=rename(block.text, names))
    printed = docs.run_block(here, tmp_path, environment, is_compared=not REFRESH)
    if REFRESH:
        docs.replace_block(block, rename(printed, {name: known for known, name in names.items()}))


def rename(text: str, names: Mapping[str, str]) -> str:
    for name, other in names.items():
        text = text.replace(name, other)
    return text


@pytest.mark.parametrize("block", docs.read_blocks(docs.CLUSTER, "python"), ids=str)
def test_python_writes_a_valid_document(
    block: docs.Block, environment: dict[str, str], tmp_path: Path
) -> None:
    # Not the interpreter that the built file runs by: the library needs the installed packages.
    docs.run_python(block, tmp_path, [sys.executable], environment)


def test_the_permissions_in_the_readme_are_enough(
    cluster: support.Cluster, environment: dict[str, str], namespace: str
) -> None:
    page = docs.read_page("README.md")
    rules = []
    for resource, verbs in re.findall(r"^\| `([a-z./]+)` \| (`.*`) \|$", page, re.MULTILINE):
        name, _, group = resource.partition(".")
        rule = {"apiGroups": [group], "resources": [name], "verbs": re.findall(r"\w+", verbs)}
        rules.append(rule)
    assert rules
    role = {"metadata": {"name": "readme"}, "rules": rules}
    binding = {
        "metadata": {"name": "readme"},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "readme"},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "reader"}],
    }
    path = f"/apis/{RBAC}/v1/namespaces/{namespace}"
    cluster.client.call("POST", f"{path}/roles", role)
    cluster.client.call("POST", f"{path}/rolebindings", binding)
    done = cluster.kubectl("snapshot", "--as", "reader", "-n", namespace, env=environment)
    assert done.returncode == 0, done.stderr
    gaps = parse_document(done.stdout).metadata["gaps"].split(",")
    assert [gap for gap in gaps if gap.startswith(("K8s.", "NodeTopology."))] == [
        f"{name}=forbidden"
        for name in (
            "K8s.image",
            "K8s.node",
            "K8s.default-storage-class",
            "K8s.node-status",
            "K8s.daemon-set",
            "K8s.priority-class",
            "K8s.device-plugin",
            "K8s.runtime-class",
            "K8s.device-class",
            "K8s.resource-slice",
            "NodeTopology.summary",
            "NodeTopology.taint",
            "NodeTopology.label",
            "NodeTopology.version",
            "NodeTopology.pool",
        )
    ]


@pytest.mark.parametrize("level", ["true", "host-read", "false"])
def test_each_key_around_the_data_is_explained(
    level: str, cluster: support.Cluster, environment: dict[str, str], namespace: str
) -> None:
    spans = docs.read_code_spans(docs.read_page("docs/format.md"))
    arguments = ["snapshot", f"--privileged={level}", "-n", namespace]
    done = cluster.kubectl(*arguments, env=environment)
    assert done.returncode == 0, done.stderr
    snapshot = parse_document(done.stdout)
    assert set(snapshot.metadata) <= spans
    known = {span.partition(".")[0] for span in spans}
    for measurement in snapshot.measurements:
        for subtype in measurement.subtypes:
            assert {key.partition(".")[0] for key in subtype.context} <= known
