"""Faster import from a zip: compiles each module once; also used in the pod (job/bootstrap.py)."""

import sys
import zipimport


class Importer(zipimport.zipimporter):
    """A zipimporter that does not compile a module to find its path, as Python's does."""

    def get_filename(self, fullname):
        path = self.archive + "/" + self.prefix + fullname.rpartition(".")[2]
        return path + ("/__init__.py" if self.is_package(fullname) else ".py")

    if sys.version_info < (3, 10):
        # Python 3.9 has only load_module, which lets other threads see a module that is not yet
        # executed to its end: importlib locks modules of loaders with exec_module alone.
        def create_module(self, spec):
            return None

        def exec_module(self, module):
            name = module.__name__
            module.__file__ = self.get_filename(name)
            if self.is_package(name):
                module.__path__ = [module.__file__.rpartition("/")[0]]
            exec(self.get_code(name), module.__dict__)


def import_from(directory):
    """Put a directory inside a zip first on the import path."""
    sys.path_hooks.insert(0, Importer)
    sys.path.insert(0, directory)
