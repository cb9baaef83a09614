"""Starting the built file on every Python of this machine."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kubectl_snapshot import __version__
from tests.integration.conftest import ROOT, Build, Start
from tests.integration.pythons import too_old
from tests.unit.golden import check_golden

# Slow to import, and needed by nothing that answers without a cluster.
HEAVY = {"asyncio", "email", "http", "inspect", "pathlib", "socket", "ssl", "subprocess", "urllib"}


def test_help_is_printed(start: Start, python: str) -> None:
    answer = start("--help", python=python)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("Record the configuration of ")


@pytest.mark.parametrize("verb", ["", "capture", "collect", "schema", "version"])
def test_help_rendered_by_the_build_is_that_of_the_parser(start: Start, verb: str) -> None:
    words = [verb] if verb else []
    # With a second flag the parser answers itself.
    assert start(*words, "--help").stdout == start(*words, "--debug", "--help").stdout


def test_help_is_never_coloured(start: Start, python: str) -> None:
    # Python 3.14's argparse colours it by default.
    answer = start("check", "--debug", "--help", python=python, FORCE_COLOR="1")
    assert answer.stdout == start("check", "--help", python=python).stdout


def test_schema_rendered_by_the_build_is_that_of_the_verb(start: Start, python: str) -> None:
    built, rendered = (start("schema", *words, python=python) for words in ([], ["--debug"]))
    assert (built.returncode, built.stderr) == (0, "")
    assert built.stdout == rendered.stdout
    assert json.loads(built.stdout)["title"] == "Snapshot"


def test_a_full_disk_under_the_schema_is_an_error(build: Build) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, build.zipapp, "schema"]
        answer = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert answer.returncode == 8
    assert answer.stderr.startswith(b"error: cannot write to stdout\n  why: ")


SLOW = {
    "slow/__init__.py": "",
    "slow/module.py": "import time\ntime.sleep(0.3)\nvalue = 1\n",
}
IMPORTED_AT_ONCE = """
import sys, threading
sys.path.insert(0, sys.argv[1])
import importer
importer.import_from(sys.argv[2])
found = []

def use():
    from slow.module import value
    import slow
    found.append((value, slow.__path__, slow.__file__))

