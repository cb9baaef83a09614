"""Documents for property tests: any text, and above all the texts that YAML readers mistake."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from kubectl_snapshot.document.codec.build import build_tree
from kubectl_snapshot.document.snapshot import Item, Measurement, Snapshot, Subtype

# No deadline: the machine that runs the tests may be busy. A whole document costs as much to make
# as many texts do.
PROPERTY = settings(deadline=None, max_examples=200)
DOCUMENT_PROPERTY = settings(deadline=None, max_examples=50)

MISTAKEN_WORDS = """
~ null Null NULL true True TRUE false False FALSE << = - ? : --- ...
y Y yes Yes YES on On ON n N no No NO off Off OFF .inf -.Inf +.INF .nan .NaN
0 -0 +1 08 017 0o17 0x1F 0x_ 0b_ 0b101 -0b1 1_000 18446744073709551615
1.34 24.10 1e3 1e400 1. .5 +.5 -.5_ 1:30 12:30:45 190:20:30.5
2025-01-15 2025-1-5 2025-01-15T10:00:00Z
{} [] '' "" @a %a `a |a >a !a &a *a #a a: "q
"""
WORDS = MISTAKEN_WORDS.split()
SENTENCES = (
    *(
        "",
        " ",
        " a",
        "a ",
        "- a",
        "? a",
        ": a",
        "a: b",
        "a #b",
        "a\tb",
        "a\nb",
        "a\r\n",
        "a:",
        "--- a",
    ),
    *(
        "2025-01-15 10:00:00",
        "a#b",
        "a:b",
        ":a",
        "[a b c]",
        "map[a:1]",
        '{"a":"<&>"}',
        "it's",
        '"q"',
        "\\",
        "C:\\x\\",
    ),
    *("\x00", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff"),
    *("é", "日本", "\U0001f600", "\U0010ffff", "k" * 1100, "日" * 1100, "\x01" * 400),
)
MISTAKEN = st.sampled_from((*WORDS, *SENTENCES))
NUMBER_LIKE = st.text("0123456789abefxoEX_.+-: TZ", max_size=12)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TEXTS = MISTAKEN | NUMBER_LIKE | ANY_TEXT

INTEGERS = st.integers(-(2**63), 2**64 - 1)
# Adding 0 makes -0.0 a plain 0: its sign is lost where 0 is read as an integer.
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
READINGS = TEXTS | INTEGERS | FLOATS | st.booleans()

ITEMS = st.builds(
    Item,
    st.dictionaries(TEXTS, TEXTS, max_size=2),
    st.dictionaries(TEXTS, READINGS, max_size=2),
)
SUBTYPES = st.builds(
    Subtype,
    TEXTS,
    st.dictionaries(TEXTS, READINGS, max_size=6),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
    st.lists(ITEMS, max_size=2).map(tuple),
)
DIMENSIONS = st.builds(Subtype, TEXTS, st.dictionaries(TEXTS, READINGS, max_size=2))
FINGERPRINTS = st.lists(DIMENSIONS, max_size=2, unique_by=lambda subtype: subtype.name)
MEASUREMENTS = st.builds(Measurement, TEXTS, st.lists(SUBTYPES, max_size=3).map(tuple))
# A reader takes `source` for `source-node`, which is its own test.
METADATA = st.dictionaries(TEXTS.filter(lambda key: key != "source"), TEXTS, max_size=4)
SNAPSHOTS = st.builds(
    Snapshot,
    METADATA,
    st.lists(MEASUREMENTS, max_size=3).map(tuple),
    TEXTS,
    TEXTS,
    FINGERPRINTS.map(tuple),
)


def typed(value: object) -> object:
    """Return a document or a part of it in which true and 1 differ; 2.0 and 2 are one number."""
    if isinstance(value, Snapshot):
        return typed(build_tree(value))
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return isinstance(value, bool), value
