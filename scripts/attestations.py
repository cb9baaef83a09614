"""What a release states about itself: SBOMs (CycloneDX, SPDX) and provenance (SLSA). Pure.

All of them are reproducible: they hold no clock, no serial number and no path of a machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

NAME = "kubectl-snapshot"
# The project has no public address: a purl (https://github.com/package-url/purl-spec) is a URI.
PROJECT = f"pkg:generic/{NAME}"
LICENCE = "Apache-2.0"
# SPDX demands a time (https://spdx.github.io/spdx-spec/v2.3, 6.9); it is that of all our archives.
CREATED = "1980-01-01T00:00:00Z"


def render(statement: Mapping[str, Any]) -> str:
    return json.dumps(statement, indent=2, sort_keys=True) + "\n"


def complete_cyclonedx(
    bom: dict[str, Any], version: str, digest: str, built_by: Mapping[str, str]
) -> dict[str, Any]:
    """Add the zipapp itself, and what built it, to the SBOM of its locked dependencies.

    Other versions format help or compress differently; verify-release reports them.
    """
    bom["metadata"]["component"] = {
        "bom-ref": NAME,
        "type": "application",
        "name": NAME,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": LICENCE}}],
    }
    properties = [{"name": f"{NAME}:{name}", "value": text} for name, text in built_by.items()]
    bom["metadata"].setdefault("properties", []).extend(properties)
    parts = sorted(component["bom-ref"] for component in bom["components"])
    bom["dependencies"].append({"ref": NAME, "dependsOn": parts})
    return bom


def build_spdx(bom: Mapping[str, Any], version: str, digest: str) -> dict[str, Any]:
    """Return the same SBOM as SPDX 2.3: the zipapp, and the packages it contains."""
    parts = sorted(bom["components"], key=lambda component: str(component["name"]).lower())
    contains = [
        {
            "spdxElementId": spdx_id(NAME),
            "relationshipType": "CONTAINS",
            "relatedSpdxElement": spdx_id(part["name"]),
        }
        for part in parts
    ]
    describes = {
        "spdxElementId": "SPDXRef-DOCUMENT",
        "relationshipType": "DESCRIBES",
        "relatedSpdxElement": spdx_id(NAME),
    }
    own = {
        **build_package(NAME, version, f"{PROJECT}@{version}"),
        "licenseDeclared": LICENCE,
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
    }
    others = [build_package(part["name"], part["version"], part["purl"]) for part in parts]
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "dataLicense": "CC0-1.0",
        "name": f"{NAME}-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/{NAME}-{version}-{digest}",
        "creationInfo": {"created": CREATED, "creators": [f"Tool: {NAME}-scripts-release"]},
        "packages": [own, *others],
        "relationships": [describes, *contains],
    }


def build_package(name: str, version: str, purl: str) -> dict[str, Any]:
    reference = {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": purl,
    }
    return {
        "SPDXID": spdx_id(name),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "externalRefs": [reference],
    }


def spdx_id(name: str) -> str:
    """Return an identifier of letters, digits, dots and hyphens."""
    return "SPDXRef-" + "".join(c if c.isalnum() or c in ".-" else "-" for c in name)


def build_provenance(
    digests: Mapping[str, str],
    parameters: Mapping[str, str],
    built_by: Mapping[str, str],
    materials: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Return an in-toto statement about files by name, with SLSA provenance.

    `materials` are digests of what the files were built from, by URI. Sources:
    https://github.com/in-toto/attestation (Statement v1), https://slsa.dev/spec/v1.0/provenance.
    """
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"sha256": digests[name]}} for name in sorted(digests)
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{PROJECT}#scripts/release",
                "externalParameters": dict(parameters),
                "internalParameters": dict(built_by),
                "resolvedDependencies": [
                    {"uri": uri, "digest": dict(digest)}
                    for uri, digest in sorted(materials.items())
                ],
            },
            "runDetails": {"builder": {"id": f"{PROJECT}#scripts/release"}},
        },
    }
