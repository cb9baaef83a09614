"""Read local files and stdin; parse YAML with a fast path for kubeconfigs.

kubectl and the cloud CLIs write kubeconfigs in one plain block style. A small parser reads that
style, as importing PyYAML costs 20 ms and its parser 1 s per MB; any other text goes to PyYAML.
Both return the same values.
"""

from __future__ import annotations

import codecs
import errno
import json
import sys
from typing import TYPE_CHECKING, Any

from kubectl_snapshot.errors import InvalidRequest, NotFound
from kubectl_snapshot.regex import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable

    # A line number and the value that begins there: a string, None, or a list or map of Located.
    Located = tuple[int, object]

_KEY = compile_late(r"([A-Za-z][A-Za-z0-9_./-]*):(?: (\S.*))?")
# Strings that YAML 1.1 resolves to no number, date or null, and that end on their line.
_PLAIN = compile_late(
    r"(?:-{0,2}[A-Za-z]|/|[1-9][0-9]*[acdf-su-yACDF-SU-Y%]|0[acdfg-np-su-w])"
    r"(?:[A-Za-z0-9_./@%+=,()*~-]|:(?=[^ ])| (?=[^ #]))*"
)
_INTEGER = compile_late(r"-?[1-9][0-9]{0,17}|0")
_QUOTED = compile_late(r"\"([ !#-\[\]-~]*)\"|'([ -&(-~]*)'")
_STANDARD_TAGS = "tag:yaml.org,2002:"
_QUOTE = "quote a string that begins with >, ! or another sign: '>= 1.32'"
_TEXT_TAG = f"{_STANDARD_TAGS}str"
_OTHER_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
# PyYAML refuses a tab that separates a value from its key or ends a line; YAML 1.2 and Go do not.
_TAB_PROBLEM = r"found character '\t'"
_TABS = compile_late(r"((?:^|\n) *(?:- +)*[\w.-]+:)\t[ \t]*|[ \t]+(?=\n|\Z)")
_CONSTANTS: dict[str, Callable[[], object]] = {
    "true": lambda: True,
    "false": lambda: False,
    "null": lambda: None,
    "{}": dict,
    "[]": list,
}


class _NotPlain(Exception):
    """The text is not in the plain block style and goes to PyYAML."""


def read_yaml(path: str) -> Any:
    """Return the first document in a YAML file, None if the file is empty.

    Raises NotFound if there is no such file, InvalidRequest if it cannot be read or parsed.
    """
    try:
        with open(path, "rb") as file:
            text = decode_yaml(file.read())
    except FileNotFoundError as error:
        raise NotFound(f"no such file: {path}", hint="pass the path of an existing file") from error
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is neither UTF-8 nor UTF-16 with a BOM"
        raise InvalidRequest(f"cannot read {path}", why, "pass a file that you can read") from error
    return parse_yaml(text, path)


def decode_yaml(content: bytes) -> str:
    """Return a YAML stream as text; a byte order mark tells UTF-16 (YAML 1.2, section 5.2).

    Windows PowerShell's `>` writes UTF-16. Raises UnicodeDecodeError.
    """
    return content.decode(encoding_of(content)).replace("\ufeff", "").replace("\r\n", "\n")


def encoding_of(content: bytes) -> str:
    """Return the codec of a YAML stream, which keeps a byte order mark as a character."""
    if content.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    return "utf-16-be" if content.startswith(codecs.BOM_UTF16_BE) else "utf-8"


def read_input(path: str, max_bytes: int) -> bytes:
    """Return a file, or stdin for `-`, up to `max_bytes` + 1 to let the caller detect a larger one.

    Raises NotFound if there is no such file, InvalidRequest if it cannot be read.
    """
    try:
        if path == "-":
            if sys.stdin is None:
                raise OSError(errno.EBADF, "it is closed")
            return sys.stdin.buffer.read(max_bytes + 1)
        with open(path, "rb") as file:
            return file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise NotFound(f"no such file: {path}", hint="pass the path of an existing file") from error
    except OSError as error:
        why = error.strerror or str(error)
        name = "stdin" if path == "-" else path
        raise InvalidRequest(f"cannot read {name}", why, "pass a file that you can read") from error


