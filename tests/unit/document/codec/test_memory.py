"""A node's document is decoded within 8 times its size of memory, or within a fixed amount."""

from __future__ import annotations

import contextlib
import tracemalloc

import pytest

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.codec.memory import FACTOR, FREE_BYTES, refuse_costly
from kubectl_snapshot.document.codec.parse import parse_node_document
from kubectl_snapshot.document.schema import build_checks
from kubectl_snapshot.errors import InvalidRequest

CHECKS = build_checks(REGISTRY)
SIZE_BYTES = 40_000
TOP = (
    '{"kind":"Snapshot","apiVersion":"aicr.nvidia.com/v1alpha1","metadata":{"source-node":"n",'
    '"timestamp":"2026-01-01T00:00:00Z"%s},"measurements":[%s]%s}'
)
OS = '{"type":"OS","subtypes":[%s]}'
DATA = OS % '{"subtype":"x","data":{%s}}'
ITEMS = OS % '{"subtype":"x","items":[%s]}'

# Each: where a document repeats a part, and the part; @ is a number that differs each time.
REPEATED = {
    "short readings": (TOP % ("", DATA, ""), '"k@":1'),
    "floats": (TOP % ("", DATA, ""), '"k@":1.5e9'),
    "texts outside Latin": (TOP % ("", DATA, ""), '"k@":"\U0001f600"'),
    "half a surrogate pair": (TOP % ("", DATA, ""), '"k@\\ud83d":1'),
    "subtypes": (TOP % ("", OS, ""), '{"subtype":"x@","data":{"a":1}}'),
    "empty subtypes": (TOP % ("", OS, ""), '{"subtype":"x","data":{}}'),
    "measurements": (TOP % ("", "%s", ""), '{"type":"a"}'),
    "items": (TOP % ("", ITEMS, ""), "{}"),
    "items with values": (TOP % ("", ITEMS, ""), '{"data":{"a":"@"},"context":{"id":"@"}}'),
    "contexts": (TOP % ("", OS % '{"data":{},"context":{%s}}', ""), '"k@":""'),
    "metadata": (TOP % (",%s", "", ""), '"k@":""'),
    "fingerprints": (TOP % ("", "", ',"fingerprint":{%s}'), '"k@":{"a":1}'),
    "unknown fields": (TOP % ("", "", ",%s"), '"k@":1'),
    "unknown lists": (TOP % ("", "", ',"u":[%s]'), "[]"),
    "unknown numbers": (TOP % ("", "", ',"u":[%s]'), "999"),
    "unknown texts": (TOP % ("", "", ',"u":[%s]'), '"ab"'),
    "lists as readings": (TOP % ("", DATA, ""), '"k@":[[],[],[],[]]'),
}
LONG = 'lorem {ipsum: [dolor, sit]} \\"amet\\" ' * 30
HONEST = {
    "kernel parameters": '"net.ipv4.conf.cali2f0a91c@.accept_local":"0"',
    "long texts": f'"log-@":"{LONG}"',
    "long texts, one of them not Latin": f'"log-@":"{LONG}","@":"\U0001f600"',
    "escaped texts": f'"log-@":"{LONG}\\u00e9"',
}


def repeat(document: str, part: str) -> bytes:
    count = SIZE_BYTES // len(part)
    parts = (part.replace("@", f"{index:x}") for index in range(count))
    return (document % ",".join(parts)).encode()


def measure(payload: bytes) -> int:
    """Return the most bytes in use while a document is read, with its own."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        with contextlib.suppress(InvalidRequest):
            parse_node_document(payload, CHECKS)
        return tracemalloc.get_traced_memory()[1] - before + len(payload)
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True, scope="module")
def _imported() -> None:
    parse_node_document((TOP % ("", DATA % '"a":1', "")).encode(), CHECKS)


@pytest.mark.parametrize("name", REPEATED)
def test_no_more_memory_is_needed_than_is_allowed_for(name: str) -> None:
    payload = repeat(*REPEATED[name])
    needed = measure(payload)
    assert needed > FACTOR * len(payload), "add it to the honest ones"
    with pytest.raises(InvalidRequest, match=r"has too many values: \d+ bytes would need over"):
        refuse_costly(payload, needed - 1)
    refuse_costly(payload, 4 * needed)


@pytest.mark.parametrize("name", HONEST)
def test_documents_of_common_readings_need_8_times_their_size(name: str) -> None:
    payload = repeat(TOP % ("", DATA, ""), HONEST[name])
    refuse_costly(payload, 0)
    assert measure(payload) <= FACTOR * len(payload)


def test_22_kib_of_log_do_not_fill_the_memory() -> None:
    payload = (TOP % ("", "", ',"u":[%s]') % ",".join(["[]"] * 3_500_000)).encode()
    with pytest.raises(InvalidRequest, match=r"10\d{6} bytes would need over 80 MiB"):
        parse_node_document(payload, CHECKS)


def test_a_small_document_may_need_any_factor() -> None:
    payload = repeat(*REPEATED["items"])
    assert 100 * len(payload) < measure(payload) < FREE_BYTES
