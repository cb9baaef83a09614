from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_snapshot.clients.kube.client import ConnectionOptions, Kube, connect
from kubectl_snapshot.commands.fleet.source import is_fleet
from kubectl_snapshot.constants import NAME
from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.fleet.files.pack import pack_file
from kubectl_snapshot.fleet.fleet import load_fleet
from kubectl_snapshot.job.cleanup.selection import parse_time
from kubectl_snapshot.main import main
from kubectl_snapshot.storage import fleet_configmap as stored
from kubectl_snapshot.storage.configmap import ConfigMapName, parse_place
from tests.servers.http_server import Exchange, serve
from tests.servers.kubeconfigs import write_kubeconfig
from tests.unit.document.fleet.nodes import make_fleet, vary
from tests.unit.fleet.directories import write_fleet

URI = "cm://ops/fleet.tar.gz"
PLACE = ConfigMapName("ops", "fleet.tar.gz")
BIG = os.urandom(2 * stored.PART_BYTES + 5)
EMPTY = sha256(b"").hexdigest()

PATH = "/api/v1/namespaces/ops/configmaps"
APPLIED = ("v1", "ConfigMap", "application/apply-patch+yaml")

Objects = dict[str, dict[str, Any]]


@pytest.fixture
def objects() -> Objects:
    return {}


@pytest.fixture
def kubeconfig(objects: Objects, tmp_path: Path) -> Iterator[str]:
    """A cluster that keeps ConfigMaps as server-side apply writes them."""

    def answer(exchange: Exchange) -> None:
        url = urlsplit(exchange.path)
        where, _, name = url.path.rpartition("/")
        if not (where + "/" + name).startswith(PATH):
            exchange.send(404, {"kind": "Status", "message": "no such path"})
        elif exchange.method == "PATCH":
            body, query = json.loads(exchange.body), parse_qs(url.query)
            is_dry_run = query.pop("dryRun", []) == ["All"]
            kind = (body.get("apiVersion"), body.get("kind"), exchange.headers["Content-Type"])
            is_here = (body["metadata"]["namespace"], body["metadata"]["name"]) == ("ops", name)
            is_forced = query == {"fieldManager": [NAME], "force": ["true"]}
            if kind != APPLIED or not is_here or not is_forced:
                exchange.send(400, {"kind": "Status", "message": f"{kind} {query}"})
                return
            found = {**objects.get(name, {}), **body}
            if not is_dry_run:
                objects[name] = found
            exchange.send(200, found)
        elif exchange.method == "DELETE" and name in objects:
            exchange.send(200, objects.pop(name))
        elif name == "configmaps":
            wanted = parse_qs(url.query)["labelSelector"] == ["app.kubernetes.io/component=Fleet"]
            # Not their content, a megabyte each.
            assert "as=PartialObjectMetadataList" in exchange.headers["Accept"]
            exchange.send(200, {"items": (list(objects.values()) if wanted else []) or None})
        elif name in objects:
            exchange.send(200, objects[name])
        else:
            exchange.send(404, {"kind": "Status", "message": f'configmaps "{name}" not found'})

    with serve(answer) as server:
        yield write_kubeconfig(tmp_path / "config", {"server": server.url}, namespace="ops")


@pytest.fixture
def kube(kubeconfig: str) -> Kube:
    return connect(ConnectionOptions(kubeconfig=kubeconfig), {})


