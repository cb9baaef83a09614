"""The program that the agent's container runs: check the file that came, run it from memory.

It is text handed to `python3 -c`, so that the stock image needs nothing of ours. Nothing is
unpacked or written: the checked bytes go to an anonymous file (memfd_create(2)) from which Python
imports, so that a ConfigMap changed after the check changes nothing.
"""

from __future__ import annotations

# What the program says where it refuses; job/diagnose/terminated.py knows these words.
TOO_OLD = "kubectl-snapshot needs Python 3.9"
CHANGED = "kubectl-snapshot was changed on its way"
# Old Pythons must be able to parse this, to be told what is wrong.
PROGRAM = """\
import sys
if sys.version_info < (3, 9):
    sys.exit("kubectl-snapshot needs Python 3.9, the image has %d.%d" % sys.version_info[:2])
import hashlib, os
digest, path = sys.argv[1:3]
with open(path, "rb") as file:
    data = file.read()
if hashlib.sha256(data).hexdigest() != digest:
    sys.exit("kubectl-snapshot was changed on its way: SHA-256 of %s is not %s" % (path, digest))
memory = os.memfd_create("kubectl-snapshot")
with os.fdopen(os.dup(memory), "wb") as file:
    file.write(data)
sys.path.insert(0, "/proc/self/fd/%d" % memory)
import importer
importer.import_from(sys.path[0] + "/site-packages")
sys.argv[:3] = ["kubectl-snapshot"]
from kubectl_snapshot.main import main
sys.exit(main())
"""


def build_command(sha256: str, path: str) -> list[str]:
    """Return the container's command up to the verb: isolated, no .pyc files, unbuffered."""
    return ["python3", "-IBu", "-c", PROGRAM, sha256, path]
