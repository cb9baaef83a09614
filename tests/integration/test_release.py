"""What scripts/release makes, and that scripts/verify-release finds what is not of the sources."""

from __future__ import annotations

import hashlib
import io
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
    PROVENANCE,
    ROOT,
    SBOM,
    SPDX,
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
    assert len(files) == 11


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


# The second one is beside the packages in the user's cache (scripts/zipapp/module_bundle.py).
OURS = {"kubectl_snapshot", "module_bundle.py"}


def test_the_sbom_names_what_is_in_the_zipapp_and_nothing_else(release: Release) -> None:
    zipapp = release.directory / "kubectl-snapshot"
    with zipfile.ZipFile(zipapp) as archive:
        packages = zipfile.ZipFile(io.BytesIO(archive.read("site-packages.zip")))
    modules = {name.partition("/")[0] for name in packages.namelist()}
    shipped = {m for m in modules if not m.endswith(".dist-info")} - OURS
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


def test_spdx_names_the_same_packages_as_cyclonedx(release: Release) -> None:
    spdx = json.loads((release.directory / SPDX).read_text())
    bom = json.loads((release.directory / SBOM).read_text())
    own, *others = spdx["packages"]
    assert [own["name"], own["versionInfo"]] == ["kubectl-snapshot", __version__]
    [digest] = bom["metadata"]["component"]["hashes"]
    assert own["checksums"] == [{"algorithm": "SHA256", "checksumValue": digest["content"]}]
    purls = {reference["referenceLocator"] for p in others for reference in p["externalRefs"]}
    assert purls == {component["purl"] for component in bom["components"]}
    contained = {
        (r["spdxElementId"], r["relatedSpdxElement"])
        for r in spdx["relationships"]
        if r["relationshipType"] == "CONTAINS"
    }
    assert contained == {(own["SPDXID"], other["SPDXID"]) for other in others}
    assert len(contained) == len(others)


def test_the_provenance_names_every_file_and_what_it_was_built_from(release: Release) -> None:
    statement = json.loads((release.directory / PROVENANCE).read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    files = read_files(release.directory)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    subjects = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}
    assert subjects == {n: d for n, d in digests.items() if n not in (PROVENANCE, "SHA256SUMS")}
    definition = statement["predicate"]["buildDefinition"]
    lock = (release.checkout / "requirements" / "runtime.txt").read_bytes()
    # The sources are no git checkout, so that no commit is named.
    assert definition["resolvedDependencies"] == [
        {
            "uri": "requirements/runtime.txt",
            "digest": {"sha256": hashlib.sha256(lock).hexdigest()},
        }
    ]
    assert definition["externalParameters"] == {"base-url": "", "packages": "false"}


def test_the_notes_are_the_changes_of_the_version(release: Release) -> None:
    lines = (release.directory / "RELEASE-NOTES.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# kubectl-snapshot {__version__}"
    assert "### Added" in lines


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A public and a secret key, as `minisign -G` makes them."""
    directory = tmp_path_factory.mktemp("keys")
    public, secret = directory / "test.pub", directory / "test.key"
    command = ["minisign", "-G", "-W", "-p", public, "-s", secret]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return public, secret


def sign(directory: Path, secret: Path) -> None:
    command = ["minisign", "-S", "-s", secret, "-m", directory / "SHA256SUMS"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def test_a_signed_release_is_verified(
    release: Release, copy: Path, keys: tuple[Path, Path]
) -> None:
    sign(copy, keys[1])
    done = run_script(release.checkout, "verify-release", str(copy), f"--public-key={keys[0]}")
    assert (done.returncode, done.stdout) == (
        0,
        f"{copy}: signature and checksums match, and these sources build the same bytes\n",
    )


def test_a_release_without_a_signature_is_not_called_signed(
    release: Release, copy: Path, keys: tuple[Path, Path]
) -> None:
    without_key = run_script(release.checkout, "verify-release", str(copy))
    assert without_key.returncode == 0
    assert "the signature was not verified: use --public-key\n" in without_key.stdout
    done = run_script(release.checkout, "verify-release", str(copy), f"--public-key={keys[0]}")
    assert done.returncode == 1
    assert "SHA256SUMS.minisig: missing\n" in done.stdout


def test_what_was_changed_after_signing_is_found(
    release: Release, copy: Path, keys: tuple[Path, Path]
) -> None:
    sign(copy, keys[1])
    spoiled = copy / ARCHIVE
    spoiled.write_bytes(spoiled.read_bytes() + b"\0")
    # The checksums are made to match, as somebody would who owns the place of download.
    sums = copy / "SHA256SUMS"
    before = hashlib.sha256((release.directory / ARCHIVE).read_bytes()).hexdigest()
    after = hashlib.sha256(spoiled.read_bytes()).hexdigest()
    sums.write_text(sums.read_text().replace(before, after))
    done = run_script(release.checkout, "verify-release", str(copy), f"--public-key={keys[0]}")
    assert done.returncode == 1
    assert "SHA256SUMS.minisig: Signature verification failed" in done.stdout
    assert f"{ARCHIVE}: differs from what these sources build" in done.stdout


def test_a_public_key_that_is_missing_is_said_so(release: Release, tmp_path: Path) -> None:
    flag = f"--public-key={tmp_path / 'none.pub'}"
    done = run_script(release.checkout, "verify-release", str(release.directory), flag)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        f"error: no such file: {tmp_path / 'none.pub'}",
    )


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


def test_the_provenance_of_a_clean_checkout_names_its_commit(
    release: Release, tmp_path: Path
) -> None:
    clone = shutil.copytree(release.checkout, tmp_path / "clone")
    commit = commit_all(clone)
    flags = [f"--output={tmp_path / 'out'}", f"--work={tmp_path / 'work'}"]
    done = run_script(clone, "release", *flags)
    assert done.returncode == 0, done.stderr
    statement = json.loads((tmp_path / "out" / PROVENANCE).read_text())
    materials = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {"uri": "git+file:.", "digest": {"gitCommit": commit}} in materials
    verified = run_script(clone, "verify-release", str(tmp_path / "out"), "HEAD")
    assert verified.returncode == 0, verified.stdout
    # The commit after it has the same files, but is not the one that the provenance names.
    commit_all(clone)
    verified = run_script(clone, "verify-release", str(tmp_path / "out"), "HEAD")
    assert verified.returncode == 1
    assert f"{PROVENANCE}: differs from what these sources build" in verified.stdout


def commit_all(checkout: Path) -> str:
    """Commit all files of a directory, also if nothing changed, and return the commit."""
    git = ["git", "-C", str(checkout)]
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.excludesFile="]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "v", "--allow-empty"]):
        subprocess.run([*git, *who, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()


def test_a_release_is_verified_from_its_tag(release: Release, tmp_path: Path) -> None:
    clone = shutil.copytree(release.checkout, tmp_path / "clone")
    commit_all(clone)
    subprocess.run(["git", "-C", clone, "tag", "v1"], check=True)
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
