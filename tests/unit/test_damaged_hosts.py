"""Each file that a node's collectors read, damaged in every way: a sample, or with
SNAPSHOT_FUZZ=all each of them.

No damage may end a collector, keep it waiting, change what other files say, or make a value that
is not in the file. What is lost is told.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from kubectl_snapshot.clients.host.hostpath import HostPath
from kubectl_snapshot.collectors.node_collectors import load_node_collectors
from kubectl_snapshot.collectors.run.compose import compose_snapshot
from kubectl_snapshot.collectors.run.context import Context
from kubectl_snapshot.collectors.run.runner import run_collectors
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.codec.yaml.codec import render_yaml
from kubectl_snapshot.document.snapshot import Measurement, Scalar, Subtype
from kubectl_snapshot.settings import CollectSettings
from tests.unit.damage import DAMAGES, MISSING, OUTSIDE, UNREADABLE, damage, repair
from tests.unit.hosts import ALL_HOSTS, copy_host
from tests.validation import parse_valid

SEED, SAMPLE = 20261129, 400
# Far more than a read takes: a FIFO without a writer would never answer.
LIMIT_S = 10
# systemd's peer and the driver's library are no files.
COLLECTORS = {t: c for t, c in load_node_collectors().items() if t not in ("SystemD", "GPU")}
NOBODY = 65534
ESCAPED_ERROR = re.compile(r"[A-Z]\w*(Error|Exception|Exit)\b")
METADATA = {"source-node": "node", "timestamp": "2026-11-29T09:00:00Z"}
# Readings that are made of a text and are not parts of it: counts, sums, digests, names as keys,
# tables that another file's entry takes the place of.
DERIVED = """
Accelerator.* Hardware.cpu.flags-digest Hardware.cpu.threads Hardware.cpu.cores Hardware.cpu.sockets
Hardware.cpu.boost Hardware.iommu.* Hardware.memory.dimm.* Hardware.pcie.*.missing-lanes
Hardware.pcie-errors.reporting-devices Hardware.virtualization.* OS.cgroup.version OS.filesystems.*
OS.grub.* OS.kmod.* OS.memory.swap.total-kib OS.taint.* OS.security.apparmor.profiles.*
OS.security.secure-boot OS.security.selinux.mode Network.proximity.* Network.pci-acs.*
Network.rdma-*.gid-count Runtime.containerd.config-version Runtime.containerd.files
Runtime.kubelet.files Runtime.cri-o.files OS.block-devices.*.size-bytes
""".split()


class RecordingHost(HostPath):
    """A host that adds to `seen` the files that are asked for."""

    seen: set[str]

    def read_bytes(self, path: str, *limits: int) -> bytes:
        self.seen.add(self._resolve(path))
        return super().read_bytes(path, *limits)

    def read_values(self, directory: str, names: object) -> dict[str, str]:
        names = tuple(names)  # type: ignore[arg-type]
        self.seen.update(f"{self._resolve(directory)}/{name}" for name in names)
        return super().read_values(directory, names)

    def read_tree(self, path: str, is_skipped: object) -> dict[str, object]:  # type: ignore[override]
        found = super().read_tree(path, is_skipped)  # type: ignore[arg-type]
        self.seen.update(f"{self.root}{file}" for file in found)
        return dict(found)


class Case(NamedTuple):
    """A file of a tree, the type that reads it, and what happens to it."""

    tree: str
    file: str
    type: str
    kind: str


Subtypes = Mapping[str, tuple[Mapping[str, Scalar], Mapping[str, str]]]


@pytest.fixture(scope="module")
def trees() -> Iterator[dict[str, Path]]:
    """Copies of all host trees, in a directory that everyone may enter."""
    with TemporaryDirectory() as directory:
        top = Path(directory)
        top.chmod(0o755)
        (top / OUTSIDE).write_text(f"{OUTSIDE}\n")
        yield {host.name: copy_host(host, top) for host in ALL_HOSTS}


def capture(root: Path, type_: str) -> tuple[Subtypes, Measurement]:
    context = Context(HostPath(str(root)), settings=CollectSettings(skips_kernel_log=True))
    deadline = time.monotonic() + LIMIT_S
    (found,) = run_collectors([COLLECTORS[type_]], context, deadline, lambda event: None)
    return {s.name: (s.data, _without_time(s)) for s in found.subtypes}, found


def _without_time(subtype: Subtype) -> dict[str, str]:
    return {key: text for key, text in subtype.context.items() if key != "elapsed-ms"}


def record_reads(root: Path, type_: str) -> set[str]:
    host = type("Recording", (RecordingHost,), {"seen": set()})(str(root))
    context = Context(host, settings=CollectSettings(skips_kernel_log=True))
    run_collectors([COLLECTORS[type_]], context, time.monotonic() + LIMIT_S, lambda event: None)
    paths = (Path(path) for path in host.seen)
    return {str(p.relative_to(root)) for p in paths if p.is_file() and not p.is_symlink()}


@contextmanager
def unprivileged() -> Iterator[None]:
    """Read files as another user, and so do the threads that start meanwhile (setfsuid(2))."""
    libc = ctypes.CDLL(None)
    libc.setfsuid(NOBODY)
    try:
        yield
    finally:
        libc.setfsuid(os.geteuid())


def find_problems(root: Path, case: Case, rng: random.Random) -> Iterator[str]:
    """Yield what is wrong with a measurement of a damaged tree."""
    path = root / case.file
    content = path.read_bytes()
    whole, _ = capture(root, case.type)
    try:
        damage(path, content, MISSING, rng)
        without, _ = capture(root, case.type)
        path.write_bytes(b"")
        text = damage(path, content, case.kind, rng)
        with unprivileged() if case.kind == "no permission" else _as_is():
            started = time.monotonic()
            found, measurement = capture(root, case.type)
            if time.monotonic() - started > LIMIT_S / 2:
                yield "it waits"
    finally:
        repair(path, content)
    document = compose_snapshot([measurement], METADATA)
    render_json(document)
    if rng.random() < 0.02:  # 20 ms each
        parse_valid(render_yaml(document))
    if OUTSIDE in json.dumps([data for data, _ in found.values()]):
        yield "a file out of the host's root is read"
    for name in dict.fromkeys((*whole, *found)):
        if name not in found and "reason" in found["summary"][1]:
            continue  # a vendor's accelerators were not found
        if found.get(name) not in (whole.get(name), without.get(name)):
            before, after = whole.get(name, ({}, {})), found.get(name, ({}, {}))
            yield from _compare(f"{case.type}.{name}", before, after, case, text)


def _compare(
    name: str,
    before: tuple[Mapping[str, Scalar], Mapping[str, str]],
    after: tuple[Mapping[str, Scalar], Mapping[str, str]],
    case: Case,
    text: bytes,
) -> Iterator[str]:
    reason = f"{after[1].get('reason', '')} {after[1].get('unreadable', '')}"
    if ESCAPED_ERROR.match(reason):
        yield f"{name}: {reason[:100]}"
    lost = [key for key in before[0] if key not in after[0]]
    is_told = "reason" in after[1] or case.file in reason
    if lost and case.kind in UNREADABLE and not is_told:
        yield f"{name} loses {lost[:3]} silently"
    if lost and is_told and after[1] != before[1] and not _names_file(reason, case.file):
        yield f"{name} is lost by this file: {reason[:100]}"
    for key, value in after[0].items():
        path = f"{name}.{key}"
        if before[0].get(key) == value or any(fnmatchcase(path, p) for p in DERIVED):
            continue
        if not _is_in(value, text):
            yield f"{path} is {value!r:.80}, before {before[0].get(key)!r:.80}"


def _names_file(reason: str, file: str) -> bool:
    """Return whether a reason is of this file: its name is in it, or what it is of."""
    return Path(file).name in reason or "cannot be understood" in reason


def _is_in(value: Scalar, text: bytes) -> bool:
    """Return whether a file has a value, or each of a list, white space and separators aside."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError):
            return all(_is_in(item, text) for item in json.loads(value))
    texts = (text[:200_000].decode("utf-8", errors) for errors in ("backslashreplace", "replace"))
    wanted = re.sub(r"[\s,]+", "", str(value))
    return any(wanted in re.sub(r"[\s,]+", "", read) for read in texts)


@contextmanager
def _as_is() -> Iterator[None]:
    yield


def list_cases(trees: Mapping[str, Path]) -> list[Case]:
    return [
        Case(name, file, type_, kind)
        for name, root in trees.items()
        for type_ in COLLECTORS
        for file in sorted(record_reads(root, type_))
        for kind in DAMAGES
    ]


def test_a_damaged_file_costs_its_own_readings_only(trees: dict[str, Path]) -> None:
    rng = random.Random(SEED)
    cases = list_cases(trees)
    assert len(cases) > 30_000
    if os.environ.get("SNAPSHOT_FUZZ") != "all":
        cases = rng.sample(cases, SAMPLE)
    problems = [
        f"{case.tree} {case.file} {case.kind}: {problem}"
        for case in cases
        for problem in find_problems(trees[case.tree], case, rng)
    ]
    assert not problems, "\n".join(problems)
