"""What is asked of the machine: nvidia-smi, /sys, /proc/driver/nvidia, and our own program."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu_check import sources
from gpu_check.compare import Evidence
from gpu_check.sources import Texts

PCI_DEVICES = "sys/bus/pci/devices"
DRIVER = "proc/driver/nvidia"
PROGRAM_DIRECTORIES = (
    "usr/bin",
    "usr/local/bin",
    "usr/local/nvidia/bin",
    "opt/nvidia/bin",
    "home/kubernetes/bin/nvidia/bin",
    "run/nvidia/driver/usr/bin",
)
NVIDIA = "0x10de"
GPU_CLASSES = ("0x0300", "0x0302")
PCI_FILES = (
    "class",
    "vendor",
    "device",
    "subsystem_vendor",
    "subsystem_device",
    "numa_node",
    "local_cpulist",
    "current_link_speed",
    "current_link_width",
    "max_link_speed",
    "max_link_width",
    "resource",
)
QUERY_FIELDS = ("index", "compute_cap")
CONF_COMPUTE_FLAGS = ("-f", "-d", "-e", "-mgm")
# What nvidia-smi is asked once, by the name of the file that its answer has in a bundle.
QUESTIONS = {
    "topo.txt": ("topo", "-m"),
    "list.txt": ("-L",),
    "nvlink-s.txt": ("nvlink", "-s"),
    "nvlink-R.txt": ("nvlink", "-R"),
    "query-gpu.csv": (
        f"--query-gpu=pci.bus_id,{','.join(QUERY_FIELDS)}",
        "--format=csv,noheader,nounits",
    ),
    **{f"conf-compute{flag}.txt": ("conf-compute", flag) for flag in CONF_COMPUTE_FLAGS},
}
PROGRAM_LIMIT_S = 60
CAPTURE_LIMIT_S = 90

# Run by -c with the zipapp, the root and a limit: our child process's own lines.
RECORD = """\
import sys, time, os
zipapp, root, limit_s = sys.argv[1:]
sys.path.insert(0, zipapp)
import importer
importer.import_from(zipapp)
from kubectl_snapshot.clients.gpu import driver_files, nvml
from kubectl_snapshot.clients.host import child
from kubectl_snapshot.clients.host.hostpath import HostPath
files = driver_files.find_driver(HostPath(root), os.uname().machine)
arguments = (files.library or nvml.LIBRARY_NAME, files.run_directory)
output = child.run_module(nvml.CHILD, arguments, time.monotonic() + float(limit_s))
sys.stdout.buffer.write(output.content)
sys.exit(0 if output.status == 0 else 1)
"""
# Of another root only `collect` takes a capture, and that writes YAML.
AS_JSON = """\
import sys
sys.path.insert(0, sys.argv[1])
import importer
importer.import_from(sys.argv[1])
from kubectl_snapshot.document.codec import json_codec, parse
sys.stdout.write(json_codec.render_json(parse.parse_document(sys.stdin.read())))
"""

_VERSION = re.compile(r"Module\s+(?:for \S+\s+)?(\d+\.\d+(?:\.\d+)?)\s")


class Trouble(Exception):
    """Something that keeps the check from being made: what, why and what to do."""

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.hint = what, why, hint


@dataclass(frozen=True)
class Machine:
    """Where this is asked. `root` is the machine's `/`, `smi` the path of nvidia-smi."""

    zipapp: Path
    smi: str
    root: Path = Path("/")
    # A time.monotonic() value: what is not answered by then is Trouble.
    deadline: float = float("inf")
    # What optional questions were answered with: raw outputs, by the name of the file in a bundle.
    outputs: dict[str, str] = field(default_factory=dict)

    def limit(self, limit_s: float) -> float:
        """Return how many seconds a program may still take, at most this many."""
        return max(min(limit_s, self.deadline - time.monotonic()), 0.1)


def find_program(root: Path, given: str = "") -> str:
    """Return the path of nvidia-smi. Raises Trouble."""
    if given:
        found = shutil.which(given)
        if found is None:
            raise Trouble(f"cannot run {given}", hint="give the path of nvidia-smi to --nvidia-smi")
        return found
    if root == Path("/") and (on_path := shutil.which("nvidia-smi")):
        return on_path
    for directory in PROGRAM_DIRECTORIES:
        path = root / directory / "nvidia-smi"
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
    raise Trouble(
        "nvidia-smi not found",
        why=f"not on the PATH, nor in {', '.join(PROGRAM_DIRECTORIES)} of {root}",
        hint="run this on a machine with an NVIDIA driver, or pass --nvidia-smi PATH",
    )


