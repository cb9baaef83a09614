"""Start of the zipapp: refuse an old Python, print help and schema, set the import path, call main.

Old Pythons must be able to parse this file. Every start runs it, so it imports only modules that
Python has already loaded.
"""

import sys

if sys.version_info < (3, 9):
    sys.stderr.write(
        "error: kubectl-snapshot needs Python 3.9 or newer, and %s is %s\n"
        % (sys.executable, sys.version.split()[0])
    )
    sys.exit(2)

import os
import stat

ZIPAPP = os.path.dirname(__file__)
INSIDE = ""  # in place of a directory: import from the zipapp
BUILD_ID = "unbuilt"  # set by scripts/build-zipapp: a digest of site-packages

# Verbs without the API client, which is slow to import from a zip.
QUICK_VERBS = ("collect", "schema")


def read_prebuilt(args):
    """Return the prebuilt text that these arguments ask for, None if there is none.

    Building it with argparse would exceed the start-up budget.
    """
    if args[:1] == ["help"]:
        args = args[1:] + ["--help"]  # noqa: RUF005  old Pythons parse this
    if args == ["schema"]:
        name = "schema.json"
    elif 0 < len(args) < 3 and args[-1] in ("-h", "--help"):
        name = os.path.join("help", args[0] + ".txt") if len(args) == 2 else "help.txt"
    else:
        return None
    try:
        return __loader__.get_data(os.path.join(ZIPAPP, name))
    except OSError:
        return None


def write_text(text):
    """Write the text to stdout and return the exit code; ignore a closed pipe."""
    try:
        while text:
            text = text[os.write(1, text) :]
    except BrokenPipeError:
        pass
    except OSError as error:
        why = "it is closed" if error.errno == 9 else error.strerror  # EBADF
        report("error: cannot write to stdout\n  why: %s\n" % why)
        return 8
    return 0


def report(text):
    """Write an error to stderr, if it can be written."""
    try:
        os.write(2, text.encode())
    except OSError:
        pass


def choose_packages(args, env):
    """Return the directory to import from.

    The unpacked tree in the user's cache, which keeps .pyc files; else INSIDE.
    """
    cache = find_cache(env)
    tree = os.path.join(cache, BUILD_ID)
    if not cache:
        return INSIDE
    if not is_private(tree) and not is_quick(args):
        import unpack

        unpack.ensure_tree(ZIPAPP, tree)
    if not (is_private(cache) and is_private(tree)):
        return INSIDE
    mark_used(tree)
    return tree


def find_cache(env):
    """Return our directory in the user's cache (XDG Base Directory Specification), or ""."""
    home = env.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(home):  # invalid by the specification
        home = os.path.join(env.get("HOME", ""), ".cache")
    # Under sudo, HOME may be another user's: neither write there nor import from there.
    owned = is_owned(home) if os.path.exists(home) else is_owned(os.path.dirname(home))
    return os.path.join(home, "kubectl-snapshot") if os.path.isabs(home) and owned else ""


def is_owned(path):
    """Return whether the path exists and belongs to the current user."""
    try:
        return os.stat(path).st_uid == os.geteuid()
    except OSError:
        return False


def is_private(path):
    """Return whether the path is a directory, not a symlink, that only this user can change."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not others_write


def mark_used(tree):
    """Update the tree's mtime, so that other builds do not remove it."""
    try:
        os.utime(tree)
    except OSError:  # a read-only cache: no build can remove it
        pass


def is_quick(args):
    """Return whether these arguments need no API client."""
    verb = args[0] if args else ""
    is_help = "-h" in args or "--help" in args
    is_version = verb in ("--version", "-V") or (verb == "version" and "--client" in args)
    return is_help or verb in QUICK_VERBS or is_version


def start(args):
    """Run the program and return its exit code."""
    text = read_prebuilt(args)
    if text is not None:
        return write_text(text)
    if args[:1] == ["collect"]:
        # Half a standard library, as python3-minimal's, is reported at once, not by a collector.
        import json  # noqa: F401
    packages = choose_packages(args, os.environ)
    modules = None
    if packages == INSIDE:
        import importer

        importer.import_from(ZIPAPP)
    else:
        sys.path.insert(0, packages)
        from module_bundle import Bundle

        modules = Bundle(packages)
        sys.meta_path.insert(0, modules)
    from kubectl_snapshot.main import main

    code = main()
    if modules:
        modules.add_new()
    # main has written everything, and its threads are daemons: finalizing the interpreter would
    # only take 3 ms, and 30 after a capture.
    sys.stderr.flush()
    os._exit(code)


def report_missing(error):
    """Report an incomplete standard library and return the exit code."""
    name = (error.name or "").split(".")[0]
    if name not in getattr(sys, "stdlib_module_names", (name,)):
        raise error
    report(
        "error: Python's standard library is incomplete\n"
        "  why: %s has no module %s\n"
        " hint: python3-minimal is not enough; use apt-get install python3\n"
        % (sys.executable, name)
    )
    return 2


try:
    sys.exit(start(sys.argv[1:]))
except KeyboardInterrupt:  # while importing; main handles later ones
    sys.exit(130)
except ModuleNotFoundError as error:
    sys.exit(report_missing(error))
