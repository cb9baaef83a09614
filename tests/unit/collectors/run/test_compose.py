"""Collectors whose readings, reasons and time the redaction has to deal with."""

from __future__ import annotations

import calendar
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.kubernetes.node import build_subtype as build_node
from kubectl_snapshot.collectors.run.compose import (
    check_gpu_count,
    collect_redacted,
    collect_snapshot,
    compose_snapshot,
    describe_choice,
    ensure_key,
    place_extensions,
)
from kubectl_snapshot.collectors.run.context import NODE, Context, Right
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.document.redaction.values import Redaction, redact_text
from kubectl_snapshot.document.registry import SubtypeSpec
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.errors import NotFound, Unavailable
from kubectl_snapshot.settings import CollectSettings

KEY = b"0123456789abcdef"
LOGIN = "https://user:hunter22@host"
LONG_S = 60.0


@dataclass(frozen=True)
class LeakyCollector:
    """A collector that declares nothing about credentials, and fails after its first subtype."""

    DEADLINE_S: float = LONG_S
    TYPE: str = "Leaky"
    SCOPE: str = NODE
    RIGHTS: tuple[Right, ...] = ()
    SUBTYPES: tuple[SubtypeSpec, ...] = (SubtypeSpec("first"), SubtypeSpec("second"))

    def collect(self, _: Context) -> Iterable[Subtype]:
        yield Subtype("first", {"a": "x", "login": LOGIN}, {"note": LOGIN})
        raise Unavailable("cannot read it", why=LOGIN)


def collect(*, is_on: bool = True, collector: LeakyCollector | None = None) -> list[Subtype]:
    settings = CollectSettings(redaction=Redaction(KEY, is_on=is_on))
    context = Context(HostPath(), settings=settings)
    deadline = time.monotonic() + LONG_S
    (measurement,) = collect_redacted(
        [collector or LeakyCollector()], context, deadline, lambda _: None
    )
    return list(measurement.subtypes)


def test_readings_contexts_and_reasons_are_redacted() -> None:
    first, second = collect()
    hidden = LOGIN.replace("hunter22", redact_text("hunter22", KEY))
    assert first.data == {"a": "x", "login": hidden}
    assert first.context["note"] == hidden
    assert second.context["reason"] == f"cannot read it: {hidden}"
    assert second.status == "unavailable"


def test_without_redaction_everything_stays() -> None:
    first, second = collect(is_on=False)
    assert first.data["login"] == LOGIN
    assert second.context["reason"] == f"cannot read it: {LOGIN}"


@pytest.mark.parametrize("is_on", [True, False])
def test_the_metadata_say_what_was_collected_and_how(is_on: bool) -> None:
    settings = CollectSettings(collectors=("Leaky",), redaction=Redaction(KEY, is_on=is_on))
    context = Context(HostPath(), "node-7", settings=settings)
    before = time.time()
    found = collect_snapshot([LeakyCollector()], context, LONG_S, {"mode": "m"}, lambda _: None)
    metadata = dict(found.metadata)
    written = time.strptime(metadata.pop("timestamp"), "%Y-%m-%dT%H:%M:%SZ")
    assert abs(calendar.timegm(written) - before) < LONG_S
    redacted = "Leaky.first.login,Leaky.first.context.note,Leaky.second.context.reason"
    expected = {"redacted": redacted, "redaction-key": metadata.get("redaction-key", "")}
    assert metadata == {
        "source-node": "node-7",
        "profile": "standard",
        "collectors": "Leaky",
        "mode": "m",
        "gaps": "Leaky.second=unavailable",
        **(expected if is_on else {"redaction": "disabled"}),
    }
    assert is_on is bool(metadata.get("redaction-key"))


def test_only_a_choice_of_collectors_is_described() -> None:
    collectors = [LeakyCollector(), LeakyCollector(TYPE="Other")]
    assert describe_choice(CollectSettings(), collectors) == {"profile": "standard"}
    assert describe_choice(CollectSettings(profile="full"), collectors) == {"profile": "full"}
    for settings in (CollectSettings(collectors=("x",)), CollectSettings(skipped=("x",))):
        assert describe_choice(settings, collectors) == {
            "profile": "standard",
            "collectors": "Leaky,Other",
        }


def test_a_key_is_made_where_none_was_given() -> None:
    given = CollectSettings(redaction=Redaction(KEY))
    assert ensure_key(given) is given
    made = [ensure_key(CollectSettings()).redaction.key for _ in range(2)]
    assert len(set(made)) == 2
    assert all(len(key) >= 16 for key in made)


def test_the_key_of_the_run_stays_the_documents() -> None:
    subtypes = (Subtype("a", {"x": redact_text("hunter22", KEY)}),)
    measurements = (Measurement("T", subtypes),)
    named = compose_snapshot(measurements, {}, KEY).metadata["redaction-key"]
    assert compose_snapshot(measurements, {"redaction-key": "its"}, KEY).metadata == {
        "redacted": "T.a.x",
        "redaction-key": "its",
    }
    assert named not in ("", "its")
    assert "redaction-key" not in compose_snapshot(measurements, {}).metadata


