"""The compiled modules of earlier runs in one file of the unpacked tree.

For each module Python asks every directory of its path, compares the times of source and .pyc, and
opens one file more: a tenth of a capture's CPU time. The file is of one build, whose tree never
changes, and of one bytecode; only the user can write it, as the tree.
"""

import marshal
import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER

NAME = f"modules-{sys.implementation.cache_tag}.bundle"
SIZE_BYTES = 8
START = len(MAGIC_NUMBER) + SIZE_BYTES
# Magic number, flags, and time and size of the source.
PYC_HEAD = 16
# A run that imports so many modules that are not in the file adds them.
MIN_NEW = 20


class Bundle:
    """Finds and loads the modules in the file; Python's own finders load the others.

    `index` has the path in the tree, whether it is a package, offset and size by module.
    """

    def __init__(self, tree):
        self.tree = tree
        self.file, self.start, self.index = -1, 0, {}
        try:
            self.file = os.open(os.path.join(tree, NAME), os.O_RDONLY | os.O_CLOEXEC)
            head = os.read(self.file, START)
            if head[:-SIZE_BYTES] == MAGIC_NUMBER:
                size = int.from_bytes(head[-SIZE_BYTES:], "little")
                index = marshal.loads(os.read(self.file, size))
                self.start = START + size
                end = self.start + sum(entry[3] for entry in index.values())
                self.index = index if os.fstat(self.file).st_size == end else {}
        except (OSError, EOFError, ValueError, TypeError):  # none yet, or a broken one
            pass

    def find_spec(self, name, path=None, target=None):
        if name not in self.index:
            return None
        place, is_package, _, _ = self.index[name]
        origin = os.path.join(self.tree, place)
        spec = ModuleSpec(name, self, origin=origin, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations.append(os.path.dirname(origin))
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(marshal.loads(self.read(module.__name__)), module.__dict__)

    def get_data(self, path):
        """Return a file beside a module (pkgutil.get_data)."""
        with open(path, "rb") as file:
            return file.read()

    def read(self, name):
        _, _, offset, size = self.index[name]
        return os.pread(self.file, size, self.start + offset)

    def add_new(self):
        """Write the file anew if this run has imported enough modules that are not in it."""
        new = [
            (name, spec)
            for name, spec in [(n, getattr(m, "__spec__", None)) for n, m in sys.modules.items()]
            if name not in self.index and str(spec and spec.origin).startswith(self.tree)
        ]
        if len(new) < MIN_NEW or sys.dont_write_bytecode:
            return
        found = {name: (*self.index[name][:2], self.read(name)) for name in self.index}
        for name, spec in new:
            code = read_code(spec.cached)
            if code:
                is_package = spec.submodule_search_locations is not None
                found[name] = (os.path.relpath(spec.origin, self.tree), is_package, code)
        write_bundle(os.path.join(self.tree, NAME), found)


def read_code(path):
    """Return the marshalled code in a .pyc file, empty if there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (OSError, TypeError):
        return b""
    is_timed = data[: PYC_HEAD // 2] == MAGIC_NUMBER + bytes(4)
    return data[PYC_HEAD:] if is_timed else b""


def write_bundle(path, found):
    """Write the file atomically; a failure costs only the time that it would save."""
    index, offset = {}, 0
    for name, (place, is_package, code) in found.items():
        index[name] = (place, is_package, offset, len(code))
        offset += len(code)
    head = marshal.dumps(index)
    part = f"{path}.{os.getpid()}"
    try:
        with open(part, "xb") as file:
            file.write(MAGIC_NUMBER + len(head).to_bytes(SIZE_BYTES, "little") + head)
            file.writelines(code for _, _, code in found.values())
        os.replace(part, path)
    except OSError:
        with suppress(OSError):
            os.unlink(part)
