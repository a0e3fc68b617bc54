"""EC2's Query protocol: form parameters with numbered names such as `Name.1.Key`, and XML answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from emulator.flowlogs.api.errors import Refused
from emulator.http.messages import Incoming, Outgoing

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"

Xml = str | int | bool | Sequence["Xml"] | Mapping[str, "Xml"]
"""A text, a number, a flag, the items of a set, or elements by name. Empty texts are omitted."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The form parameters of one request."""

    values: Mapping[str, str]

    @classmethod
    def read(cls, request: Incoming) -> Parameters:
        """Parse the parameters in a request's body and query string."""
        query = request.target.partition("?")[2]
        pairs = [
            *parse_qsl(query, keep_blank_values=True),
            *parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True),
        ]
        return cls(dict(pairs))

    def text(self, name: str) -> str:
        """Return a text parameter, or an empty string if it is absent."""
        return self.values.get(name, "")

    def flag(self, name: str) -> bool:
        """Return a Boolean parameter. If it is absent, return False."""
        return self.values.get(name, "").lower() == "true"

    def texts(self, name: str) -> list[str]:
        """Return the texts `name.1`, `name.2`, … in the order of their numbers."""
        return [self.values[f"{name}.{number}"] for number in self._numbers(name)]

    def structures(self, name: str) -> list[Parameters]:
        """Return the structures `name.1.…`, `name.2.…`."""
        return [self.structure(f"{name}.{number}") for number in self._numbers(name)]

    def structure(self, name: str) -> Parameters:
        """Return the parameters with the prefix `name.`, without it. The result may be empty."""
        prefix = f"{name}."
        return Parameters(
            {key.removeprefix(prefix): value for key, value in self.values.items() if key.startswith(prefix)}
        )

    def __bool__(self) -> bool:
        return bool(self.values)

    def _numbers(self, name: str) -> list[int]:
        rest = (key.removeprefix(f"{name}.") for key in self.values if key.startswith(f"{name}."))
        firsts = {one.partition(".")[0] for one in rest}
        return sorted(int(one) for one in firsts if one.isascii() and one.isdecimal())


def answer(action: str, request_id: str, elements: Mapping[str, Xml]) -> Outgoing:
    """Return the response of a call."""
    body = "".join(_element(name, value) for name, value in {"requestId": request_id, **elements}.items())
    return _xml(200, f'<{action}Response xmlns="{NAMESPACE}">{body}</{action}Response>')


def refusal(refused: Refused, request_id: str) -> Outgoing:
    """Return an error response in EC2's format."""
    error = f"<Error><Code>{escape(refused.code)}</Code><Message>{escape(refused.message)}</Message></Error>"
    body = f"<Response><Errors>{error}</Errors><RequestID>{request_id}</RequestID></Response>"
    return _xml(refused.status, body)


def time(epoch_ms: int) -> str:
    """Return a time in EC2's format, such as `2026-01-02T03:04:05.678Z`."""
    shown = datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")


def tag_set(tags: Mapping[str, str]) -> Sequence[Xml]:
    """Return tags as the items of a set."""
    return [{"key": key, "value": Kept(value)} for key, value in tags.items()]


class Kept(str):
    """A text that is written even if it is empty."""

    __slots__ = ()


def _element(name: str, value: Xml) -> str:
    if isinstance(value, bool):
        return f"<{name}>{str(value).lower()}</{name}>"
    if isinstance(value, str):
        return f"<{name}>{escape(value)}</{name}>" if value or isinstance(value, Kept) else ""
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    if isinstance(value, Mapping):
        return f"<{name}>{_elements(value.items())}</{name}>" if value else ""
    return f"<{name}>{''.join(_element('item', one) for one in value)}</{name}>"


def _elements(pairs: Iterable[tuple[str, Xml]]) -> str:
    return "".join(_element(name, value) for name, value in pairs)


def _xml(status: int, text: str) -> Outgoing:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return Outgoing(status, {"Content-Type": "text/xml;charset=UTF-8"}, body)
