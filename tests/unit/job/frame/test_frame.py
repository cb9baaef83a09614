from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_snapshot.errors import Internal
from kubectl_snapshot.job.frame.decode import FrameReader, parse_progress
from kubectl_snapshot.job.frame.encode import MAX_LINE_BYTES, encode_frame, render_progress
from tests.unit.document.strategies import PROPERTY

RUN_ID = "abcdefghij"
# Compressed it still needs 8 lines.
PAYLOAD = b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(700))
LINES = encode_frame(PAYLOAD, RUN_ID)
PREFIX = "kubectl-snapshot:frame1"


def read_all(lines: Iterable[bytes | str]) -> FrameReader:
    reader = FrameReader(RUN_ID)
    for line in lines:
        reader.feed(line)
    return reader


def forge(place: str, body: str) -> str:
    """Return a line whose CRC is right, as a hostile node can write it."""
    return f"{PREFIX} {RUN_ID} {place} {zlib.crc32(f'{RUN_ID} {place} {body}'.encode()):08x} {body}"


def forge_frame(packed: bytes, size_bytes: int, digest: str = "0" * 64) -> list[str]:
    body = base64.b64encode(packed).decode()
    return [forge("begin", f"{size_bytes},1,{digest}"), forge("1", body), forge("end", "1")]


def test_a_frame_has_size_checksum_and_end() -> None:
    digest = hashlib.sha256(b'{"a":1}').hexdigest()
    begin, first, end = encode_frame(b'{"a":1}', RUN_ID)
    assert begin == forge("begin", f"7,1,{digest}")
    assert end == forge("end", "1")
    packed = base64.b64decode(first.split(" ")[-1])
    assert first == forge("1", base64.b64encode(packed).decode())
    assert zlib.decompress(packed, wbits=31) == b'{"a":1}'


def test_a_frame_has_no_time_in_it() -> None:
    assert base64.b64decode(LINES[1].split(" ")[-1])[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"


def test_every_line_is_short_ascii() -> None:
    assert len(LINES) == 10
    assert max(map(len, LINES)) <= MAX_LINE_BYTES
    assert all(line.isascii() and line.isprintable() for line in LINES)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_frame_is_read_from_bytes_and_text_with_any_line_end(ending: str) -> None:
    assert read_all(line + ending for line in LINES).payload() == PAYLOAD
    assert read_all((line + ending).encode() for line in LINES).payload() == PAYLOAD


def test_an_empty_payload_travels_too() -> None:
    assert read_all(encode_frame(b"", RUN_ID)).payload() == b""


# What a log can do to a line: nothing, lose it, repeat it, cut it, tear it, damage it.
LOG_FATES = st.sampled_from(["kept", "lost", "twice", "cut", "torn", "damaged", "prefixed"])
FOREIGN = st.sampled_from(
    [
        b"",
        b"Traceback (most recent call last):",
        b"\xff\x00\x1b[2J",
        PREFIX.encode(),
        f"{PREFIX} {RUN_ID}".encode(),
        f"{PREFIX} {RUN_ID} begin 00000000 1,1,{'0' * 64}".encode(),
        f"{PREFIX} {RUN_ID} 1 00000000 AAAA".encode(),
        f"{PREFIX} {RUN_ID} 99999999999999999999 00000000 AAAA".encode(),
        *(line.encode() for line in encode_frame(b"another document", "jihgfedcba")),
        render_progress({"event": "started"}).encode(),
    ]
)


@PROPERTY
@given(st.data())
def test_any_log_gives_the_exact_document_or_an_error(data: st.DataObject) -> None:
    reads = data.draw(st.integers(1, 3))
    log: list[bytes] = []
    intact = set()
    for _ in range(reads):
        for index, line in enumerate(LINES):
            fate = data.draw(LOG_FATES) if data.draw(st.booleans()) else "kept"
            pieces = suffer(line.encode(), fate, data.draw(st.integers(1, 200)))
            if fate in ("kept", "twice", "prefixed"):
                intact.add(index)
            log += pieces
    log += data.draw(st.lists(FOREIGN, max_size=5))
    reader = read_all(data.draw(st.permutations(log)))
    needed = set(range(len(LINES) - 1))
    assert reader.is_complete == (needed <= intact)
    assert reader.has_ended == (len(LINES) - 1 in intact)
    if reader.is_complete:
        assert reader.payload() == PAYLOAD
    else:
        with pytest.raises(Internal):
            reader.payload()


def suffer(line: bytes, fate: str, at: int) -> list[bytes]:
    at = min(at, len(line) - 1)
    fates = {
        "kept": [line],
        "lost": [],
        "twice": [line, line],
        "cut": [line[:at]],
        "torn": [line[:at], line[at:]],
        "damaged": [line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]],
        "prefixed": [b"no newline at the end of this" + line],
    }
    return fates[fate]


