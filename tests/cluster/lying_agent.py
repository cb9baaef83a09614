"""A malicious agent: the real zipapp with another program, run in a real pod.

The client carries whatever file KUBECTL_SNAPSHOT_ZIPAPP names, so what a test's program prints
arrives the way a hostile node's words would: through kubelet, API server and log.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

# What the importer reads the program from (scripts/zipapp/front/importer.py).
INDEX, MAIN = "site-packages.txt", "kubectl_snapshot/main.py"
HEADER_BYTES = 30
START = """
import gzip, hashlib, json, os, sys, zlib
from kubectl_snapshot.job.frame import encode as frame

RUN_ID = next(w.partition("=")[2] for w in sys.argv if w.startswith("--run-id="))

def send(payload):
    print("\\n".join(frame.encode_frame(payload, RUN_ID)), flush=True)

def send_packed(packed, size, digest):
    chunks = [packed[i : i + frame.CHUNK_BYTES] for i in range(0, len(packed), frame.CHUNK_BYTES)]
    line = lambda place, body: frame.frame_line(RUN_ID, place, body)
    print(line("begin", f"{size},{len(chunks)},{digest}"))
    for number, chunk in enumerate(chunks, 1):
        print(line(str(number), frame.b2a_base64(chunk, newline=False).decode()))
    print(line("end", str(len(chunks))), flush=True)

def main():
"""


def make_lying_agent(zipapp: Path, path: Path, body: str) -> Path:
    """Return a copy of the built file whose program is `body`, lines of a function."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    with zipfile.ZipFile(zipapp) as source, zipfile.ZipFile(path, "w") as copy:
        # The packages first, as in the built file.
        for entry in source.infolist():
            if entry.filename != INDEX:
                copy.writestr(entry, source.read(entry))
        copy.writestr("lie", START + lines, zipfile.ZIP_DEFLATED)
        lie = copy.getinfo("lie")
        place = f"{lie.header_offset + HEADER_BYTES + len(lie.filename)} {lie.compress_size}"
        index = re.sub(rf"(?m)^{MAIN}\t.*$", f"{MAIN}\t{place}", source.read(INDEX).decode())
        assert place in index
        copy.writestr(INDEX, index)
    return path
