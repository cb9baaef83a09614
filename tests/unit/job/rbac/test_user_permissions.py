from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.job.options import CLIENT, IMAGE, JobOptions
from kubectl_snapshot.job.permissions import Permission
from kubectl_snapshot.job.rbac.admin_grants import build_user_grants
from kubectl_snapshot.job.rbac.user_permissions import (
    build_key_permissions,
    build_slice_permissions,
    build_user_permissions,
)
from kubectl_snapshot.settings import CollectSettings

OPTIONS = JobOptions(run_id="abcdefghij", namespace="ops")


def test_a_run_without_own_rbac_needs_no_cluster_wide_permission() -> None:
    assert {p.namespace for p in build_user_permissions(OPTIONS)} == {"ops"}


def test_an_agent_without_a_service_account_needs_permission_to_create_one() -> None:
    agent = JobOptions(run_id="abcdefghij", namespace="ops", cluster_scope="agent")
    needed = build_user_permissions(agent)
    assert Permission("create", "rbac.authorization.k8s.io", "clusterroles") in needed
    named = JobOptions("abcdefghij", "ops", cluster_scope="agent", service_account_name="reader")
    assert not [p for p in build_user_permissions(named) if "role" in p.resource]


def test_an_agent_that_reads_releases_needs_permission_to_create_roles() -> None:
    reads = (Permission("list", "", "secrets", "", "team"), Permission("list", "", "pods"))
    agent = JobOptions("abcdefghij", "ops", cluster_scope="agent", reads=reads)
    needed = build_user_permissions(agent)
    for resource in ("roles", "rolebindings"):
        group = "rbac.authorization.k8s.io"
        assert Permission("create", group, resource, "", "team") in needed
        assert Permission("delete", group, resource, "", "team") in needed
    client = JobOptions("abcdefghij", "ops", reads=reads)
    assert {p.namespace for p in build_user_permissions(client)} == {"ops"}


def test_an_image_that_contains_the_program_needs_no_config_map() -> None:
    needed = build_user_permissions(JobOptions("abcdefghij", "ops", agent=IMAGE))
    assert not [p for p in needed if p.resource == "configmaps"]


def test_sharing_a_key_needs_permission_to_create_and_delete_its_secret() -> None:
    assert build_key_permissions(OPTIONS) == ()
    sharing = JobOptions(
        "abcdefghij", "ops", settings=CollectSettings(Redaction(b"0123456789abcdef"))
    )
    assert build_key_permissions(sharing) == (
        Permission("create", "", "secrets", "", "ops"),
        Permission("delete", "", "secrets", "", "ops"),
    )
    assert not [p for p in build_user_permissions(sharing) if p.resource == "secrets"]


@pytest.mark.parametrize(
    ("flags", "asks"),
    [
        ({}, True),
        ({"node_selector": {"pool": "gpu"}}, True),
        ({"node_name": "node1"}, False),
        ({"node_name": "node1", "require_gpu": True}, True),
        ({"creates_pods": True}, False),
    ],
)
def test_where_gpus_are_is_asked_unless_the_node_is_known(
    flags: dict[str, Any], asks: bool
) -> None:
    options = replace(OPTIONS, **flags)
    wanted = Permission("list", "resource.k8s.io", "resourceslices")
    assert build_slice_permissions(options) == ((wanted,) if asks else ())
    roles = [grant.body for grant in build_user_grants(replace(options, cluster_scope=CLIENT))]
    rules = [rule for role in roles for rule in role.get("rules", ())]
    assert any("resourceslices" in rule["resources"] for rule in rules) is asks
