"""All cases, by subject; docs/kubeconfig.md lists them."""

from __future__ import annotations

from tests.kubectl_parity import (
    cases_credentials,
    cases_files,
    cases_network,
    cases_oidc,
    cases_plugins,
    cases_reported,
    cases_selection,
)
from tests.kubectl_parity.case import Case

SUBJECTS: dict[str, tuple[Case, ...]] = {
    "credentials of a user": cases_credentials.CASES,
    "credential plugins": cases_plugins.CASES,
    "OpenID Connect": cases_oidc.CASES,
    "cluster, user, namespace": cases_selection.CASES,
    "files and YAML": cases_files.CASES,
    "URL, TLS, proxy": cases_network.CASES,
    "after public bug reports": cases_reported.CASES,
}
CASES = tuple(case for cases in SUBJECTS.values() for case in cases)


def render_subjects() -> str:
    """Return the table of subjects with their cases, for the documentation."""
    rows = [
        f"| {subject} | {len(cases)} | {', '.join(f'`{case.name}`' for case in cases)} |"
        for subject, cases in SUBJECTS.items()
    ]
    return "\n".join(["", "| subject | cases | names |", "| --- | --- | --- |", *rows, ""])


def render_differences() -> str:
    """Return the list of intended differences, for the documentation."""
    reasons: dict[str, list[str]] = {}
    for case in CASES:
        if case.difference:
            reasons.setdefault(case.difference, []).append(f"`{case.name}`")
    rows = [f"| {reason} | {', '.join(names)} |" for reason, names in reasons.items()]
    return "\n".join(["", "| difference and reason | cases |", "| --- | --- |", *rows, ""])
