"""Read the rules that a user names: constraints and rule files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.clients.files.localfile import locate_yaml, read_input
from kubectl_snapshot.document.rules.rule_file import parse_rule, parse_rules
from kubectl_snapshot.errors import InvalidRequest
from kubectl_snapshot.storage.source import STDIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kubectl_snapshot.document.rules.rule_file import Rule

MAX_RULES_BYTES = 1024 * 1024


def read_rules(constraints: Iterable[str], files: Iterable[str]) -> tuple[Rule, ...]:
    """Return a rule for each constraint, then those of the rule files; `-` is stdin.

    Raises InvalidRequest for an invalid rule, NotFound if there is no such file.
    """
    # Any measurement type: the document tells which there are.
    rules = [parse_rule(text, None) for text in constraints]
    for path in files:
        content = read_input(path, MAX_RULES_BYTES)
        if len(content) > MAX_RULES_BYTES:
            raise InvalidRequest(f"rule file {path} is larger than {MAX_RULES_BYTES} bytes")
        name = "stdin" if path == STDIN else path
        rules += parse_rules(locate_yaml(content, name), name, None)
    return tuple(rules)
