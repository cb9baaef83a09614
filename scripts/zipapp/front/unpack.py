"""Unpacking the zipapp into the user's cache, once a build. Loaded only to do it.

What fails here is not told: without the tree the program runs from the zip, only slower to start.
"""

import os
import shutil
import tempfile
import time
import zipfile

PACKAGES = "site-packages/"
UNUSED_AFTER_S = 24 * 60 * 60


def ensure_tree(zipapp, tree):
    """Unpack into the tree, whole or not at all, and remove trees that are no longer used."""
    cache = os.path.dirname(tree)
    try:
        os.makedirs(cache, mode=0o700, exist_ok=True)
        part = tempfile.mkdtemp(prefix=".part-", dir=cache)
    except OSError:
        return
    try:
        write_packages(zipapp, part)
        os.rename(part, tree)
    except (OSError, zipfile.BadZipFile):  # no space left, or another start was faster
        shutil.rmtree(part, ignore_errors=True)
    remove_unused(cache)


def write_packages(zipapp, directory):
    """Write what is below site-packages/ in the zip into the directory."""
    with zipfile.ZipFile(zipapp) as archive:
        for name in archive.namelist():
            if name.startswith(PACKAGES):
                target = os.path.join(directory, *name[len(PACKAGES) :].split("/"))
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as file:
                    file.write(archive.read(name))


def remove_unused(cache):
    """Remove what no start has used for a day: trees of other builds, parts never finished."""
    oldest = time.time() - UNUSED_AFTER_S
    for name in os.listdir(cache):
        path = os.path.join(cache, name)
        try:
            is_unused = os.lstat(path).st_mtime < oldest
        except OSError:  # another start removed it
            continue
        if is_unused:
            shutil.rmtree(path, ignore_errors=True)  # refuses a symlink, follows none
