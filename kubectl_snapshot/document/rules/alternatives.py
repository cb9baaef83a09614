"""Expressions of several terms: `>= 1.34.3-gke.1318000 < 1.35 || >= 1.35.1`. Pure.

A reading satisfies one if all terms of an alternative hold, as in AICR's pkg/constraints after
v0.18.
"""

from __future__ import annotations

import re

from kubectl_snapshot.errors import InvalidRequest

OR = "||"
# A term begins where an operator follows a blank: `quiet splash` is one.
TERM = re.compile(r"[ \t]+(?=[<>=!])")
# Another spelling of `==`; `=>` is no operator.
LONE_EQUAL = re.compile(r"=(?![=~<>!])")


def split_terms(text: str) -> list[list[str]]:
    """Return the alternatives of an expression, each a list of terms; one of one term is usual.

    Raises InvalidRequest for an empty alternative.
    """
    alternatives = [part.strip() for part in text.split(OR)]
    if len(alternatives) > 1 and not all(alternatives):
        raise InvalidRequest(
            f"the constraint {text.strip()!r} has an empty alternative",
            hint=f"write it as '>= 1.34 < 1.35 {OR} >= 1.36'",
        )
    return [[_respell(term) for term in TERM.split(part)] for part in alternatives]


def _respell(term: str) -> str:
    return f"={term}" if LONE_EQUAL.match(term) else term