def test_a_log_with_everything_at_once_gives_the_document() -> None:
    cut = [line[: len(line) // 2] for line in LINES]
    foreign = encode_frame(b"another document", "jihgfedcba")
    assert read_all([*cut, *foreign, *reversed(LINES), *LINES, "bye"]).payload() == PAYLOAD


def test_the_document_is_complete_without_its_end_line() -> None:
    reader = read_all(LINES[:-1])
    assert reader.is_complete and not reader.has_ended
    assert reader.payload() == PAYLOAD


def test_the_missing_lines_are_named() -> None:
    reader = read_all(line for n, line in enumerate(LINES) if n not in (2, 5))
    assert reader.missing == (2, 5)
    with pytest.raises(Internal) as caught:
        reader.payload()
    assert caught.value.why == "2 of 8 lines are missing: 2, 5"


def test_of_many_missing_lines_the_first_are_named() -> None:
    with pytest.raises(Internal) as caught:
        read_all([forge("begin", f"1,100,{'0' * 64}")]).payload()
    assert caught.value.why.endswith(" 19, 20 and 80 more")


def test_without_a_begin_line_a_frame_is_incomplete() -> None:
    reader = read_all(LINES[1:])
    assert reader.missing == () and not reader.is_complete
    with pytest.raises(Internal, match="begin line did not arrive"):
        reader.payload()


def test_of_two_lines_of_one_number_the_one_with_the_right_crc_counts() -> None:
    place, crc = LINES[1].split(" ")[2:4]
    wrong = f"{PREFIX} {RUN_ID} {place} {crc} AAAA"
    assert read_all([LINES[0], wrong, *LINES[1:], wrong]).payload() == PAYLOAD


def test_a_line_after_a_torn_one_on_the_same_line_counts() -> None:
    for torn in (LINES[1][:40], LINES[1][:-1], PREFIX):
        joined = [*LINES[:-2], torn + LINES[-2], LINES[1][: len(PREFIX) + 4] + LINES[-1]]
        reader = read_all(joined)
        assert reader.payload() == PAYLOAD
        assert reader.has_ended


def test_a_checksum_mismatch_is_rejected() -> None:
    packed = gzip.compress(b"b")
    with pytest.raises(Internal, match="its SHA-256 does not match"):
        read_all(forge_frame(packed, 1, hashlib.sha256(b"a").hexdigest())).payload()


def test_an_undecompressible_payload_is_rejected() -> None:
    with pytest.raises(Internal, match="cannot be decompressed"):
        read_all(forge_frame(b"not gzip", 1)).payload()


def test_a_size_over_the_limit_is_rejected_before_decompression() -> None:
    with pytest.raises(Internal, match="it has 268435457 bytes, the limit is 268435456"):
        read_all(forge_frame(b"not even gzip", 256 * 2**20 + 1)).payload()
    with pytest.raises(Internal, match="too large"):
        read_all(LINES).payload(max_bytes=len(PAYLOAD) - 1)
    assert read_all(LINES).payload(max_bytes=len(PAYLOAD)) == PAYLOAD


def test_a_decompression_bomb_stops_at_its_declared_size() -> None:
    import tracemalloc

    bomb = gzip.compress(bytes(2_900_000))
    reader = read_all(forge_frame(bomb, 1000))
    tracemalloc.start()
    try:
        with pytest.raises(Internal, match="corrupt"):
            reader.payload()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("begin", ""),
        ("begin", "1,1"),
        ("begin", "x,1,00"),
        ("begin", "1,-1,00"),
        ("begin", f"1,{'9' * 30},00"),
        ("0", "AAAA"),
        ("-1", "AAAA"),
        ("1.5", "AAAA"),
        ("9" * 30, "AAAA"),
        ("1", "A"),
        ("unknown", "AAAA"),
        ("1", "A" * 5000),
    ],
)
def test_a_line_that_makes_no_sense_is_passed_over(place: str, body: str) -> None:
    assert read_all([forge(place, body), *LINES]).payload() == PAYLOAD


