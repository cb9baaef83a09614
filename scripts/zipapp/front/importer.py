"""Import the packages in the zipapp; also used in the pod (job/bootstrap.py).

They are in a zip of their own, stored in the zipapp: at each start, Python reads the directory of
the file that it runs, 80 microseconds an entry. A module is compiled once, where zipimport compiles
it twice, and read from the file that was opened at the start, even if another one replaces it.
"""

import os
import sys
import zlib
from importlib.machinery import ModuleSpec

PACKAGES = "site-packages.zip"
INDEX = "site-packages.txt"


class Importer:
    """Finder and loader of the modules; `path` is the zipapp's."""

    def __init__(self, path):
        self.root = path + "/site-packages"
        self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        head = os.pread(self.file, 4096, 0)
        # The packages are the first file of the zip, after the line with the interpreter.
        self.start = head.index(b"PK\3\4")
        index = __loader__.get_data(path + "/" + INDEX).decode()
        # By path: where the file begins in the zipapp, and its size there.
        self.places = dict(line.split("\t") for line in index.splitlines())

    def find_spec(self, fullname, path=None, target=None):
        name = fullname.replace(".", "/")
        is_package = name + "/__init__.py" in self.places
        if not is_package and name + ".py" not in self.places:
            return None
        spec = ModuleSpec(fullname, self, is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [self.root + "/" + name]
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        # Not by the specification: Python would look for the name of a compiled file.
        module.__file__ = self.get_filename(module.__name__)
        exec(self.get_code(module.__name__), module.__dict__)

    def get_filename(self, fullname):
        path = self.root + "/" + fullname.replace(".", "/")
        return path + ("/__init__.py" if self.is_package(fullname) else ".py")

    def is_package(self, fullname):
        return fullname.replace(".", "/") + "/__init__.py" in self.places

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return compile(self.get_data(path), path, "exec", dont_inherit=True)

    def get_source(self, fullname):
        return self.get_data(self.get_filename(fullname)).decode()

    def get_data(self, path):
        """Return the content of a file; OSError if there is none."""
        place = self.places.get(path[len(self.root) + 1 :])
        if place is None or not path.startswith(self.root + "/"):
            raise OSError(2, os.strerror(2), path)
        offset, size = map(int, place.split())
        return zlib.decompress(os.pread(self.file, size, self.start + offset), -15)


def import_from(path):
    """Import from the packages in a zipapp before anything else."""
    sys.meta_path.insert(0, Importer(path))
