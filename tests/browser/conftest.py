"""A browser, and the pages to look at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.diff.compare import diff_snapshots
from kubectl_snapshot.document.fleet.manifest import (
    CAPTURED,
    FAILED,
    FleetManifest,
    FleetNode,
    FleetRun,
)
from kubectl_snapshot.document.fleet.outliers import FleetDiff
from kubectl_snapshot.document.snapshot import Measurement, Snapshot, Subtype
from kubectl_snapshot.render.report.diff import render_diff_report
from kubectl_snapshot.render.report.fleet import render_fleet_report
from kubectl_snapshot.render.report.node import render_report
from tests.unit.document.fleet.nodes import compare, make_fleet, vary
from tests.unit.render.pages import BAD, GOOD
from tests.unit.render.report.test_page import hostile_snapshot

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PAGES = ("node", "gaps", "diff", "same", "mixed", "empty", "hostile", "hostile-diff", "fleet")

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path, "chromium is missing: scripts/test-packages chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The pages as files, by name."""
    directory = tmp_path_factory.mktemp("pages")
    texts = {
        **render_pages(),
        "big": render_report(many_nodes(50_000)),
        "long": render_report(many_nodes(5000)),
    }
    for name, text in texts.items():
        (directory / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: directory / f"{name}.html" for name in texts}


def render_pages() -> dict[str, str]:
    hostile = hostile_snapshot()
    return {
        "node": render_report(GOOD),
        "gaps": render_report(shorten(BAD)),
        "diff": render_difference(GOOD, BAD),
        "same": render_difference(GOOD, GOOD),
        "mixed": render_report(mixed_links()),
        "empty": render_report(Snapshot()),
        "hostile": render_report(hostile),
        "hostile-diff": render_difference(hostile, BAD),
        "fleet": render_fleet(),
    }


def render_fleet() -> str:
    """Return the page of a fleet with outliers, a reading without a majority, gaps, a lost node."""
    bad = "<img src=x onerror=alert(1)>" + "x" * 300
    odd = [vary(f"odd{n}", {"GPU.smi.driver": "570", "OS.kmod.bad": bad}) for n in range(14)]
    halves = [vary(f"half{n}", {"OS.sysctl./proc/sys/vm/swappiness": n % 2}) for n in range(40)]
    unread = vary("unread", status={"OS.kmod": "forbidden"})
    grouping, groups = compare(make_fleet(3, *odd, *halves, unread))
    diff = FleetDiff("fleet", grouping, tuple(groups), (("lost", "failed: image pull"),))
    nodes = (FleetNode("lost", FAILED, "image pull", "no such image"), FleetNode("n0", CAPTURED))
    manifest = FleetManifest({"all-nodes": True}, (FleetRun("run1"),), nodes=nodes)
    return render_fleet_report(diff, manifest)


def render_difference(before: Snapshot, after: Snapshot) -> str:
    return render_diff_report(diff_snapshots(before, after, REGISTRY), before, after)


def shorten(snapshot: Snapshot) -> Snapshot:
    """Return the document with few values of a kind: axe looks at each for a millisecond or ten."""
    return replace(
        snapshot,
        measurements=tuple(
            Measurement(m.type, tuple(shorten_subtype(subtype) for subtype in m.subtypes))
            for m in snapshot.measurements
        ),
    )


def shorten_subtype(subtype: Subtype) -> Subtype:
    if subtype.name == "topology":
        return subtype
    names = ("name", "uuid", "pci.bus-id", "pci.numa-node")
    data = {key: value for key, value in subtype.data.items() if key in names}
    return replace(subtype, data={**data, **dict(list(subtype.data.items())[:6])})


def mixed_links() -> Snapshot:
    """Return a node with four GPUs, some linked through switches, and one pair nobody knows of."""
    gpus = tuple(Subtype(f"gpu-{n}", {"uuid": f"U{n}", "name": "NVIDIA A100"}) for n in range(4))
    words = {"U0/U1": "NV12", "U0/U2": "PIX", "U0/U3": "SYS", "U1/U2": "SYS", "U1/U3": "NODE"}
    topology = Subtype("topology", words, {"status": "partial", "reason": "one pair is missing"})
    return replace(GOOD, measurements=(Measurement("GPU", (*gpus, topology)),))


def many_nodes(count: int) -> Snapshot:
    """Return a document of 5,000 nodes and this number of labels."""
    labels = {f"kubernetes.io/hostname.node-{n}": f"x|node-{n}" for n in range(count)}
    names = ",".join(f"node-{n}" for n in range(5000))
    taint = Subtype("taint", {"nvidia.com/gpu": f"NoSchedule|present|{names}"})
    return Snapshot({}, (Measurement("NodeTopology", (taint, Subtype("label", labels))),))


@pytest.fixture
def open_page(browser: Browser, files: Mapping[str, Path]) -> Iterator[Open]:
    """Return a function that opens a page by name; at the end the browser may have no complaint."""
    said: list[str] = []
    contexts = []

    def open_(name: str, width: int = 1280, anchor: str = "", **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        uri = files[name].as_uri()
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on("request", lambda asked: asked.url != uri and said.append(f"request: {asked.url}"))
        page.goto(uri + anchor)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == []
