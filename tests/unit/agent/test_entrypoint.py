from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kubectl_snapshot.agent.entrypoint import PodOptions, collect_in_pod
from kubectl_snapshot.collectors.node_collectors import NODE_MODULES
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.redaction.values import Redaction
from kubectl_snapshot.document.snapshot import Snapshot
from kubectl_snapshot.job.frame.decode import FrameReader, parse_progress
from kubectl_snapshot.settings import CollectSettings
from tests.unit.hosts import VM_UBUNTU
from tests.validation import subtype

RUN_ID = "abcdefghij"
KEY = b"0123456789abcdef"
OPTIONS = PodOptions(
    RUN_ID,
    str(VM_UBUNTU),
    reads_cluster=False,
    timeout_s=30,
    settings=CollectSettings(Redaction(KEY), collectors=("OS",)),
)


@pytest.fixture(autouse=True)
def signal_handler() -> Iterator[None]:
    """The handler of SIGTERM as it was, for collect_in_pod sets its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def collect(options: PodOptions = OPTIONS) -> tuple[Snapshot, list[str]]:
    """Return the document of the frame, and the lines before it."""
    out = io.StringIO()
    collect_in_pod(options, {"NODE_NAME": "node1"}, out)
    reader = FrameReader(options.run_id)
    lines = out.getvalue().splitlines()
    for line in lines:
        reader.feed(line)
    assert reader.is_complete
    return parse_document(reader.payload().decode(), "frame"), lines


def test_the_frame_holds_the_document_of_the_chosen_collectors() -> None:
    snapshot, _ = collect()
    assert [measurement.type for measurement in snapshot.measurements] == ["OS"]
    assert snapshot.metadata["source-node"] == "node1"
    assert snapshot.metadata["collectors"] == "OS"
    assert subtype(snapshot, "OS", "release").data["ID"] == "ubuntu"


def test_the_metadata_names_the_collectors_that_a_skip_leaves() -> None:
    skipped = tuple(name for name in NODE_MODULES if name != "OS")
    settings = CollectSettings(Redaction(KEY), skipped=skipped)
    snapshot, _ = collect(OPTIONS._replace(settings=settings))
    assert snapshot.metadata["collectors"] == "OS"


def test_a_node_collector_that_the_profile_leaves_out_is_not_imported() -> None:
    program = (
        "import sys; from kubectl_snapshot.agent.entrypoint import load_collectors;"
        "from kubectl_snapshot.settings import CollectSettings;"
        "found = load_collectors(CollectSettings(profile=sys.argv[1]), reads_cluster=False);"
        "names = [n.split('.')[2] for n in sys.modules if n.endswith('.collector')];"
        "print([c.TYPE for c in found] == sys.argv[2].split(), sorted(names))"
    )
    common = ["GPU", "OS", "SystemD"]
    for profile, types, is_imported in (
        ("reference", common, False),
        ("standard", list(NODE_MODULES), True),
    ):
        command = [sys.executable, "-c", program, profile, " ".join(types)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        assert ended.stdout.startswith("True "), ended.stdout
        assert ("'network'" in ended.stdout) is is_imported


def test_progress_lines_stand_before_the_frame() -> None:
    _, lines = collect()
    events = [parse_progress(line) for line in lines]
    progress = [event for event in events if event is not None]
    assert [event["event"] for event in progress] == ["started", "finished"]
    assert events[: len(progress)] == progress


@pytest.mark.parametrize(
    ("redaction", "expected"),
    [
        (Redaction(KEY), None),
        (Redaction(), "own-key"),
        (Redaction(is_on=False), "disabled"),
    ],
)
def test_the_metadata_names_who_made_the_redaction_key(
    redaction: Redaction, expected: str | None
) -> None:
    settings = CollectSettings(redaction, collectors=("OS",))
    snapshot, _ = collect(OPTIONS._replace(settings=settings))
    assert snapshot.metadata.get("redaction") == expected


def test_two_pods_with_one_key_redact_alike() -> None:
    redactions = [Redaction(key, ("OS.release.ID",)) for key in (KEY, KEY, b"")]
    found = []
    for redaction in redactions:
        settings = replace(OPTIONS.settings, redaction=redaction)
        snapshot, _ = collect(OPTIONS._replace(settings=settings))
        found.append(str(subtype(snapshot, "OS", "release").data["ID"]))
    assert found[0] == found[1] != found[2]
    assert found[0].startswith("redacted:hmac-sha256:")


def test_without_a_mounted_root_nothing_of_the_node_is_readable() -> None:
    snapshot, _ = collect(OPTIONS._replace(host_root=""))
    release = subtype(snapshot, "OS", "release")
    assert (release.status, dict(release.data)) == ("unavailable", {})
