from __future__ import annotations

import pytest

from kubectl_snapshot.render.all_renderers import detect_format, format_from_path


@pytest.mark.parametrize(
    ("path", "format_name"),
    [
        ("/x/snapshot.json", "json"),
        ("A.YML", "yaml"),
        (".yaml", "yaml"),
        ("a.txt", "table"),
        ("a.table", "table"),
        ("a.HTM", "html"),
        ("a.html", "html"),
        ("file.backup.json", "json"),
        ("C:\\Users\\config.json", "json"),
        ("https://example.com/data.yaml", "yaml"),
    ],
)
def test_the_extension_of_a_path_gives_the_format(path: str, format_name: str) -> None:
    assert format_from_path(path) == detect_format(path) == format_name


@pytest.mark.parametrize("path", ["a", "yaml", "a.yaml.gz", "https://h/a.yaml?x=1", "", "cm://a/b"])
def test_an_unknown_extension_means_json(path: str) -> None:
    assert detect_format(path) == ""
    assert format_from_path(path) == "json"
