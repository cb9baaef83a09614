"""The links of docs/ in the site, where some files are elsewhere and others are not at all."""

from __future__ import annotations

import pytest
from site_hooks import rewrite_links

KNOWN = {"cli.md", "howto/a.md", "adr/README.md", "project/CONTRIBUTING.md", "project/README.md"}


@pytest.mark.parametrize(
    ("page", "before", "after"),
    [
        ("check.md", "see [the verbs](cli.md#check).", "see [the verbs](cli.md#check)."),
        ("howto/a.md", "[verbs](../cli.md)", "[verbs](../cli.md)"),
        ("check.md", "[tests](../CONTRIBUTING.md#tests)", "[tests](project/CONTRIBUTING.md#tests)"),
        ("howto/a.md", "[add](../../CONTRIBUTING.md)", "[add](../project/CONTRIBUTING.md)"),
        ("project/README.md", "[verbs](docs/cli.md)", "[verbs](../cli.md)"),
        ("project/README.md", "![image](docs/images/a.png)", "![image](../images/a.png)"),
        ("project/CONTRIBUTING.md", "[the code](setup.cfg)", "the code"),
        ("check.md", "[a rule](../tests/x.py) [b](cli.md)", "a rule [b](cli.md)"),
        ("check.md", "[site](https://example.org/cli.md)", "[site](https://example.org/cli.md)"),
    ],
)
def test_a_link_holds_in_the_site_or_is_text(page: str, before: str, after: str) -> None:
    assert rewrite_links(before, page, KNOWN) == after
