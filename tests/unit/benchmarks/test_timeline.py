"""The requests of one capture, from the audit log."""

from __future__ import annotations

from typing import Any

from benchmarks.timeline import Request, render, select

BEGAN_S = 1764374400.0  # 2025-11-29T00:00:00Z


def event(agent: str, second: str, **more: Any) -> dict[str, Any]:
    return {
        "userAgent": f"{agent}/v1 (linux)",
        "stage": "ResponseComplete",
        "verb": "get",
        "requestURI": "/version",
        "requestReceivedTimestamp": f"2025-11-29T00:00:{second}Z",
        "stageTimestamp": "2025-11-29T00:00:02.000000Z",
        **more,
    }


def test_our_requests_and_those_of_others_for_our_objects_are_listed_in_their_order() -> None:
    pod = {"resource": "pods", "subresource": "binding", "name": "kubectl-snapshot-abc-x"}
    events = [
        event("kube-scheduler", "01.500000", verb="create", objectRef=pod),
        event("kubectl-snapshot", "01.250000"),
        event("kubelet", "01.750000", requestURI="/api/v1/nodes/n1", objectRef={"name": "n1"}),
        event("kubectl-snapshot", "00.250000", stage="ResponseStarted"),
        event("someone", "01.250000", objectRef=pod),
        event("kubectl-snapshot", "01.875000", requestURI="/api/v1/pods?dryRun=All"),
    ]
    assert select(events, BEGAN_S) == [
        Request(1250.0, 750.0, "client", "get /version"),
        Request(1500.0, 500.0, "scheduler", "create pods/binding"),
        Request(1875.0, 125.0, "client", "get /api/v1/pods, dry run"),
    ]


def test_the_end_of_the_process_is_the_last_line_and_watches_have_no_duration() -> None:
    requests = [Request(12.4, 3.6, "client", "get nodes"), Request(20, 900, "kubelet", "watch x")]
    assert render(requests, 1500.0, 340.0).splitlines() == [
        "    ms    took  who         what",
        "    12       4  client      get nodes",
        "    20          kubelet     watch x",
        "  1500          client      ends; 340 ms of CPU",
    ]