def run(command: list[str], limit_s: float, words: str = "") -> subprocess.CompletedProcess[str]:
    """Return what a program prints whose stdin is `words`. Raises Trouble."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
            env={**os.environ, "LC_ALL": "C"},
            input=words,
            timeout=limit_s,
        )
    except OSError as error:
        raise Trouble(f"cannot run {command[0]}", why=error.strerror or str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise Trouble(
            f"{' '.join(command[:3])} does not answer",
            why=f"ended after {limit_s:.0f} s",
            hint="look for Xid lines in the kernel's log: a GPU may be lost",
        ) from error


def read_report(machine: Machine) -> tuple[str, sources.Report]:
    """Return `nvidia-smi -q -x`, as text and parsed. Raises Trouble."""
    done = run([machine.smi, "-q", "-x"], machine.limit(PROGRAM_LIMIT_S))
    start = done.stdout.find("<?xml")
    end = done.stdout.rfind("</nvidia_smi_log>")
    if start < 0 or end < 0:
        words = (done.stdout + done.stderr).strip()[:300]
        raise Trouble(
            f"nvidia-smi -q -x ended with status {done.returncode} and no report",
            why=words,
            hint="run nvidia-smi by hand; the driver must be loaded",
        )
    text = done.stdout[start : end + len("</nvidia_smi_log>")] + "\n"
    try:
        return text, sources.parse_report(text)
    except ValueError as error:
        raise Trouble("the report of nvidia-smi -q -x cannot be read", why=str(error)) from error


def ask(machine: Machine, name: str, *words: str) -> str:
    """Return what nvidia-smi prints to a question that older drivers or other GPUs do not have."""
    try:
        done = run([machine.smi, *words], machine.limit(PROGRAM_LIMIT_S))
    except Trouble:
        return ""
    machine.outputs[name] = done.stdout
    return done.stdout if done.returncode == 0 else ""


def read_evidence(machine: Machine, report: sources.Report, extra: Extra) -> Evidence:
    """Return all that the sources say now; `extra` is what does not move."""
    system = {**report.system, **read_module(machine.root)}
    gpus: dict[str, Texts] = {address: dict(texts) for address, texts in report.gpus.items()}
    on_bus = read_bus(machine.root)
    for address, texts in on_bus.items():
        gpus.setdefault(address, {}).update(texts)
    if (machine.root / PCI_DEVICES).is_dir():
        system["sys:gpu-count"] = str(len(on_bus))
        system["sys:gpu-present"] = "Yes" if on_bus else "No"
    for address, texts in gpus.items():
        texts.update(read_information(machine.root, address))
        order = int(texts.get("smi:(order)", -1))
        texts.update(extra.by_order(order))
        texts.update(extra.query.get(address, {}))
        texts.update(extra.conf_compute)
        if order >= 0:
            texts.update(sources.build_topology_texts(extra.topology, order))
    first = next(iter(report.gpus.values()), {})
    system.update({f"first:{k[len('smi:') :]}": v for k, v in first.items() if "/" not in k})
    return Evidence(system, gpus, extra.topology)


@dataclass(frozen=True)
class Extra:
    """What nvidia-smi says beside its report, which does not move while we look."""

    topology: sources.Topology
    query: Mapping[str, Texts]
    listing: Mapping[int, Texts]
    states: Mapping[int, Texts]
    remotes: Mapping[int, Texts]
    conf_compute: Texts

    def by_order(self, order: int) -> Texts:
        """Return what is said of the GPU of this number."""
        return {
            **self.listing.get(order, {}),
            **self.states.get(order, {}),
            **self.remotes.get(order, {}),
        }


def read_extra(machine: Machine) -> Extra:
    """Return the answers to all that is asked once."""
    # At once: without persistence mode each program starts every GPU anew, in seconds.
    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        answers = list(pool.map(lambda name: ask(machine, name, *QUESTIONS[name]), QUESTIONS))
    texts = dict(zip(QUESTIONS, answers))
    conf_compute: Texts = {}
    for flag in CONF_COMPUTE_FLAGS:
        conf_compute.update(sources.parse_colons(texts[f"conf-compute{flag}.txt"], "cc"))
    return Extra(
        sources.parse_topology(texts["topo.txt"]),
        sources.parse_query(texts["query-gpu.csv"], QUERY_FIELDS),
        sources.parse_listing(texts["list.txt"]),
        sources.parse_links(texts["nvlink-s.txt"], "state"),
        sources.parse_links(texts["nvlink-R.txt"], "remote"),
        conf_compute,
    )


def read_text(path: Path) -> str | None:
    """Return a file as text, None where it is not there or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace").strip()
    except OSError:
        return None


