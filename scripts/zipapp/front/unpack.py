"""Unpack the zipapp into the user's cache, once per build.

Failures are silent: without the tree the program runs from the zip and only starts more slowly.
"""

import io
import os
import shutil
import tempfile
import time
import zipfile

PACKAGES = "site-packages.zip"
UNUSED_AFTER_S = 24 * 60 * 60


def ensure_tree(zipapp, tree):
    """Unpack into the tree atomically, and remove unused trees."""
    cache = os.path.dirname(tree)
    try:
        os.makedirs(cache, mode=0o700, exist_ok=True)
        part = tempfile.mkdtemp(prefix=".part-", dir=cache)
    except OSError:
        return
    try:
        write_packages(zipapp, part)
        os.rename(part, tree)
    except (OSError, zipfile.BadZipFile):  # no space left, or another process unpacked first
        shutil.rmtree(part, ignore_errors=True)
    remove_unused(cache)


def write_packages(zipapp, directory):
    """Write the packages in the zipapp into the directory."""
    with zipfile.ZipFile(zipapp) as outer:
        packages = io.BytesIO(outer.read(PACKAGES))
    with zipfile.ZipFile(packages) as archive:
        for name in archive.namelist():
            target = os.path.join(directory, *name.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(archive.read(name))


def remove_unused(cache):
    """Remove trees and partial trees that no process has used for a day."""
    oldest = time.time() - UNUSED_AFTER_S
    for name in os.listdir(cache):
        path = os.path.join(cache, name)
        try:
            is_unused = os.lstat(path).st_mtime < oldest
        except OSError:  # another process removed it
            continue
        if is_unused:
            shutil.rmtree(path, ignore_errors=True)  # does not follow symlinks