@pytest.mark.parametrize("size", [0, 1, stored.PART_BYTES, stored.PART_BYTES + 1, len(BIG)])
def test_what_is_written_in_parts_is_read_whole(kube: Kube, objects: Objects, size: int) -> None:
    content = BIG[: size or 1]
    count = stored.write_fleet_configmaps(content, PLACE, kube)
    assert (len(objects), count) == (-(-len(content) // stored.PART_BYTES),) * 2
    assert stored.read_fleet_configmaps(URI, kube) == content
    for body in objects.values():
        data = [*body["data"].values(), *map(b64decode, body["binaryData"].values())]
        assert sum(map(len, data)) <= 1024 * 1024
        assert "app.kubernetes.io/managed-by" not in body["metadata"]["labels"], "cleanup"


def test_a_series_is_listed_and_its_expired_fleets_deleted(kube: Kube, objects: Objects) -> None:
    for name in ("nightly-20261128t030000z.tar.gz", "nightly", "other-20261128t030000z.tar.gz"):
        stored.write_fleet_configmaps(BIG[: stored.PART_BYTES + 1], PLACE._replace(name=name), kube)
    series = PLACE._replace(name="nightly")
    names = stored.list_fleet_configmaps(series, kube)
    assert names == ["nightly-20261128t030000z.tar.gz", "nightly-20261128t030000z.tar.gz.1"]
    for name in (*names, names[0]):
        stored.delete_configmap(series._replace(name=name), kube)
    assert stored.list_fleet_configmaps(series, kube) == []
    stored.write_text(series, "fleet.prom", "a 1\n", kube)
    assert objects["nightly"]["data"] == {"fleet.prom": "a 1\n"}


def test_the_first_part_is_written_last(kube: Kube, objects: Objects) -> None:
    stored.write_fleet_configmaps(BIG, PLACE, kube)
    assert list(objects) == ["fleet.tar.gz.2", "fleet.tar.gz.1", "fleet.tar.gz"]


def test_the_first_part_says_what_the_whole_is(kube: Kube, objects: Objects) -> None:
    """Their keys are in every cluster that has a fleet: a newer version reads them."""
    stored.write_fleet_configmaps(BIG, PLACE, kube)
    head = objects["fleet.tar.gz"]["data"]
    parse_time(head.pop("timestamp"))
    digest = sha256(BIG).hexdigest()
    assert head == {"format": "fleet", "part": "0", "parts": "3", "sha256": digest}
    assert objects["fleet.tar.gz.2"]["data"] == {"format": "fleet", "part": "2"}
    assert set(objects["fleet.tar.gz.2"]["binaryData"]) == {"fleet.tar.gz.part"}


def test_parts_of_two_captures_are_not_mixed(kube: Kube, objects: Objects) -> None:
    stored.write_fleet_configmaps(BIG, PLACE, kube)
    old = dict(objects["fleet.tar.gz.1"])
    stored.write_fleet_configmaps(BIG[::-1], PLACE, kube)
    objects["fleet.tar.gz.1"] = old
    with pytest.raises(InvalidRequest, match="its parts are of two captures"):
        stored.read_fleet_configmaps(URI, kube)
    objects["fleet.tar.gz.1"] = {"data": {"format": "fleet"}}
    with pytest.raises(InvalidRequest, match="one of its parts is missing"):
        stored.read_fleet_configmaps(URI, kube)
    del objects["fleet.tar.gz.2"]
    with pytest.raises(NotFound, match=r"fleet\.tar\.gz\.2"):
        stored.read_fleet_configmaps(URI, kube)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"format": "yaml", "parts": "1"},
        {"format": "fleet", "parts": "51"},
        {"format": "fleet", "parts": "-1"},
        {"format": "fleet", "sha256": EMPTY},
    ],
)
def test_another_configmap_is_no_fleet(
    kube: Kube, objects: Objects, data: dict[str, str] | None
) -> None:
    objects["fleet.tar.gz"] = {"data": data, "binaryData": {"fleet.tar.gz.part": ""}}
    with pytest.raises(InvalidRequest, match="is not a fleet"):
        stored.read_fleet_configmaps(URI, kube)


def test_another_programs_configmap_is_not_written_over(kube: Kube, objects: Objects) -> None:
    stored.check_fleet_configmap(PLACE, kube)
    assert objects == {}
    stored.write_fleet_configmaps(b"x", PLACE, kube)
    stored.check_fleet_configmap(PLACE, kube)
    for key in ("data", "binaryData"):
        objects["fleet.tar.gz"] = {key: {"secret": "x"}}
        with pytest.raises(InvalidRequest, match="is not a fleet's") as caught:
            stored.check_fleet_configmap(PLACE, kube)
        assert caught.value.why == "it has the key secret"


def test_a_fleet_that_is_too_large_is_not_written(
    kube: Kube, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MAX_PARTS", 2)
    with pytest.raises(InvalidRequest, match="too large for ConfigMaps: 2000005 bytes") as caught:
        stored.write_fleet_configmaps(BIG, PLACE, kube)
    assert "-o FILE.tar.gz" in caught.value.hint
    assert objects == {}
    largest = BIG[: 2 * stored.PART_BYTES]
    stored.write_fleet_configmaps(largest, PLACE, kube)
    assert stored.read_fleet_configmaps(URI, kube) == largest


def test_the_name_says_that_it_is_a_fleets() -> None:
    assert stored.parse_fleet_place(URI) == PLACE == parse_place(URI)
    assert stored.parse_fleet_place("cm://ops/fleet.tgz").name == "fleet.tgz"
    assert stored.MAX_PARTS == 50, "docs/fleet.md"
    with pytest.raises(InvalidRequest) as caught:
        stored.parse_fleet_place("cm://ops/fleet")
    assert caught.value.hint == "use -o cm://ops/fleet.tar.gz"
    assert is_fleet(URI)
    assert not is_fleet("cm://ops/fleet")


def test_the_verbs_read_it(
    kube: Kube, kubeconfig: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = vary("b", {"GPU.smi.driver": "570"})
    directory = write_fleet(tmp_path / "fleet", make_fleet(2, odd), labels={})
    pack_file(directory, load_fleet(directory).manifest, str(tmp_path / "f.tgz"))
    stored.write_fleet_configmaps((tmp_path / "f.tgz").read_bytes(), PLACE, kube)
    for words in (("query", URI, "GPU.smi.driver", "--group"), ("baseline", URI, "--share", "60%")):
        assert main([*words, "--kubeconfig", kubeconfig]) == 0
        assert "580" in capsys.readouterr().out
