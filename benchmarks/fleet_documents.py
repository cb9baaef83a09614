"""Write a fleet of many node documents: python -m benchmarks.fleet_documents DIR COUNT.

Each is the node part of an example document with 8 GPUs, with identifiers, counters and times of
its own. One node in a hundred differs in the driver, one in a thousand in a kernel parameter.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from kubectl_snapshot.document.codec.yaml.codec import parse_yaml, render_yaml
from kubectl_snapshot.document.fleet.manifest import (
    CAPTURED,
    FINISHED,
    FleetManifest,
    FleetNode,
    FleetRun,
)
from kubectl_snapshot.document.fleet.node_part import keep_node
from kubectl_snapshot.fleet.files.directory import name_file, write_manifest

EXAMPLE = Path(__file__).parents[1] / "docs/examples/snapshots/gpu-17.yaml"
UUID = re.compile(r"GPU-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
COUNTERS = re.compile(
    r'(elapsed-ms: "|temperature\.gpu-c: |power\.draw-mw: |utilization\.gpu-percent: '
    r"|memory\.(?:free|used)-bytes: )[0-9]+"
)
SERIAL = re.compile(r'(serial: "?)[0-9]+')
DRIVER, OTHER_DRIVER = "580.105.08", "570.86.15"
SYSCTL = re.compile(r"(/proc/sys/fs/aio-max-nr: ).*")


def render_nodes(count: int) -> list[str]:
    """Return the documents' texts."""
    example = keep_node(parse_yaml(EXAMPLE.read_text()))
    kept = tuple(m for m in example.measurements if m.subtypes)
    text = render_yaml(replace(example, measurements=kept))
    return [_vary(text, number) for number in range(count)]


def name_node(number: int) -> str:
    return f"gpu-{number:05}"


def differs(number: int) -> str:
    """Return in what a node differs, "" for most."""
    if number % 100 == 7:
        return "driver"
    return "aio-max-nr" if number % 1000 == 13 else ""


def write_fleet(directory: Path, count: int) -> None:
    """Write manifest and documents; without fsync, unlike a capture."""
    (directory / "nodes").mkdir(parents=True)
    nodes = []
    for number, text in enumerate(render_nodes(count)):
        name = name_node(number)
        content = text.encode()
        (directory / name_file(name)).write_bytes(content)
        digest = sha256(content).hexdigest()
        nodes.append(FleetNode(name, CAPTURED, file=name_file(name), sha256=digest, seconds=1.5))
    run = FleetRun("benchmark0", state=FINISHED)
    manifest = FleetManifest({"all-nodes": True}, (run,), nodes=tuple(nodes))
    write_manifest(str(directory), manifest)


def _vary(text: str, number: int) -> str:
    def digits(match: re.Match[str]) -> str:
        return f"{match[1]}{(number * 7919 + match.start()) % 90_000 + 10}"

    text = text.replace("gpu-17\n", f"{name_node(number)}\n")
    text = UUID.sub(lambda m: f"GPU-{number:08x}{m[0][12:]}", text)
    text = SERIAL.sub(digits, COUNTERS.sub(digits, text))
    if differs(number) == "driver":
        text = text.replace(DRIVER, OTHER_DRIVER)
    if differs(number) == "aio-max-nr":
        text = SYSCTL.sub(r'\g<1>"65536"', text)
    return text


if __name__ == "__main__":
    write_fleet(Path(sys.argv[1]), int(sys.argv[2]))
