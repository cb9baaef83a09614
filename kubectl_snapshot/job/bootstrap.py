"""Bootstrap program of the agent's container: verify the mounted zipapp, run it from memory.

It is passed to `python3 -c`, so a stock image needs nothing from us. Nothing is unpacked or
written: the verified bytes go to an anonymous file (memfd_create(2)) from which Python imports, so
a later change of the ConfigMap has no effect.
"""

from __future__ import annotations

# Start of the program's error messages; job/diagnose/terminated.py recognises them.
TOO_OLD = "kubectl-snapshot needs Python 3.9"
CHANGED = "kubectl-snapshot was changed on its way"
# Old Pythons must be able to parse this to print the first message.
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
importer.import_from(sys.path[0])
sys.argv[:3] = ["kubectl-snapshot"]
from kubectl_snapshot.main import main
sys.exit(main())
"""


def build_command(sha256: str, path: str) -> list[str]:
    """Return the container's command up to the verb: isolated, no .pyc files, unbuffered."""
    return ["python3", "-IBu", "-c", PROGRAM, sha256, path]