def test_a_line_beyond_the_announced_number_is_passed_over() -> None:
    extra = forge("9", "AAAA")
    assert read_all([extra, *LINES]).payload() == PAYLOAD
    assert read_all([*LINES, extra]).payload() == PAYLOAD


def test_an_event_travels_as_one_line() -> None:
    event = {"event": "finished", "collector": "OS", "elapsed-ms": 12, "ratio": 0.5}
    line = render_progress(event)
    assert line == f"kubectl-snapshot:progress1 {json.dumps(event)}"
    assert parse_progress(f"some words before {line}\r\n".encode()) == event


@PROPERTY
@given(st.dictionaries(st.text(max_size=20), st.text() | st.integers() | st.booleans(), max_size=8))
def test_any_event_is_one_short_line_that_cannot_steer_a_terminal(event: dict[str, object]) -> None:
    line = render_progress(event)
    assert len(line) <= MAX_LINE_BYTES
    assert line.isascii() and line.isprintable()
    parsed = parse_progress(line)
    assert parsed is not None
    assert all(text.isprintable() for pair in parsed.items() for text in map(str, pair))


def test_control_characters_of_a_hostile_node_are_stripped() -> None:
    line = 'kubectl-snapshot:progress1 {"a\\u001b[2J": "x\\u0007\\ny\\u202e", "n": 1}'
    assert parse_progress(line) == {"a [2J": "x y", "n": 1}


def test_long_texts_are_cut_so_that_the_line_stays_short() -> None:
    parsed = parse_progress(render_progress({"reason": "\u65e5" * 5000, "event": "finished"}))
    assert parsed == {"reason": "\u65e5" * 300, "event": "finished"}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a log line",
        "kubectl-snapshot:progress1",
        "kubectl-snapshot:progress1 {",
        "kubectl-snapshot:progress1 [1]",
        "kubectl-snapshot:progress1 1",
        "kubectl-snapshot:progress1 " + "[" * 4000,
        'kubectl-snapshot:progress1 {"a": "' + "x" * 5000 + '"}',
        LINES[0],
        b"\xff\xfe",
    ],
)
def test_a_line_without_an_event_has_none(line: bytes | str) -> None:
    assert parse_progress(line) is None


def test_only_texts_and_numbers_of_an_event_are_kept() -> None:
    line = 'kubectl-snapshot:progress1 {"a": [1], "b": {}, "c": null, "d": NaN, "e": 1, "f": true}'
    assert parse_progress(line) == {"e": 1, "f": True}


@pytest.mark.parametrize(("extra", "is_read"), [(0, True), (1, False)])
def test_a_line_that_is_longer_than_any_of_the_agent_has_no_event(
    extra: int, is_read: bool
) -> None:
    whole = MAX_LINE_BYTES + len("\r\n") + extra
    line = render_progress({"event": ""})
    line = line.replace('""', f'"{"x" * (whole - len(line))}"')
    assert len(line) == whole
    assert (parse_progress(line) is not None) is is_read


@pytest.mark.parametrize(("extra", "count"), [(0, 2), (1, 1)])
def test_a_frame_line_that_is_longer_than_any_of_the_agent_is_passed_over(
    extra: int, count: int
) -> None:
    begin = forge("begin", f"7,1,{'0' * 64}")
    # base64 ignores what is not of its alphabet.
    line = forge("1", "!" * (MAX_LINE_BYTES + extra - len(forge("1", ""))))
    assert len(line) == MAX_LINE_BYTES + extra
    assert read_all([begin, line]).count_lines() == count
