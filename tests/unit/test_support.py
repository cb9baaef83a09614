"""docs/support.md promises what the matrix tries, preflight says and pip asks for."""

from __future__ import annotations

import configparser
import re

from kubectl_snapshot.constants import DEFAULT_IMAGE
from kubectl_snapshot.job.preflight.report import TESTED_MINORS
from tests import docs_support as docs
from tests.lab.build import KUBERNETES as DEFAULT_KUBERNETES
from tests.matrix.versions import KUBERNETES

PAGE = docs.read_page("docs/support.md")


def test_preflight_names_the_oldest_and_the_newest_kubernetes_of_the_matrix() -> None:
    minors = [int(version.split(".")[1]) for version in KUBERNETES]
    assert (min(minors), max(minors)) == TESTED_MINORS


def test_the_matrix_has_the_kubernetes_of_the_cluster_tests() -> None:
    assert DEFAULT_KUBERNETES in KUBERNETES


def test_the_page_lists_each_kubernetes_of_the_matrix_and_no_other() -> None:
    rows = re.findall(r"^\| (1\.\d+) \((v[\d.]+)\) \| ", PAGE, re.MULTILINE)
    assert tuple(version for _, version in rows) == KUBERNETES
    assert all(version.startswith(f"v{minor}.") for minor, version in rows)


def test_the_page_names_the_pythons_of_the_package() -> None:
    setup = configparser.ConfigParser()
    setup.read(docs.ROOT / "setup.cfg")
    versions = re.findall(r"Python :: (3\.\d+)$", setup["metadata"]["classifiers"], re.MULTILINE)
    assert setup["options"]["python_requires"] == f">={versions[0]}"
    ranges = set(re.findall(r"3\.\d+ to 3\.\d+", PAGE))
    assert ranges == {f"{versions[0]} to {versions[-1]}"}


def test_the_page_names_the_default_image_s_python() -> None:
    version = re.search(r":(3\.\d+)-", DEFAULT_IMAGE)
    assert version and f"the default {version[1]}" in PAGE
