"""Parse README and docs/: pages, code blocks, commands with their output, links.

A comment on the line before a block of commands or Python names where it runs:
`<!-- run: here -->` (no cluster), `<!-- run: cluster -->`, `<!-- run: lab -->` (its output has
values of the lab's nodes) or `<!-- run: by hand -->`. A block of `sh` that ends in `, continued`
there runs after the page's block before it, as one with it.
The tutorial's blocks, `<!-- run: tutorial -->`, run in order, between changes of files:
`<!-- file: NAME -->` is a whole file, `<!-- append: NAME -->` text to append, and
`<!-- edit: NAME -->` a diff of lines that occur once.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kubectl_snapshot.collectors.registry import REGISTRY
from kubectl_snapshot.document.codec.json_codec import render_json
from kubectl_snapshot.document.codec.parse import parse_document
from kubectl_snapshot.document.schema import build_checks, validate

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "changelog.d/README.md", "krew/*.md", "tests/lab/*.md")
    for path in ROOT.glob(pattern)
)

CONTINUED = ", continued"
HERE, CLUSTER, LAB, BY_HAND, TUTORIAL = "here", "cluster", "lab", "by hand", "tutorial"
RUNNABLE = ("console", "python", "sh")
FENCE = re.compile(
    r"^(?:<!-- (?P<action>run|file|append|edit): (?P<where>\S.*?) -->\n)?"
    r"```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

ELLIPSIS = "…"
# Of a page's text.
COLUMNS = 120
ERROR_LINE = re.compile(r"(error|  why| hint|warning): ")
YAML_LINE = re.compile(r"\s*(?:- )?[\w-]+:(?= |$)")
TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
RUN_NAME = re.compile(r"kubectl-snapshot-[a-z2-7]{10}\b")


@dataclass(frozen=True)
class Block:
    """A fenced block. `where` is a file, or where to run it; empty without a comment."""

    page: str
    language: str
    where: str
    text: str
    action: str = "run"

    def __str__(self) -> str:
        return f"{self.page}: {self.text.splitlines()[0]}"


@dataclass(frozen=True)
class Command:
    """A shell command and its output on the page; None if the page shows no output."""

    line: str
    output: tuple[str, ...] | None


def read_page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def read_section(page: str, title: str) -> str:
    """Return a page's part under a heading of the second level."""
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def read_blocks(where: str = "", *languages: str) -> list[Block]:
    """Return the blocks of all pages that run there; without arguments, all blocks."""
    found = [
        Block(
            str(page.relative_to(ROOT)),
            m["language"],
            m["where"] or "",
            m["text"],
            m["action"] or "run",
        )
        for page in PAGES
        for m in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]
    return [
        block
        for block in merge_continued(found)
        if where in ("", block.where) and block.language in (languages or (block.language,))
    ]


