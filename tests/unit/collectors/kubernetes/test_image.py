from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes.image import parse_images, read
from kubectl_snapshot.collectors.kubernetes.pods import pod_images
from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.errors import Absent, Timeout, Unauthorized
from tests.unit.collectors.api_answers import Api

PODS = "/api/v1/pods"
NOTHING = Shared(tuple, dict, {})


def pod(*images: str, **others: list[str]) -> dict[str, Any]:
    fields = {"containers": list(images), **others}
    return {"spec": {name: [{"image": i} for i in found] for name, found in fields.items()}}


def test_containers_come_before_init_and_ephemeral_ones() -> None:
    found = pod("main:1", ephemeralContainers=["debug:3"], initContainers=["first:2"])
    assert list(pod_images(found)) == ["main:1", "first:2", "debug:3"]


def test_the_last_reference_of_a_name_has_the_tag_and_none_is_lost() -> None:
    data, lost = parse_images(["ghcr.io/a/web:1", "quay.io/b/web:2", "db:5", "db:5"])
    assert data == {"web": "2", "db": "5"}
    assert lost == {"image.web": "ghcr.io/a/web:1,quay.io/b/web:2"}


def test_a_digest_is_kept_although_the_tag_hides_it() -> None:
    reference = f"nvcr.io/nvidia/driver@sha256:{'ab' * 32}"
    assert parse_images([reference]) == ({"driver": "latest"}, {"image.driver": reference})


def test_our_own_pods_are_not_asked_for() -> None:
    api = Api({PODS: [pod("nginx:1.27")]})
    assert read(api.context(), NOTHING).data == {"nginx": "1.27"}
    selector = api.queries[PODS]["labelSelector"]
    assert selector == "app.kubernetes.io/managed-by!=kubectl-snapshot"


def test_a_list_that_fails_halfway_tells_no_half_of_the_images() -> None:
    api = Api({PODS: [pod("nginx:1.27"), Timeout("cannot list the pods")]})
    with pytest.raises(Timeout):
        read(api.context(), NOTHING)


def test_a_refusal_is_passed_on() -> None:
    with pytest.raises(Unauthorized):
        read(Api({PODS: Unauthorized("cannot list the pods")}).context(), NOTHING)


@pytest.mark.parametrize("pods", [[], [{}], [{"spec": {"containers": [{"image": ""}]}}]])
def test_a_cluster_without_pods_has_no_images(pods: list[Any]) -> None:
    with pytest.raises(Absent, match=r"the cluster has no pods except our own$"):
        read(Api({PODS: pods}).context(), NOTHING)
