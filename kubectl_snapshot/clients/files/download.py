"""Read a document from an HTTP server: bounded, without credentials, and from that server only."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kubectl_snapshot.errors import InvalidRequest, NotFound, ServiceUnavailable, Timeout

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from typing import IO

TIMEOUT_S = 30.0
CHUNK_BYTES = 65_536


def download(url: str, limit_bytes: int) -> bytes:
    """Return what a URL has, at most one byte more than the limit, within 30 seconds.

    Raises InvalidRequest for a URL with a login, NotFound (404), Timeout or ServiceUnavailable.
    """
    if urlsplit(url).username is not None:
        raise InvalidRequest(
            "a URL of a snapshot must not have a login", hint="download it: curl -fsS URL | … -"
        )
    deadline = time.monotonic() + TIMEOUT_S
    try:
        with urllib.request.build_opener(_SameHost).open(url, timeout=TIMEOUT_S) as response:
            return _read(response, limit_bytes, deadline)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            raise NotFound(f"{url} not found") from error
        raise ServiceUnavailable(f"cannot read {url}", f"{error.code} {error.reason}") from error
    except TimeoutError as error:
        raise Timeout(f"cannot read {url}", f"no answer within {TIMEOUT_S:.0f} s") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise Timeout(f"cannot read {url}", f"no answer within {TIMEOUT_S:.0f} s") from error
        raise ServiceUnavailable(f"cannot read {url}", str(error.reason)) from error
    except (OSError, ValueError) as error:
        raise ServiceUnavailable(f"cannot read {url}", str(error)) from error


def _read(response: Any, limit_bytes: int, deadline: float) -> bytes:
    content = bytearray()
    while len(content) <= limit_bytes:
        chunk = response.read1(CHUNK_BYTES)
        if not chunk:
            return bytes(content)
        if time.monotonic() > deadline:
            raise TimeoutError
        content += chunk
    return bytes(content[: limit_bytes + 1])


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follow redirects to the same host only, and never from HTTPS to HTTP."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        is_same = before.hostname == after.hostname and (before.scheme, after.scheme) != (
            "https",
            "http",
        )
        if not is_same:
            fp.close()
            raise urllib.error.URLError(f"it redirects to {newurl}: use that URL")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