def test_a_required_gpu_that_is_missing_has_the_first_reason() -> None:
    smi = Subtype("smi", {}, {"status": "unavailable", "reason": "no driver"})
    other = Measurement("OS", (Subtype("x", {}, {"reason": "another"}),))
    with pytest.raises(NotFound, match="no GPU found on node-7: no driver") as caught:
        check_gpu_count(Snapshot({"source-node": "node-7"}, (other, Measurement("GPU", (smi,)))))
    assert caught.value.hint == "use another node, or leave out --require-gpu"
    with pytest.raises(NotFound, match="no GPU found on this machine: no GPU subtype"):
        check_gpu_count(Snapshot({}, (other,)))
    counted = Measurement("GPU", (Subtype("smi", {"gpu-count": 1}),))
    check_gpu_count(Snapshot({}, (counted,)))


def test_what_cannot_be_searched_in_time_is_left_out_not_written() -> None:
    first, _ = collect(collector=LeakyCollector(DEADLINE_S=0.0))
    # Either the collector was late as a whole, or its first subtype was without time to search it.
    assert "login" not in first.data
    assert first.status in ("partial", "timeout")


class WaitingCollector(LeakyCollector):
    """A collector that waits until its deadline, as for a driver call that hangs."""

    def collect(self, context: Context) -> Iterable[Subtype]:
        threading.Event().wait(max(context.deadline - time.monotonic(), 0))
        yield Subtype("first", {"login": LOGIN})
        yield Subtype("second", {"login": LOGIN})


def test_what_is_read_until_the_deadline_is_still_searched() -> None:
    first, second = collect(collector=WaitingCollector(DEADLINE_S=5.0))
    assert (first.status, second.status) == ("ok", "ok")
    assert (
        first.data
        == second.data
        == {"login": LOGIN.replace("hunter22", redact_text("hunter22", KEY))}
    )


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_redaction_ends_before_the_collectors_deadline(share: float) -> None:
    last: list[float] = []

    def note(_type: str, subtype: Subtype, deadline: float) -> Subtype:
        last.append(deadline)
        return subtype

    before = time.monotonic()
    collector = LeakyCollector(DEADLINE_S=LONG_S * share)
    run_collectors([collector], Context(HostPath()), before + LONG_S, lambda _: None, None, note)
    assert 0.9 * LONG_S * share < last[0] - before < LONG_S * share


def talos() -> list[Measurement]:
    labels = {
        "extensions.talos.dev/nvidia-container-toolkit": "1.16.1-v1.7.6",
        "extensions.talos.dev/schematic": "",
        "extensions.talos.dev/": "no name",
        "distribution": "talos",
    }
    node = build_node({"metadata": {"labels": labels}, "spec": {}}, "gpu-a1", "v1.34.2")
    k8s = Measurement("K8s", (Subtype("server"), node, Subtype("image")))
    return [k8s, Measurement("OS", (Subtype("release", {"ID": "talos"}),))]


def test_the_extensions_of_talos_are_those_of_its_system() -> None:
    measurements = [*talos(), Measurement("NodeTopology", (Subtype("extensions"),))]
    composed = {m.type: m.subtypes for m in compose_snapshot(measurements, {}).measurements}
    assert [subtype.name for subtype in composed["K8s"]] == ["server", "node", "image"]
    assert composed["K8s"][1].context == {}
    release, extensions = composed["OS"]
    assert (release.name, release.data) == ("release", {"ID": "talos"})
    assert extensions.name == "extensions"
    assert extensions.data == {"nvidia-container-toolkit": "1.16.1-v1.7.6", "schematic": ""}
    assert extensions.context == {"source": "labels of the node"}
    assert composed["NodeTopology"] == (Subtype("extensions"),)


def test_without_a_measurement_of_the_system_they_stay_with_the_node() -> None:
    k8s, _ = talos()
    (composed,) = compose_snapshot([k8s], {}).measurements
    assert composed == k8s
    assert "extensions.talos.dev/schematic" in composed.subtypes[1].context


def test_the_references_documents_have_none() -> None:
    composed = compose_snapshot(talos(), {"profile": "reference"})
    names = [(m.type, subtype.name) for m in composed.measurements for subtype in m.subtypes]
    assert ("OS", "extensions") not in names
    (node,) = (s for m in composed.measurements for s in m.subtypes if s.name == "node")
    assert not any(key.startswith("extensions") for key in node.context)


def test_another_node_has_none() -> None:
    k8s, system = talos()
    plain = Measurement("K8s", (Subtype("node", {}, {"distribution": "eks"}),))
    assert place_extensions([plain, system]) == (plain, system)
    assert place_extensions([Measurement("GPU", k8s.subtypes), system])[1] == system