def locate_yaml(content: bytes, name: str) -> Located:
    """Return a YAML document with the line of each value; scalars stay strings.

    Duplicate keys, tags, merge keys, aliases and a second document raise InvalidRequest.
    """
    import yaml

    try:
        node = yaml.compose(content, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid_yaml(error, name, _QUOTE) from error
    return _locate(node, name, set()) if node else (1, None)


def _locate(node: Any, name: str, seen: set[int]) -> Located:
    line = node.start_mark.line + 1
    if id(node) in seen:
        raise InvalidRequest(f"{name} line {line}: YAML aliases are not supported")
    seen.add(id(node))
    if not node.tag.startswith(_STANDARD_TAGS):
        raise InvalidRequest(
            f"{name} line {line}: YAML tag {node.tag} is not supported", hint=_QUOTE
        )
    if node.id == "sequence":
        return line, [_locate(item, name, seen) for item in node.value]
    if node.id == "scalar":
        return line, str(node.value)
    pairs: dict[str, Located] = {}
    for key, value in node.value:
        key_line = key.start_mark.line + 1
        if key.id != "scalar" or key.tag != _TEXT_TAG:
            raise InvalidRequest(f"{name} line {key_line}: a key is not a string")
        if key.value in pairs:
            raise InvalidRequest(f"{name} line {key_line}: duplicate key {key.value}")
        pairs[key.value] = key_line, _locate(value, name, seen)[1]
    return line, pairs


def parse_yaml(text: str, name: str) -> Any:
    """Return the first document of a YAML or JSON text, None if it is empty; errors have `name`."""
    try:
        return json.loads(text) if text.startswith("{") else parse_plain_yaml(text)
    except (ValueError, RecursionError, _NotPlain):
        return _parse_any_yaml(text, name)


def parse_plain_yaml(text: str) -> Any:
    """Return the document of a text in the plain block style; raises _NotPlain for other texts."""
    lines = []
    for number, line in enumerate(text.split("\n")):
        content = line.lstrip(" ")
        if not content or content.startswith("#") or (line == "---" and number == 0):
            continue
        lines.append((len(line) - len(content), content))
    if not lines:
        return None
    lines.reverse()
    document = _parse_block(lines, lines[-1][0])
    if lines:
        raise _NotPlain
    return document


def _parse_block(lines: list[tuple[int, str]], indent: int) -> Any:
    """Parse one map or list and remove its lines from `lines`, which is in reverse order."""
    if lines[-1][1].startswith("- "):
        return _parse_list(lines, indent)
    block: dict[str, Any] = {}
    while lines and lines[-1][0] == indent:
        match = _KEY.fullmatch(lines[-1][1])
        if match is None or match[1] in block or match[1].lower() in _OTHER_WORDS:
            raise _NotPlain
        lines.pop()
        block[match[1]] = _parse_value(lines, indent) if match[2] is None else _scalar(match[2])
    _refuse_deeper(lines, indent)
    return block


def _parse_list(lines: list[tuple[int, str]], indent: int) -> list[Any]:
    items = []
    while lines and lines[-1][0] == indent and lines[-1][1].startswith("- "):
        content = lines.pop()[1][2:]
        if _KEY.fullmatch(content):
            lines.append((indent + 2, content))
            items.append(_parse_block(lines, indent + 2))
        else:
            items.append(_scalar(content))
    _refuse_deeper(lines, indent)
    return items


def _parse_value(lines: list[tuple[int, str]], indent: int) -> Any:
    """Return the value on the lines below `key:`; a list may have the indentation of its key."""
    if not lines:
        return None
    next_indent, content = lines[-1]
    if next_indent > indent or (next_indent == indent and content.startswith("- ")):
        return _parse_block(lines, next_indent)
    return None


def _refuse_deeper(lines: list[tuple[int, str]], indent: int) -> None:
    """Raise _NotPlain for a multi-line scalar."""
    if lines and lines[-1][0] > indent:
        raise _NotPlain


def _scalar(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]()
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHER_WORDS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    match = _QUOTED.fullmatch(text)
    if match is None:
        raise _NotPlain
    return match[1] or match[2] or ""


def _parse_any_yaml(text: str, name: str) -> Any:
    import yaml

    try:
        return _load_first(text)
    except yaml.scanner.ScannerError as error:
        spaced = _TABS.sub(lambda found: f"{found[1]} " if found[1] else "", text)
        if _TAB_PROBLEM not in str(error.problem) or spaced == text:
            raise _invalid_yaml(error, name) from error
        return _parse_any_yaml(spaced, name)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid_yaml(error, name) from error


def _load_first(text: str) -> Any:
    """Return the first document; dates stay text, as in the JSON that kubectl makes of YAML."""
    import yaml

    loader: Any = yaml.SafeLoader(text)
    loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != f"{_STANDARD_TAGS}timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return loader.get_data() if loader.check_data() else None
    finally:
        loader.dispose()


def _invalid_yaml(error: Exception, name: str, hint: str = "") -> InvalidRequest:
    mark = getattr(error, "problem_mark", None)
    place = f" (line {mark.line + 1})" if mark else ""
    why = getattr(error, "problem", None) or str(error).split("\n")[0]
    return InvalidRequest(f"{name} is not valid YAML{place}", why, hint)