def read_module(root: Path) -> Texts:
    """Return what the kernel says of the loaded driver."""
    texts: Texts = {"proc:loaded": "No"}
    line = (read_text(root / DRIVER / "version") or "").partition("\n")[0]
    if line:
        texts["proc:loaded"] = "Yes"
        texts["proc:flavor"] = "open" if "Open Kernel Module" in line else "proprietary"
        if match := _VERSION.search(line + " "):
            texts["proc:version"] = match[1]
    version = read_text(root / "sys/module/nvidia/version")
    if version:
        texts["sys:module/version"] = version
    return texts


def read_bus(root: Path) -> dict[str, Texts]:
    """Return the NVIDIA GPUs of the PCI bus by address, with what sysfs has of each."""
    directory = root / PCI_DEVICES
    found = {}
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        texts = {name: read_text(path / name) for name in PCI_FILES}
        is_gpu = (texts["class"] or "")[:6] in GPU_CLASSES and not (path / "physfn").exists()
        if texts["vendor"] != NVIDIA or not is_gpu:
            continue
        gpu = {f"sys:{name}": text for name, text in texts.items() if text is not None}
        if (path / "driver").is_symlink():
            gpu["sys:driver"] = os.path.basename(os.readlink(path / "driver"))
        for name in ("", "subsystem_"):
            halves = [(texts[f"{name}{half}"] or "")[2:] for half in ("device", "vendor")]
            if all(halves):
                gpu[f"sys:{name.rstrip('_') or 'device'}-id"] = "".join(halves)
        gpu["sys:bar1-bytes"] = sources.parse_bar1(gpu.pop("sys:resource", ""))
        found[path.name] = gpu
    return found


def read_information(root: Path, address: str) -> Texts:
    """Return what the kernel module says of one GPU."""
    text = read_text(root / DRIVER / "gpus" / address / "information") or ""
    return sources.parse_colons(text, "proc")


def capture(machine: Machine) -> dict[str, Any]:
    """Return our own document of this machine. Raises Trouble."""
    words = ["--local", "--cluster-scope=skip", "-o", "json"]
    if machine.root != Path("/"):
        words = ["collect", f"--host-root={machine.root}"]
    command = [sys.executable, "-IB", str(machine.zipapp), *words, "--quiet"]
    done = run(command, machine.limit(CAPTURE_LIMIT_S))
    if machine.root != Path("/") and done.returncode == 0:
        convert = [sys.executable, "-IB", "-c", AS_JSON, str(machine.zipapp.resolve())]
        done = run(convert, machine.limit(PROGRAM_LIMIT_S), done.stdout)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        raise Trouble(
            f"the capture ended with status {done.returncode} and no document",
            why=done.stderr.strip()[:300] or done.stdout.strip()[:300],
            hint=f"run {machine.zipapp} --local by hand",
        ) from None
    if not isinstance(document, dict):
        raise Trouble(f"{machine.zipapp} printed no snapshot", hint="pass dist/kubectl-snapshot")
    return document


def read_record(machine: Machine) -> str:
    """Return what the child process that asks NVML writes, line by line. Raises Trouble."""
    limit_s = machine.limit(CAPTURE_LIMIT_S)
    words = [str(machine.zipapp.resolve()), str(machine.root), str(limit_s / 2)]
    done = run([sys.executable, "-IB", "-c", RECORD, *words], limit_s)
    if not done.stdout:
        why = done.stderr.strip().rpartition("\n")[2]
        hint = f"use the gpu-check of the version that built {machine.zipapp}"
        raise Trouble("the answers of NVML cannot be recorded", why, hint)
    return done.stdout
