"""Which host names the page answers to: loopback's, and that of its public URL (`VPCFLOW_URL`).

A page on loopback has no login, so its browser is the guard: other origins cannot read it. DNS rebinding
passes that guard: a foreign site gives its own name the address 127.0.0.1, and the browser then takes both
for one origin. The request still carries the foreign name in `Host`, so any name that is not ours is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
_SHOWN_CHARACTERS = 100


def refusal(headers: Sequence[str], public_url: str) -> str | None:
    """Return why a request with these `Host` headers is refused, in one sentence; None if it is served."""
    if len(headers) != 1:
        return f"a request needs one Host header; this one has {len(headers)}"
    host = _host(headers[0])
    if host is not None and (_is_loopback(host) or host == _host(urlsplit(public_url).netloc)):
        return None
    return (
        f"this page does not answer to the host {headers[0][:_SHOWN_CHARACTERS]!r}:"
        " set VPCFLOW_URL to the URL at which people reach it"
    )


def _host(header: str) -> str | None:
    """Return the host of a `Host` header, in lower case and without port; None if it is malformed."""
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