threads = [threading.Thread(target=use) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
root = sys.argv[2] + "/site-packages/slow"
expected = (1, [root], root + "/__init__.py")
assert found == [expected] * 4, found
"""


def test_threads_that_import_a_module_at_once_all_get_it_whole(python: str, tmp_path: Path) -> None:
    archive = tmp_path / "slow.zip"
    places = []
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in SLOW.items():
            file.writestr(name, text)
            member = file.getinfo(name)
            places.append(
                f"{name}\t{member.header_offset + 30 + len(name)} {member.compress_size}\n"
            )
        file.writestr("site-packages.txt", "".join(places))
        file.write(ROOT / "scripts" / "zipapp" / "front" / "importer.py", "importer.py")
    command = [python, "-IBc", IMPORTED_AT_ONCE, str(archive), str(archive)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_version_is_printed(start: Start, python: str) -> None:
    answer = start("version", "--client", python=python)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"version     {__version__}\n" in answer.stdout


@pytest.mark.parametrize("verb", ["collect", "version"])
def test_half_a_standard_library_is_said_so(
    build: Build, python: str, verb: str, tmp_path: Path
) -> None:
    # As in Debian's python3-minimal (tests/chroot): there is neither of the two.
    lacking = "import runpy, sys; sys.modules.update(json=None, shutil=None)"
    program = f"{lacking}; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    command = [python, "-IB", "-c", program, str(build.zipapp), verb]
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}  # no tree of another Python's start
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "error: Python's standard library is incomplete\n" in answer.stderr
    assert "apt-get install python3\n" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unknown_command_is_invalid_input(start: Start, python: str) -> None:
    answer = start("capture-it", python=python)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "capture-it" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_this_machine_can_be_collected(start: Start, python: str) -> None:
    answer = start("collect", "--cluster-scope", "skip", "--host-root", "/", python=python)
    assert answer.returncode == 0, answer.stderr
    assert "apiVersion: aicr.nvidia.com/v1alpha1" in answer.stdout


@pytest.mark.parametrize("cached", [True, False], ids=["from the tree", "from the zip"])
def test_the_api_client_reaches_for_the_server(start: Start, python: str, cached: bool) -> None:
    env = {} if cached else {"XDG_CACHE_HOME": ""}
    answer = start("version", "--server", "https://127.0.0.1:1", python=python, **env)
    assert answer.returncode == 6
    assert "Connection refused" in answer.stderr


@pytest.mark.parametrize(
    "words", [["--debug", "--help"], ["version", "--client"], ["schema", "--debug"]]
)
def test_no_third_party_module_is_loaded(
    build: Build, start: Start, python: str, words: list[str]
) -> None:
    # -S, because a machine's own .pth files may import anything.
    answer = start(*words, python=python, flags="-ISB -X importtime")
    loaded = set(re.findall(r"^import time:.*\| +(\w+)", answer.stderr, re.M))
    packages = {path.name.removesuffix(".py") for path in build.packages.iterdir()}
    assert "kubectl_snapshot" in loaded
    assert loaded & (packages - {"kubectl_snapshot"}) == set()


def test_no_heavy_module_is_loaded_for_the_version(start: Start, python: str) -> None:
    answer = start("version", "--client", python=python, flags="-ISB -X importtime")
    loaded = set(re.findall(r"^import time:.*\| +(\w+)", answer.stderr, re.M))
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("verb", ["version", "collect", "check"])
def test_a_start_imports_these_modules_and_no_others(start: Start, verb: str) -> None:
    """The budget of imports: a new one is a decision, for each costs 0.1 to 1 ms of every start."""
    words = {
        "version": ("--client",),
        "collect": ("--cluster-scope=skip", "--collect=OS"),
        "check": (str(ROOT / "docs/examples/snapshots/gpu-17.yaml"), "-c", "OS.release.ID != x"),
    }
    answer = start(verb, *words[verb], flags="-ISB -X importtime")
    assert answer.returncode == 0, answer.stderr
    loaded = re.findall(r"^import time:.*\| +(\S+)", answer.stderr, re.M)
    ours = sorted({name for name in loaded if name.startswith("kubectl_snapshot")})
    check_golden(f"imports/{verb}.txt", "".join(f"{name}\n" for name in ours))


@pytest.mark.parametrize("words", [("collect", "--cluster-scope=skip"), ("schema", "--debug")])
def test_no_start_from_the_zip_loads_dataclasses(
    start: Start, python: str, words: tuple[str, ...]
) -> None:
    answer = start(*words, python=python, flags="-ISB -X importtime")
    loaded = set(re.findall(r"^import time:.*\| +([\w.]+)", answer.stderr, re.M))
    assert "kubectl_snapshot.records" in loaded
    assert loaded & {"dataclasses", "inspect"} == set()


@pytest.mark.parametrize("verb", ["check", "diff"])
def test_the_declarations_are_read_without_the_collectors(
    start: Start, tmp_path: Path, verb: str
) -> None:
    snapshot = str(tmp_path / "snapshot.yaml")
    shutil.copy(ROOT / "docs/examples/snapshots/gpu-17.yaml", snapshot)
    words = [snapshot, snapshot] if verb == "diff" else [snapshot, "-c", "OS.release.ID != x"]
    answer = start(verb, *words, flags="-ISB -X importtime")
    assert answer.returncode == 0, answer.stderr
    loaded = find_collectors(answer.stderr)
    assert "registry" in loaded
    # Findings are declared beside the collectors, in modules that import none (ADR 0051).
    declared = {name for name in loaded if name.endswith("findings")}
    packages = {name.partition(".")[0] for name in declared if "." in name}
    assert bool(declared) == (verb == "diff")
    assert loaded - declared - packages <= {"registry", "forms", "systemd", "systemd.normalizers"}


def test_a_node_is_collected_without_the_clusters_collectors(start: Start, python: str) -> None:
    words = ("--run-id=a", "--host-root=/", "--level=restricted", "--cluster-scope=skip")
    answer = start("collect", *words, python=python, flags="-ISB -X importtime")
    assert answer.returncode == 0, answer.stderr
    loaded = find_collectors(answer.stderr)
    assert "systemd" in loaded
    assert not {name for name in loaded if name.startswith(("kubernetes", "node_topology"))}


def find_collectors(stderr: str) -> set[str]:
    """Return the loaded modules of kubectl_snapshot.collectors, by Python's -X importtime."""
    prefix = r"^import time:.*\| +kubectl_snapshot\.collectors\."
    return set(re.findall(rf"{prefix}(\S+)", stderr, re.M))


# Writes each module that is imported into the file named first; what completes ends without a word.
IMPORTS = """
import runpy, sys
names = open(sys.argv[1], "w", buffering=1)
sys.addaudithook(lambda event, args: names.write(f"{args[0]}\\n") if event == "import" else None)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    "words", [["ver"], ["--no-"], ["--cluster-scope", ""], ["completion", ""], ["check", "@"]]
)
def test_completion_loads_argcomplete_at_most(
    build: Build, python: str, tmp_path: Path, words: list[str]
) -> None:
    imports = tmp_path / "imports"
    answer = subprocess.run(
        [python, "-ISBc", IMPORTS, imports, build.zipapp, "__complete", *words],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.count("\n") > 1
    loaded = {name.partition(".")[0] for name in imports.read_text().split()}
    packages = {path.name.removesuffix(".py") for path in build.packages.iterdir()}
    assert "kubectl_snapshot" in loaded
    assert loaded & packages <= {"kubectl_snapshot", "argcomplete"}
    assert loaded & HEAVY == set()


def test_the_installed_completion_answers_as_kubectl_asks_it(
    build: Build, tmp_path: Path, python: str
) -> None:
    (tmp_path / "python3").symlink_to(python)
    shutil.copy(build.zipapp, tmp_path)
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"}

    def run(*words: str) -> str:
        return subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout

    assert "kubectl_complete-snapshot installed; " in run(
        str(tmp_path / "kubectl-snapshot"), "completion", "zsh", "--install"
    )
    assert run(str(tmp_path / "kubectl_complete-snapshot"), "vers").endswith("versions\n:4\n")
    assert run(str(tmp_path / "kubectl_complete-snapshot"), "--cluster-scope=s") == "skip\n:4\n"


# Prints how often each module of ours is compiled.
COUNT = """
import collections, os, runpy, sys
os._exit = sys.exit
times = collections.Counter()
sys.addaudithook(lambda event, args: times.update([args[1]]) if event == "compile" else None)
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit:
    print({str(path): n for path, n in times.items() if "/kubectl_snapshot/" in str(path)})
"""


def test_a_module_from_inside_the_zip_is_compiled_once(build: Build, python: str) -> None:
    answer = subprocess.run(
        [python, "-ISBc", COUNT, build.zipapp, "version", "--client"],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    compiled = ast.literal_eval(answer.stdout.splitlines()[-1])
    assert f"{build.zipapp}/site-packages/kubectl_snapshot/main.py" in compiled
    assert set(compiled.values()) == {1}


def test_it_runs_by_its_own_first_line(build: Build, tmp_path: Path, python: str) -> None:
    (tmp_path / "python3").symlink_to(python)
    path = f"{tmp_path}{os.pathsep}{os.defpath}"
    answer = subprocess.run(
        [build.zipapp, "version", "--client"], env={"PATH": path}, capture_output=True, check=True
    )
    assert __version__ in answer.stdout.decode()


def test_it_runs_from_a_directory_given_relatively(build: Build, tmp_path: Path) -> None:
    shutil.copy(build.zipapp, tmp_path / "renamed")
    answer = subprocess.run(
        [sys.executable, "renamed", "version", "--client"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        check=True,
    )
    assert __version__ in answer.stdout.decode()


@pytest.mark.parametrize("python", too_old() or [None], ids=str)
def test_an_old_python_is_refused_in_one_line(start: Start, python: str | None) -> None:
    if python is None:
        pytest.skip("no Python older than 3.9 is installed here")
    answer = start("--help", python=python, flags="-B")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert re.fullmatch(r"error: kubectl-snapshot needs Python 3\.9 .*\n", answer.stderr)


def test_closed_stdout_ends_the_help_silently(build: Build) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    answer = subprocess.run(
        [sys.executable, build.zipapp, "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (answer.returncode, answer.stderr) == (0, b"")
