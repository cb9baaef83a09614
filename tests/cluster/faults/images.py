"""The images of the faults: one for each mode of agent.py.

They differ only in their PATH, so they share one layer and are built and loaded together.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.cluster.faults.agent import MODES
from tests.cluster.support import ROOT, Cluster
from tests.lab import images

AGENT = Path(__file__).with_name("agent.py")
PACKAGE = ROOT / "kubectl_snapshot"
# The modules of the package that the frame imports.
CARRIED = (
    "__init__.py",
    "constants.py",
    "errors.py",
    "job/__init__.py",
    "job/frame/__init__.py",
    "job/frame/encode.py",
    "text.py",
)
# Pretends to be Python 3.8; tests/integration has real old Pythons.
OLD_PYTHON = """\
#!/usr/local/bin/python3.11
import sys
program = sys.argv[sys.argv.index("-c") + 1]
sys.version_info = (3, 8, 18, "final", 0)
exec(program)
"""
# As a Python that was built without zlib: zipimport and gzip fail.
NO_ZLIB_PYTHON = """\
#!/usr/local/bin/python3.11
import sys
program = sys.argv[sys.argv.index("-c") + 1]
sys.argv[:] = ["-c", *sys.argv[sys.argv.index("-c") + 2:]]
sys.modules["zlib"] = None
exec(program)
"""
# ELF header, e_machine: EM_AARCH64.
MACHINE_OFFSET, AARCH64 = 18, 183
WRONG_ARCHITECTURE, OLD, NO_ZLIB = "wrong-architecture", "old-python", "no-zlib"


def name_image(mode: str) -> str:
    """Return the reference of a mode's image."""
    return f"faults.test/{mode}:1"


def load_fault_images(cluster: Cluster, directory: Path) -> None:
    """Build the images and import them into every node."""
    archive = directory / "faults.tar"
    modes = [*MODES, WRONG_ARCHITECTURE, OLD, NO_ZLIB]
    with tempfile.TemporaryDirectory() as temporary:
        rootfs = Path(temporary) / "root"
        python, stdlib, version, _ = images.describe_python(images.DEFAULT_PYTHON)
        images.fill_python_rootfs(rootfs, Path(python), Path(stdlib), version)
        fill_modes(rootfs / "faults", Path(python))
        paths = {mode: f"PATH=/faults/{mode}:/usr/local/bin:/bin" for mode in modes}
        configs = {name_image(mode): {"Env": [path]} for mode, path in paths.items()}
        images.write_oci_images(archive, rootfs, configs)
    cluster.load_image(archive)


def fill_modes(root: Path, python: Path) -> None:
    for name in CARRIED:
        target = root / "kubectl_snapshot" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE / name, target)
    # Python looks for modules where the script really is, not where the link to it is.
    shutil.copy(AGENT, root)
    (root / AGENT.name).chmod(0o755)
    for mode in MODES:
        (root / mode).mkdir()
        (root / mode / "kubectl-snapshot").symlink_to(f"../{AGENT.name}")
    write_program(root / OLD / "python3", OLD_PYTHON.encode())
    write_program(root / NO_ZLIB / "python3", NO_ZLIB_PYTHON.encode())
    header = bytearray(python.read_bytes()[:4096])
    header[MACHINE_OFFSET : MACHINE_OFFSET + 2] = AARCH64.to_bytes(2, "little")
    write_program(root / WRONG_ARCHITECTURE / "python3", bytes(header))


def write_program(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o755)
