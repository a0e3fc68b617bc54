"""The accepted `Host` headers: loopback names, and the host of the public URL (`VPCFLOW_URL`). Pure.

The page on loopback has no login; the same-origin policy of the browser protects it. DNS rebinding
circumvents that policy: a foreign site resolves its own name to 127.0.0.1, and the browser treats both as one
origin. The request still has the foreign name in `Host`, so a foreign name is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
_SHOWN_CHARACTERS = 100


def refusal(headers: Sequence[str], public_url: str) -> str | None:
    """Return a sentence if a request with these `Host` headers is refused, None if it is served."""
    if len(headers) != 1:
        return f"the request has {len(headers)} Host headers; send exactly one"
    host = _host(headers[0])
    if host is not None and (_is_loopback(host) or host == _host(urlsplit(public_url).netloc)):
        return None
    return (
        f"this page does not answer to the host {headers[0][:_SHOWN_CHARACTERS]!r}:"
        " set VPCFLOW_URL to the URL of the page for its users"
    )


def _host(header: str) -> str | None:
    """Return the host of a `Host` header in lower case without the port; None if the header is malformed."""
    found = _HOST.fullmatch(header)
    if found is None:
        return None
    if found[1] is not None:
        return found[1].lower()
    return found[2].lower().removesuffix(".")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
