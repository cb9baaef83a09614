from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes.shared import Shared
from kubectl_snapshot.collectors.kubernetes.storage_class import RIGHTS, SPEC, build_defaults, read
from kubectl_snapshot.errors import Unauthorized
from tests.unit.collectors.api_answers import Api

PATH = "/apis/storage.k8s.io/v1/storageclasses"
DEFAULT = "storageclass.kubernetes.io/is-default-class"
BETA = "storageclass.beta.kubernetes.io/is-default-class"
SHARED = Shared(list, dict, {})


def storage_class(name: str, **annotations: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "annotations": annotations}}


def test_the_default_class_is_named() -> None:
    api = Api({PATH: [storage_class("gp3", **{DEFAULT: "true"}), storage_class("slow")]})
    found = read(api.context(), SHARED)
    assert found.name == "default-storage-class"
    assert found.data == {
        "collection-state": "present",
        "default-count": 1,
        "default-classes": "gp3",
    }
    assert found.context == {}


def test_several_default_classes_are_named_in_order() -> None:
    found = build_defaults(
        [
            storage_class("b", **{BETA: "true"}),
            storage_class("a", **{DEFAULT: "true"}),
            storage_class("c", **{DEFAULT: "true", BETA: "false"}),
        ]
    )
    assert found.data == {
        "collection-state": "multiple",
        "default-count": 3,
        "default-classes": "a,b,c",
    }


@pytest.mark.parametrize(
    "classes", [[], [{}], [storage_class("a", **{DEFAULT: "false"})], [{"metadata": {"name": "x"}}]]
)
def test_no_default_class_is_none_and_no_gap(classes: list[Any]) -> None:
    found = build_defaults(classes)
    assert found.data == {"collection-state": "absent", "default-count": 0}
    assert (found.status, found.context["reason"]) == ("absent", "no StorageClass is the default")


def test_what_it_declares_is_what_it_reads() -> None:
    found = build_defaults([storage_class("a", **{DEFAULT: "true"})])
    assert sorted(SPEC.keys) == sorted(found.data)
    assert (SPEC.key_types, SPEC.keys_are_names) == ({"default-count": "integer"}, False)
    (right,) = RIGHTS
    assert (right.group, right.resource, right.verbs) == (
        "storage.k8s.io",
        "storageclasses",
        ("list",),
    )
    assert right.is_optional


def test_a_refusal_is_no_absence() -> None:
    refusal = Unauthorized("cannot list storageclasses.storage.k8s.io")
    with pytest.raises(Unauthorized):
        read(Api({PATH: refusal}).context(), SHARED)