def merge_continued(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks, each that continues another one appended to it."""
    merged: list[Block] = []
    for block in blocks:
        if not block.where.endswith(CONTINUED):
            merged.append(block)
            continue
        where = block.where[: -len(CONTINUED)]
        index = max(i for i, b in enumerate(merged) if (b.page, b.where) == (block.page, where))
        before = merged[index]
        assert before.language == block.language == "sh", f"{block} continues {before}"
        merged[index] = replace(before, text=before.text + block.text)
    return merged


def parse_commands(block: Block) -> list[Command]:
    """Return the commands of a block: every line of `sh`, those after `$ ` of `console`."""
    lines = block.text.splitlines()
    if block.language == "sh":
        return [Command(line, None) for line in lines if line]
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    ends = [*starts[1:], len(lines)]
    return [
        Command(lines[start][2:], tuple(lines[start + 1 : end])) for start, end in zip(starts, ends)
    ]


def run_block(
    block: Block, directory: Path, environment: Mapping[str, str], is_compared: bool = True
) -> str:
    """Run a block's commands in order; return its text with their current output.

    Fails if the page shows a different output, unless `is_compared` is False. The commands find
    docs/examples as in a checkout.
    """
    (directory / "docs").symlink_to(ROOT / "docs")
    text = []
    for command in parse_commands(block):
        done = subprocess.run(
            ["bash", "-c", command.line],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        printed = done.stdout.splitlines()
        if command.output is None:
            assert done.returncode == 0, f"{command.line} ended with {done.stdout}"
            text.append(command.line)
        else:
            text += [f"$ {command.line}", *refresh_output(command, printed)]
            if is_compared:
                compare_output(command, printed)
    validate_files(directory)
    return "".join(f"{line}\n" for line in text)


def compare_output(command: Command, printed: Sequence[str]) -> None:
    """Fail unless the output matches the page; values that differ between runs are ignored."""
    shown = [shorten(line) for line in command.output or ()]
    pattern = "\n".join(map(build_pattern, shown))
    text = "\n".join(map(shorten, printed))
    assert re.fullmatch(pattern, text), f"{command.line} printed\n{text}\n\nnot\n{shown}"


def refresh_output(command: Command, printed: Sequence[str]) -> list[str]:
    """Return the new output for a page: its lines updated, its ellipses kept.

    If the output has other lines, return all of it, truncated to the page's width.
    """
    shown = command.output or ()
    pattern = "\n".join(f"({build_pattern(shorten(line))})" for line in shown)
    text = "\n".join(map(shorten, printed))
    found = re.fullmatch(pattern, text)
    if found is None:
        return [
            line if len(line) <= COLUMNS else line[: COLUMNS - 1] + ELLIPSIS for line in printed
        ]
    starts = [text.count("\n", 0, found.start(number + 1)) for number in range(len(shown))]
    return [line if ELLIPSIS in line else printed[start] for line, start in zip(shown, starts)]


def replace_block(block: Block, text: str) -> None:
    """Replace the text of a block in its page."""
    if text == block.text:
        return
    page = read_page(block.page)
    assert page.count(block.text) == 1, f"{block.page} has this block more than once"
    (ROOT / block.page).write_text(page.replace(block.text, text), encoding="utf-8")


def build_pattern(line: str) -> str:
    """Return the regular expression of a line; an ellipsis matches any text, alone any lines."""
    return r".*(?:\n.*)*?" if line == ELLIPSIS else re.escape(line).replace(ELLIPSIS, ".*")


def shorten(line: str) -> str:
    """Return a line without values of run and cluster: of YAML, only the key."""
    line = TIME.sub("TIME", RUN_NAME.sub("kubectl-snapshot-RUN", line))
    key = None if ERROR_LINE.match(line) else YAML_LINE.match(line)
    return key[0] if key else line


def run_python(
    block: Block, directory: Path, command: Sequence[str], env: Mapping[str, str]
) -> str:
    """Run a block of Python; return its stdout, after validating every document it has written."""
    done = subprocess.run(
        [*command, "-c", block.text],
        cwd=directory,
        env={**env, "PYTHONWARNINGS": "error"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    validated = validate_files(directory)
    if done.stdout.startswith("{"):
        validate_document(done.stdout)
        validated += 1
    assert validated, "no document was written"
    return done.stdout


def validate_files(directory: Path) -> int:
    """Validate every document in a directory; return how many, but rules and roles."""
    files = [path for path in directory.iterdir() if path.suffix in (".json", ".yaml")]
    documents = [path for path in files if not path.name.startswith(("rules", "roles"))]
    for path in documents:
        validate_document(path.read_text(encoding="utf-8"))
    return len(documents)


def validate_document(text: str) -> None:
    validate(json.loads(render_json(parse_document(text))), build_checks(REGISTRY))


def read_links(page: Path) -> list[tuple[Path, str]]:
    """Return the targets of a page's relative links, each with its anchor or the empty text."""
    found = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            found.append(((page.parent / path) if path else page, anchor))
    return found


def read_anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def read_code_spans(text: str) -> set[str]:
    """Return the code spans outside of fenced blocks."""
    return set(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))
