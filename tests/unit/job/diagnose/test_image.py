from __future__ import annotations

import pytest

from kubectl_snapshot import errors
from kubectl_snapshot.job.diagnose.image import diagnose_image

# As containerd 1.6 to 2.1 and CRI-O word them; `I` stands for the image.
WRAPPED = 'failed to pull and unpack image "I": failed to resolve reference "I": '


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("I: not found", errors.NotFound),
        ("reading manifest 1 in docker.io/x: manifest unknown", errors.NotFound),
        ("unexpected status code [manifests 1]: 401 Unauthorized", errors.Unauthorized),
        (
            "pull access denied, repository does not exist or may require authorization",
            errors.Unauthorized,
        ),
        (
            "unexpected status code [manifests 1]: 429 Too Many Requests",
            errors.RateLimitExceeded,
        ),
        ("toomanyrequests: You have reached your pull rate limit", errors.RateLimitExceeded),
        ("no match for platform in manifest: not found", errors.InvalidRequest),
        ("failed to do request: dial tcp: lookup x: no such host", errors.ServiceUnavailable),
        ("tls: failed to verify certificate: x509: unknown", errors.ServiceUnavailable),
        ("something that nobody knows", errors.NotFound),
    ],
)
def test_the_registrys_message_decides_the_error(
    words: str, kind: type[errors.SnapshotError]
) -> None:
    error = diagnose_image("ErrImagePull", (WRAPPED + words).replace("I:", "x/y:"), "x/y", "node2")
    assert type(error) is kind
    assert "x/y" in error.what


def test_the_cause_is_shown_without_containerds_prefix() -> None:
    error = diagnose_image(
        "ErrImagePull", f"rpc error: code = NotFound desc = {WRAPPED}gone", "I", "n"
    )
    assert error.why == "ErrImagePull: gone"


def test_phrases_in_the_images_name_are_ignored() -> None:
    image = "registry.example/unauthorized/toomanyrequests:1"
    error = diagnose_image("ErrImagePull", f"{image}: not found", image, "node2")
    assert type(error) is errors.NotFound


def test_an_unknown_message_claims_no_cause() -> None:
    error = diagnose_image("ErrImagePull", "the moon is full", "I", "node2")
    assert error.what == "node node2 cannot pull image I"


def test_an_invalid_reference_is_invalid_input() -> None:
    error = diagnose_image("InvalidImageName", "couldn't parse image name", "Not An Image", "n")
    assert isinstance(error, errors.InvalidRequest)
    assert "Not An Image" in error.what


def test_a_refused_pull_names_the_runs_pull_secrets() -> None:
    def hint(words: str, *secrets: str) -> str:
        return diagnose_image("ErrImagePull", words, "I", "node2", secrets).hint

    assert "`kubectl get secrets one two`" in hint("401 Unauthorized", "one", "two")
    assert "--image-pull-secret" in hint("401 Unauthorized")
    assert "get secrets" not in hint("manifest unknown", "one")


def test_a_full_disk_is_the_nodes() -> None:
    error = diagnose_image("ErrImagePull", "write /x: no space left on device", "I", "node2")
    assert isinstance(error, errors.ServiceUnavailable)
    assert error.what == "node node2 has no room for image I"
    assert "`kubectl describe node node2`" in error.hint
