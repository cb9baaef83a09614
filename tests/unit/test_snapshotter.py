"""The public library without a cluster: what its records mean."""

from __future__ import annotations

import pytest

from kubectl_snapshot.snapshotter import AgentConfig, build_job_options, default_factory


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (None, None),
        ([], ("containerd.service",)),
        (["kubelet.service", "nvidia-*"], ("kubelet.service", "nvidia-*")),
    ],
)
def test_no_list_of_units_is_the_default_one_and_an_empty_list_is_containerd_alone(
    given: list[str] | None, chosen: tuple[str, ...] | None
) -> None:
    assert default_factory(systemd_services=given).systemd_services == chosen
    config = AgentConfig(agent="image", systemd_services=given)
    assert build_job_options(config, "ops", ()).systemd_services == chosen
