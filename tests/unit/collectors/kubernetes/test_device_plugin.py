"""What NVIDIA's device plugin is told on a node."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_snapshot.collectors.kubernetes import device_plugin
from kubectl_snapshot.collectors.kubernetes.shared import Pods, Shared
from kubectl_snapshot.document.snapshot import Subtype
from kubectl_snapshot.errors import Absent, NotFound, Unauthorized
from tests.unit.collectors.api_answers import Api

LABEL = "nvidia.com/device-plugin.config"
SET = "gpu-operator/nvidia-device-plugin-daemonset"
PATH = "/api/v1/namespaces/gpu-operator/configmaps"
MAPS = {f"{SET}.config-maps": {"plugin", "entrypoint"}, f"{SET}.images": {"plugin:1"}}
TEXT = "version: v1\nsharing:\n  timeSlicing: {}\n"


def read(
    labels: dict[str, str], maps: dict[str, set[str]], answers: dict[str, Any] | None = None
) -> tuple[Subtype, Api]:
    api = Api(answers or {})
    node = {"metadata": {"labels": {"other": "x", **labels}}}
    shared = Shared(list, lambda: node, {}, lambda: Pods({}, maps, {}))
    return device_plugin.read(api.context(), shared), api


def test_the_labels_choose_and_the_selected_configuration_is_read() -> None:
    answers = {
        f"{PATH}/entrypoint": {"data": {"run.sh": "x"}},
        f"{PATH}/plugin": {"data": {"a100": TEXT, "other": "y"}},
    }
    labels = {LABEL: "a100", "nvidia.com/mig.config": "all-balanced", "nvidia.com/gpu.count": "8"}
    found, _ = read(labels, MAPS, answers)
    assert found == Subtype(
        "device-plugin",
        {
            "device-plugin.config": "a100",
            "mig.config": "all-balanced",
            "config-maps": "gpu-operator/entrypoint,gpu-operator/plugin",
            "selected": TEXT,
        },
    )


def test_without_the_right_there_is_a_reason_and_no_gap() -> None:
    refused = Unauthorized("cannot read it", why="configmaps is forbidden")
    found, api = read({LABEL: "a100"}, MAPS, {f"{PATH}/entrypoint": refused})
    assert "selected" not in found.data
    assert found.context == {"reason": "cannot read it: configmaps is forbidden"}
    assert len(api.asked) == 1


def test_nothing_is_asked_for_where_no_label_selects() -> None:
    found, api = read({"nvidia.com/mig.config": "off"}, MAPS)
    assert list(found.data) == ["mig.config", "config-maps"]
    assert api.asked == []
    found, api = read({LABEL: "a100"}, {})
    assert (found.data, api.asked) == ({"device-plugin.config": "a100"}, [])


def test_a_selected_entry_that_no_map_has_is_missing() -> None:
    answers = {f"{PATH}/{name}": {"data": {}} for name in ("entrypoint", "plugin")}
    found, api = read({LABEL: "a100"}, MAPS, answers)
    assert "selected" not in found.data
    assert len(api.asked) == 2
    with pytest.raises(NotFound):
        read({LABEL: "a100"}, MAPS)


def test_other_daemon_sets_are_not_the_device_plugins() -> None:
    maps = {"a/intel-device-plugin.config-maps": {"x"}, "a/nvidia-dcgm.config-maps": {"y"}}
    with pytest.raises(Absent):
        read({}, maps)
    found, _ = read({}, {**maps, "n/nvidia-device-plugin.config-maps": {"z"}})
    assert found.data == {"config-maps": "n/z"}
