"""The network configuration by time: the answers of AWS that a diagnosis reads, one row an element. Pure.

A row holds one element of one answer, such as one security group, from the reading that saw it first to the
reading that did not see it any more. An element that changes is another row, so a reading writes the changes
only. The row of the call itself has no element: it shows that the call was answered, or why it was denied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from connectors.inventory.call import Call
from connectors.inventory.rows import ForeignRow, pack, unpack

TIME = "$time"
"""The key of a JSON object that stands for a time of boto3's."""
_VOLATILE = frozenset({"AvailableIpAddressCount", "LatestRestorableTime"})
"""Fields that change without a change of the configuration."""


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """The answer of a call; `content` maps the names of its members to lists or single values.

    `error` is the code and message of a call that AWS refuses. `is_known` is False after another failure.
    `is_complete` is False if there is something that the answer does not show: after a denial or a failure.
    """

    content: Mapping[str, Any]
    error: str = ""
    is_known: bool = True
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One element of an answer, or with an empty `member` the call itself.

    `item` is the element as JSON text. `place` is its place in the list; -1 for a member that is no list.
    """

    account: str
    region: str
    service: str
    operation: str
    request: str
    member: str
    place: int
    item: str
    valid_from: int
    valid_to: int | None = None
    error: str = ""

    @property
    def call(self) -> Call:
        """The call of the answer."""
        return Call(self.service, self.operation, self.request)

    @property
    def content_id(self) -> str:
        """The digest of call and element: equal if nothing has changed."""
        text = "\0".join((self.operation, self.request, self.member, self.item, self.error))
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    @property
    def key(self) -> bytes:
        """The key of the row."""
        place = f"{self.account}|{self.region}|{self.service}.{self.operation}"
        return f"network|{place}|{self.content_id}|{self.valid_from}".encode()

    def encode(self) -> bytes:
        """Return the value of the row."""
        return pack({**asdict(self), "item": orjson.Fragment(self.item.encode() or b"null")})


def decode(value: bytes) -> NetworkRow:
    """Return a row. Raises `ForeignRow`."""
    content = unpack(value)
    try:
        item = content.pop("item")
        text = "" if not content["member"] else _text(item)
        row = NetworkRow(item=text, **content)
        valid_to = None if row.valid_to is None else int(row.valid_to)
        return replace(row, valid_from=int(row.valid_from), valid_to=valid_to, place=int(row.place))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ForeignRow(f"no row of the network configuration: {error!r}") from error


@dataclass(slots=True)
class OpenNetwork:
    """The open rows of an account and a Region, by content id."""

    account: str
    region: str
    rows: dict[str, NetworkRow] = field(default_factory=dict)

    def changes(
        self, at_s: int, answers: Mapping[Call, CallAnswer], *, is_whole: bool = True
    ) -> list[NetworkRow]:
        """Return the rows to write after a reading, and apply them.

        Rows of a call that failed, or was denied, stay open. Rows of a call that was not made are closed if
        the reading is whole and all calls to its service were answered.
        """
        complete: set[str] = set()
        if is_whole:
            complete = {call.service for call in (*answers, *(row.call for row in self.rows.values()))}
            complete -= {call.service for call, one in answers.items() if not one.is_complete}
        found: dict[str, NetworkRow] = {}
        for call, answer in answers.items():
            if answer.is_known:
                found |= {row.content_id: row for row in self._rows(call, answer, at_s)}
        closed = [
            row
            for content_id, row in self.rows.items()
            if content_id not in found and _is_over(row, answers.get(row.call), complete)
        ]
        opened = [row for content_id, row in found.items() if content_id not in self.rows]
        for row in closed:
            del self.rows[row.content_id]
        self.rows |= {row.content_id: row for row in opened}
        return [*(replace(row, valid_to=max(at_s, row.valid_from)) for row in closed), *opened]

    def _rows(self, call: Call, answer: CallAnswer, at_s: int) -> Iterable[NetworkRow]:
        own = NetworkRow(
            self.account, self.region, call.service, call.operation, call.request, "", -1, "", at_s
        )
        yield replace(own, error=answer.error)
        if answer.error:
            return
        for member, value in answer.content.items():
            if not isinstance(value, list):
                yield replace(own, member=member, item=_text(value))
                continue
            for place, item in enumerate(value):
                yield replace(own, member=member, place=place, item=_text(item))


def open_networks(rows: Iterable[NetworkRow]) -> dict[tuple[str, str], OpenNetwork]:
    """Return the open rows among rows of the topic, by account and Region."""
    found: dict[tuple[str, str], OpenNetwork] = {}
    for row in rows:
        if row.valid_to is None:
            place = row.account, row.region
            found.setdefault(place, OpenNetwork(*place)).rows[row.content_id] = row
    return found


class NetworkHistory:
    """The rows of the topic, any order, and the answers that were valid at a moment."""

    def __init__(self) -> None:
        self._rows: dict[bytes, NetworkRow] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Apply a message with a key of this family; a value of None deletes a row. Raises `ForeignRow`."""
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = decode(value)

    def places(self) -> list[tuple[str, str]]:
        """Return the accounts and Regions with rows, sorted."""
        return sorted({(row.account, row.region) for row in self._rows.values()})

    def begins_s(self, account: str, region: str) -> int | None:
        """Return the first moment with a known configuration, epoch seconds; None if there is none."""
        times = (
            row.valid_from for row in self._rows.values() if (row.account, row.region) == (account, region)
        )
        return min(times, default=None)

    def answers(self, account: str, region: str, at_s: int) -> dict[Call, CallAnswer]:
        """Return the answer of each call that was valid at a moment, with its elements in AWS's order."""
        valid = [
            row
            for row in self._rows.values()
            if (row.account, row.region) == (account, region)
            and row.valid_from <= at_s
            and (row.valid_to is None or at_s < row.valid_to)
        ]
        found = {row.call: CallAnswer({}, row.error) for row in valid if not row.member}
        contents: dict[Call, dict[str, Any]] = {call: {} for call in found}
        for row in sorted(valid, key=lambda row: (row.place, row.valid_from)):
            if row.member and row.call in found:
                item = _restored(orjson.loads(row.item))
                if row.place < 0:
                    contents[row.call][row.member] = item
                else:
                    contents[row.call].setdefault(row.member, []).append(item)
        return {call: replace(answer, content=contents[call]) for call, answer in found.items()}


def _is_over(row: NetworkRow, answer: CallAnswer | None, complete: set[str]) -> bool:
    """Return whether a row that was not found ends; `complete` are the services without a refused call."""
    if answer is None:
        return row.service in complete
    if not answer.is_known:
        return False
    return not answer.error or not row.member


def _text(item: Any) -> str:
    if isinstance(item, Mapping):
        item = {key: value for key, value in item.items() if key not in _VOLATILE}
    options = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SORT_KEYS
    return orjson.dumps(item, default=_time, option=options).decode()


def _time(value: Any) -> Any:
    return {TIME: value.isoformat()} if isinstance(value, datetime) else str(value)


def _restored(item: Any) -> Any:
    if isinstance(item, list):
        return [_restored(one) for one in item]
    if not isinstance(item, dict):
        return item
    if set(item) == {TIME}:
        return datetime.fromisoformat(item[TIME])
    return {key: _restored(value) for key, value in item.items()}
