"""What scripts/release makes, and that scripts/verify-release finds what is not of the sources."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from kubectl_snapshot import __version__
from tests.integration.releases import (
    ARCHIVE,
    ROOT,
    SBOM,
    WHEEL,
    Finished,
    Release,
    build_release,
    run_script,
)
from tests.servers.kubeconfigs import write_kubeconfig

ELSEWHEN = {"TZ": "Asia/Kolkata", "SOURCE_DATE_EPOCH": "1700000000", "PYTHONHASHSEED": "7"}


@pytest.fixture
def copy(release: Release, tmp_path: Path) -> Path:
    """The files of the release, to be spoiled."""
    return shutil.copytree(release.directory, tmp_path / "copy")


def read_files(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_two_releases_from_two_places_have_the_same_bytes(release: Release, tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        again = build_release(tmp_path, **ELSEWHEN)
    finally:
        os.umask(umask)
    assert read_files(again.directory) == read_files(release.directory)


def test_the_checksums_are_those_of_every_other_file(release: Release) -> None:
    files = read_files(release.directory)
    lines = files.pop("SHA256SUMS").decode().splitlines()
    assert lines == [f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in sorted(files)]
    assert len(files) == 7


def test_the_archive_holds_the_executable_and_the_licence(release: Release) -> None:
    with tarfile.open(release.directory / ARCHIVE) as archive:
        found = {(m.name, m.mode, m.uid, m.uname) for m in archive}
        unpacked = archive.extractfile("kubectl-snapshot")
        assert unpacked
        assert unpacked.read() == (release.directory / "kubectl-snapshot").read_bytes()
    assert found == {("kubectl-snapshot", 0o755, 0, ""), ("LICENSE", 0o644, 0, "")}


def test_the_index_offers_the_manifest(release: Release) -> None:
    index = release.directory / "krew-index"
    assert read_files(index) == {
        "plugins/snapshot.yaml": (release.directory / "snapshot.yaml").read_bytes()
    }


def test_the_sbom_names_what_is_in_the_zipapp_and_nothing_else(release: Release) -> None:
    zipapp = release.directory / "kubectl-snapshot"
    with zipfile.ZipFile(zipapp) as archive:
        packages = (n.split("/") for n in archive.namelist() if n.startswith("site-packages/"))
        modules = {parts[1] for parts in packages}
    shipped = {m for m in modules if not m.endswith(".dist-info")} - {"kubectl_snapshot"}
    bom = json.loads((release.directory / SBOM).read_text())
    listed = {component["name"].lower() for component in bom["components"]}
    renamed = {"pyyaml": "yaml", "nvidia-ml-py": "pynvml.py", "six": "six.py"}
    expected = {renamed.get(name, name.replace("-", "_")) for name in listed}
    # Two dependencies of `kubernetes` are stubs of ours in the zipapp (scripts/zipapp/stubs).
    assert expected == {m for m in shipped if m not in ("certifi", "requests")}
    [digest] = bom["metadata"]["component"]["hashes"]
    assert digest["content"] == hashlib.sha256(zipapp.read_bytes()).hexdigest()


def test_the_sbom_is_valid_and_has_nothing_of_its_day(release: Release) -> None:
    text = (release.directory / SBOM).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    assert "serialNumber" not in bom and "timestamp" not in bom["metadata"]


def test_wheel_and_sdist_hold_the_same_package(release: Release) -> None:
    with zipfile.ZipFile(release.directory / WHEEL) as wheel:
        in_wheel = {n: wheel.read(n) for n in wheel.namelist() if n.startswith("kubectl_snapshot/")}
    top = f"kubectl_snapshot-{__version__}"
    with tarfile.open(release.directory / f"{top}.tar.gz") as sdist:
        members = [m for m in sdist if m.name.startswith(f"{top}/kubectl_snapshot/")]
        in_sdist = {m.name[len(top) + 1 :]: sdist.extractfile(m).read() for m in members}  # type: ignore[union-attr]
    on_disk = read_files(release.checkout / "kubectl_snapshot")
    expected = {f"kubectl_snapshot/{name}": on_disk[name] for name in on_disk}
    payload = (release.directory / "kubectl-snapshot").read_bytes()
    assert (
        in_wheel == in_sdist == {**expected, "kubectl_snapshot/payload/kubectl-snapshot": payload}
    )


def test_an_installed_wheel_injects_the_zipapp_of_the_release(
    release: Release, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    [packages] = (tmp_path / "venv" / "lib").glob("python3*/site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--target", packages, release.directory / WHEEL], check=True)
    # The dependencies are those of the development environment, without its kubectl_snapshot.
    (packages / "dependencies.pth").write_text(f"{Path(yaml.__file__).parents[1]}\n")
    kubeconfig = write_kubeconfig(tmp_path / "config", {"server": "https://127.0.0.1:1"})
    words = ["--dry-run=client", "-o", "json", "--node", "gpu-17", "--kubeconfig", kubeconfig]
    program = "import sys; from kubectl_snapshot.main import main; sys.exit(main())"
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-I", "-c", program, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    objects = {item["kind"]: item for item in json.loads(done.stdout)["items"]}
    [container] = objects["Job"]["spec"]["template"]["spec"]["containers"]
    zipapp = (release.directory / "kubectl-snapshot").read_bytes()
    assert hashlib.sha256(zipapp).hexdigest() in container["command"] + container.get("args", [])


def test_the_wheel_needs_no_compiler_and_declares_its_extras(release: Release) -> None:
    with zipfile.ZipFile(release.directory / WHEEL) as wheel:
        metadata = wheel.read(f"kubectl_snapshot-{__version__}.dist-info/METADATA").decode()
    fields = HeaderParser().parsestr(metadata)
    assert fields["Requires-Python"] == ">=3.9"
    assert {"dev", "release", "test"} <= set(fields.get_all("Provides-Extra") or ())


def test_a_release_is_verified_from_its_tag(release: Release, tmp_path: Path) -> None:
    git = ["git", "-C", str(shutil.copytree(release.checkout, tmp_path / "clone"))]
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.excludesFile="]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "v"], ["tag", "v1"]):
        subprocess.run([*git, *who, *words], check=True)
    (tmp_path / "clone" / "kubectl_snapshot" / "later.py").touch()
    done = run_script(tmp_path / "clone", "verify-release", str(release.directory), "v1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "these sources build the same bytes" in done.stdout


def test_a_release_of_other_sources_is_reported_with_the_member(
    release: Release, copy: Path
) -> None:
    zipapp = copy / "kubectl-snapshot"
    head, packed = zipapp.read_bytes().split(b"PK", 1)
    zipapp.write_bytes(b"PK" + packed)
    with zipfile.ZipFile(zipapp, "a") as archive:
        archive.writestr("site-packages/sitecustomize.py", "print('owned')")
    zipapp.write_bytes(head + zipapp.read_bytes())
    (copy / SBOM).unlink()
    (copy / "notes.txt").touch()
    done = run_script(release.checkout, "verify-release", str(copy))
    assert done.returncode == 1, done.stderr
    assert "kubectl-snapshot: SHA-256 is" in done.stdout
    differs = "kubectl-snapshot: differs from what these sources build\n"
    assert differs + "    site-packages/sitecustomize.py\n" in done.stdout
    assert f"{SBOM}: missing, but listed in SHA256SUMS" in done.stdout
    assert "notes.txt: not in SHA256SUMS" in done.stdout


def test_a_directory_that_is_no_release_is_not_overwritten(
    release: Release, tmp_path: Path
) -> None:
    (tmp_path / "precious").touch()
    done = run_script(release.checkout, "release", f"--output={tmp_path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {tmp_path} exists and is not a release" in done.stderr
    assert (tmp_path / "precious").exists()


def test_what_is_no_release_is_said_so(release: Release, tmp_path: Path) -> None:
    done = run_script(release.checkout, "verify-release", str(tmp_path))
    assert (done.returncode, done.stderr) == (
        2,
        f"error: not a release: {tmp_path}\n  why: no such file: SHA256SUMS\n"
        " hint: use the directory of the downloaded files\n",
    )


def test_pipx_installs_the_same_program(release: Release, tmp_path: Path) -> None:
    if not shutil.which("pipx"):
        pytest.skip("this needs pipx")
    checkout = shutil.copytree(release.checkout, tmp_path / "checkout")
    environment = {
        **{name: text for name, text in os.environ.items() if name.startswith("PIP_")},
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_DEFAULT_PYTHON": sys.executable,
        "LANG": "C.UTF-8",
        "COLUMNS": "100",
    }

    def run(*words: str) -> Finished:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=checkout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    run("pipx", "install", ".")
    installed = tmp_path / "bin" / "kubectl-snapshot"
    built = (sys.executable, "-I", str(release.directory / "kubectl-snapshot"))
    snapshot = str(ROOT / "docs" / "examples" / "snapshots" / "gpu-17.yaml")
    tried = ("--help", "capture --help", "version --client", "completion bash", "schema")
    for words in (*map(str.split, tried), ["report", snapshot, "-o", "html"]):
        assert run(str(installed), *words).stdout == run(*built, *words).stdout
