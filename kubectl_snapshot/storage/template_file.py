"""The file of a user's template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubectl_snapshot.errors import InvalidRequest

if TYPE_CHECKING:
    from kubectl_snapshot.render.user_template import UserTemplate

MAX_TEMPLATE_BYTES = 1024 * 1024


def read_template(path: str) -> UserTemplate:
    """Return the template in a file, so that what is wrong with it ends no capture."""
    from kubectl_snapshot.clients.files.localfile import read_input
    from kubectl_snapshot.render.user_template import parse_template

    if not path:
        raise InvalidRequest("no template is named", hint="write -o template=FILE")
    if path.startswith(("http://", "https://")):
        name = path.rstrip("/").rpartition("/")[2]
        raise InvalidRequest(
            "templates are not fetched from the web",
            hint=f"look at what it does first: curl -fsSO {path}; then --template {name}",
        )
    content = read_input(path, MAX_TEMPLATE_BYTES)
    if len(content) > MAX_TEMPLATE_BYTES:
        raise InvalidRequest(f"{path} is no template", f"it has over {MAX_TEMPLATE_BYTES} bytes")
    try:
        return parse_template(content.decode(), path)
    except UnicodeDecodeError as e:
        raise InvalidRequest(f"{path} is no template", f"it is not UTF-8: {e.reason}") from e
