"""What collectors declare about their subtypes, as data for schema, redaction and diff. Pure.

A collector declares its subtypes beside the code that reads them; collectors/all_collectors builds
the registry. Patterns of keys have `*` for any run of characters. Records are named tuples: a start
pays for each class, and a dataclass costs more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.constants import STANDARD
from kubectl_snapshot.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Types of values, as JSON Schema names them.
STRING, INTEGER, BOOLEAN = "string", "integer", "boolean"
EVERY_KEY = ("*",)
# What a key means that a subtype of status `ok` does not have; see SubtypeSpec.missing.
MISTAKE, UNSET, FALSE = "mistake", "unset", "false"


class IgnoredKey(NamedTuple):
    """Keys whose differences `diff` ignores, and why.

    With `form`, values are compared by the result of that function: a DHCP address differs from a
    static one.
    """

    key: str
    reason: str
    form: Callable[[str], str] | None = None


# Ranks of changes, the most telling first; all other changes follow.
MISSING, HEALTH, STOPPED, VERSION = 1, 2, 3, 4


class TellingKeys(NamedTuple):
    """Keys whose changes have a rank; `""` is the subtype as a whole."""

    rank: int
    keys: tuple[str, ...]


class Normalizer(NamedTuple):
    """How `diff` rewrites the texts at some keys before it compares them, and why."""

    keys: tuple[str, ...]
    apply: Callable[[str], str]
    reason: str


class SubtypeSpec(NamedTuple):
    """One subtype, or all subtypes of a pattern such as `gpu-*`.

    `values` is the type of its values, empty for any scalar; `key_types` has the exceptions.
    docs/format.md has `sources` (where a key is read) and `description`, in Markdown; a subtype
    without a description has a section written by hand. The other fields:

    `public`: keys of readings that hold no credentials. All others are searched.
    `keys_are_names`: a key names what its value is, so that `password` means a credential.
    `keys_are_words`: keys and values are words of one line; a key may be part of a secret.
    `volatile`: keys that change while nobody changes a setting.
    `identity`: keys that differ between any two nodes.
    `names_node`: keys of settings that may contain the node's own name or address.
    `ignored_context`: context keys that repeat what `data` says.
    `lists_nodes`: values end in `|node,node`.
    `full_values`: the prefix of context keys that have the whole of a shortened value, by its key.
    `repeats`: keys that repeat another reading, and its path; `diff` reports the other.
    `telling`: keys whose changes `diff` reports first.
    `keys`: patterns of every key, if they are the collector's own words; a document may lack some.
    `missing`: the meaning of a key that the data lack: MISTAKE, the path is wrong; UNSET, all names
    are listed and this one is unused; FALSE, an unlisted name has this value.
    `profile`: the first of the PROFILES that collects it.
    """

    name: str
    description: str = ""
    values: str = ""
    key_types: Mapping[str, str] = {}
    sources: Mapping[str, str] = {}
    public: tuple[str, ...] = ()
    keys_are_names: bool = True
    keys_are_words: bool = False
    volatile: tuple[IgnoredKey, ...] = ()
    identity: tuple[IgnoredKey, ...] = ()
    normalizers: tuple[Normalizer, ...] = ()
    names_node: tuple[str, ...] = ()
    ignored_context: tuple[str, ...] = ()
    lists_nodes: bool = False
    full_values: str = ""
    repeats: Mapping[str, str] = {}
    telling: tuple[TellingKeys, ...] = ()
    keys: tuple[str, ...] = ()
    missing: str = MISTAKE
    profile: str = STANDARD

    @property
    def is_pattern(self) -> bool:
        """Return whether this is declared for any number of subtypes."""
        return "*" in self.name


class Parts(NamedTuple):
    """Numbered keys `<prefix><n>.<key>` of a device, each a part such as a MIG device.

    `diff` matches parts by the first of `identities`, keys that one part has, then by number.
    """

    prefix: str
    identities: tuple[tuple[str, ...], ...]
    describe_by: tuple[str, ...]


class Devices(NamedTuple):
    """Numbered subtypes `<prefix><n>`, each a device that may have another number next time.

    `diff` matches them by the first of `identities` that both documents have, pairs of a key in
    `data` and a key in `context`, then by the key `position`, then in order. `counts` are subtype
    and key where devices are counted, the first by the driver; `describe_by` are the keys that
    describe one; keys of subtype `links` are unordered pairs `<id>/<id>` of the first identity.
    """

    prefix: str
    state_suffix: str
    identities: tuple[tuple[str, str], ...]
    describe_by: tuple[str, ...]
    counts: tuple[tuple[str, str], ...]
    links: str
    position: str
    parts: Parts


class MeasurementSpec(NamedTuple):
    """One measurement type and its subtypes, in the document's order."""

    type: str
    subtypes: tuple[SubtypeSpec, ...]
    devices: Devices | None = None


# All measurement types, in the document's order.
Registry = tuple[MeasurementSpec, ...]
