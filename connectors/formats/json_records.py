"""JSON in a record: envelopes of CloudWatch Logs, Firehose's messages, and rows. Pure.

Values may be pretty-printed and follow each other with or without separators, and rows may be in arrays.
Other JSON is refused with the name of its shape, so that `dead` names the input.
Source: CloudWatch Logs guide, "Log group-level subscription filters"; Firehose guide, "Message extraction".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from connectors.formats.json_rows import count_known, row_line
from connectors.formats.texts import Refused, Text, Unwrapped, gathered, joined, plain

BROKEN = "broken JSON"
NO_MESSAGES = "an envelope without messages"
TOO_MANY = "JSON of too many values"
AMONG_LINES = "JSON among lines"
CUT_OFF_BYTES = 1 << 20
"""Below this size the number of values does not matter."""
VALUE_MIN_BYTES = 6
"""Bytes for each value that larger JSON has at least: `{},` of three bytes costs a hundred in memory."""

_ACCOUNT = re.compile("[0-9]{12}")
_LOG_GROUP_MAX = 512  # characters of a name (CreateLogGroup)
_BEGINS = re.compile(rb'\s*(?:\{|\[\s*(?:[\[{"\]\-0-9]|true|false|null))')
_SCALAR = re.compile(rb'\s*(?:".*"|true|false|null)\s*', re.DOTALL)
_SPACE = re.compile(r"\s*")
_USUAL = b'{"messageType":"DATA_MESSAGE"'
_SCANNER = json.JSONDecoder()
_FEW_KNOWN = 2
_BY_KEY = {
    "messageType": "CloudWatch Logs message of an unknown type",
    "awslogs": "Lambda event of CloudWatch Logs",
    "logEvents": "CloudWatch Logs events without a messageType",
    "detail-type": "EventBridge event",
    "class_uid": "OCSF event",
    "Records": "JSON object with Records, as of CloudTrail or S3",
    "records": "JSON object with records, as of Firehose",
    "message": "JSON object whose message is not text",
}
_BY_TYPE = {
    list: "JSON array",
    str: "JSON string",
    int: "JSON number",
    float: "JSON number",
    bool: "JSON boolean",
}


def is_json(text: bytes) -> bool:
    """Return whether a text begins as JSON does; it may be invalid JSON."""
    return bool(_BEGINS.match(text)) or (bool(_SCALAR.fullmatch(text)) and _load(text) is not _NOTHING)


def read_json(text: bytes) -> Unwrapped:
    """Return the content of JSON text. Raises `Refused`."""
    found = [_value(value) for value in _values(text)]
    return found[0] if len(found) == 1 else joined(found)


def usual_envelope(text: bytes) -> Unwrapped | None:
    """Return the content of an envelope with flow-log lines only, as CloudWatch Logs writes it; else None.

    A short way for most records. For every text, the result is None or that of the general way: JSON that
    begins like this is no UTF-16, base64 or binary data, and orjson refuses NUL.
    """
    if not text.startswith(_USUAL) or len(text) > CUT_OFF_BYTES:
        return None
    try:
        value = orjson.loads(text)
        lines = "\n".join([event["message"] for event in value["logEvents"]])
        if value["messageType"] != "DATA_MESSAGE" or "{" in lines:
            return None
        return Unwrapped(plain(lines.encode(), *_log_group(value)))
    except (orjson.JSONDecodeError, KeyError, TypeError, UnicodeEncodeError):
        return None


def line_shape(line: bytes) -> str:
    """Return the reason to refuse a line that is JSON; empty for other lines."""
    if not is_json(line):
        return ""
    try:
        read_json(line)
    except Refused as why:
        return str(why)
    return AMONG_LINES


_NOTHING = object()


def _load(text: bytes | str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _NOTHING


def _values(text: bytes) -> Iterator[Any]:
    """Yield values that follow each other; objects and arrays of the outermost level only."""
    if len(text) > CUT_OFF_BYTES:
        count = text.count(b",") + text.count(b"{") + text.count(b"[")
        if count * VALUE_MIN_BYTES > len(text):
            raise Refused(TOO_MANY)
    whole = _load(text)
    if whole is not _NOTHING:
        yield whole
        return
    try:
        characters = text.decode()
    except UnicodeDecodeError as error:
        raise Refused(BROKEN) from error
    at = _skip(characters, 0)
    while at < len(characters):
        end = _end(characters, at)
        value = _load(characters[at:end])
        if value is _NOTHING:
            raise Refused(BROKEN)
        yield value
        at = _skip(characters, end)


def _skip(text: str, at: int) -> int:
    """Return the offset of the next value, after spaces and byte order marks."""
    while (end := _SPACE.match(text, at).end()) < len(text) and text[end] == "\ufeff":  # type: ignore[union-attr]
        at = end + 1
    return end


def _end(text: str, at: int) -> int:
    """Return the end of the value at `at`. orjson does not return it, so the standard library parses."""
    if text[at] not in "{[":
        raise Refused(BROKEN)
    try:
        return _SCANNER.raw_decode(text, at)[1]
    except (ValueError, RecursionError) as error:
        raise Refused(BROKEN) from error


def _value(value: Any) -> Unwrapped:
    if isinstance(value, list) and value:
        if not all(isinstance(one, dict) for one in value):
            raise Refused(_shape(value))
        return joined(_value(one) for one in value)
    if not isinstance(value, dict):
        raise Refused(_shape(value))
    kind = value.get("messageType")
    if kind == "CONTROL_MESSAGE":
        return Unwrapped(control=1)
    if kind == "DATA_MESSAGE":
        return _envelope(value)
    if kind is None and (found := row_line(value)):
        return Unwrapped((Text(found[1].encode(), found[0]),))
    if kind is None and isinstance(value.get("message"), (str, dict)):
        return _messages([value["message"]])
    raise Refused(_shape(value))


def _envelope(value: dict[str, Any]) -> Unwrapped:
    try:
        messages = [event["message"] for event in value["logEvents"]]
    except (KeyError, TypeError) as error:
        raise Refused(NO_MESSAGES) from error
    return _messages(messages, *_log_group(value))


def _messages(messages: list[Any], account: str = "", log_group: str = "") -> Unwrapped:
    """Return the lines and rows of events; an event with other JSON is refused alone."""
    try:
        text = "\n".join(messages)
        if "{" not in text:  # The usual case: no line of a flow log has a brace.
            return Unwrapped(plain(text.encode(), account, log_group))
    except TypeError as error:
        if not all(isinstance(message, (str, dict)) for message in messages):
            raise Refused(NO_MESSAGES) from error
    except UnicodeEncodeError as error:
        raise Refused(BROKEN) from error
    lines: list[bytes] = []
    rows: list[Text] = []
    refused: list[tuple[int, str, bytes]] = []
    for number, message in enumerate(messages):
        data = message.encode() if isinstance(message, str) else orjson.dumps(message)
        if not _BEGINS.match(data):
            lines.append(data)
            continue
        try:
            rows += _rows(data, account, log_group)
        except Refused as why:
            refused.append((number, str(why), data))
    # All lines together, because a header also applies to those after a row.
    texts = plain(b"\n".join(lines), account, log_group) if lines else ()
    return Unwrapped(gathered([*texts, *rows]), refused_parts=tuple(refused))


def _rows(text: bytes, account: str, log_group: str) -> list[Text]:
    rows: list[Text] = []
    for value in _values(text):
        rows += [_row(one, account, log_group) for one in (value if isinstance(value, list) else [value])]
    return rows


def _row(value: Any, account: str, log_group: str) -> Text:
    found = row_line(value) if isinstance(value, dict) else None
    if found is None:
        raise Refused(_shape(value))
    return Text(found[1].encode(), found[0], account, log_group)


def _log_group(value: dict[str, Any]) -> tuple[str, str]:
    """Return account and log group if AWS may have written them: both become headers on Kafka."""
    owner, name = value.get("owner"), value.get("logGroup")
    if not isinstance(name, str) or not 0 < len(name) <= _LOG_GROUP_MAX:
        return "", ""
    return (owner if isinstance(owner, str) and _ACCOUNT.fullmatch(owner) else ""), name


def _shape(value: Any) -> str:
    """Return the name of a value without a flow log: one of a few, so that they can be counted."""
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return "JSON array of strings"
    if not isinstance(value, dict):
        return _BY_TYPE.get(type(value), "JSON null")
    if value.get("messageType") in ("DATA_MESSAGE", "CONTROL_MESSAGE"):
        return "CloudWatch Logs envelope within a message"
    if not value:
        return "empty JSON object"
    for key, name in _BY_KEY.items():
        if key in value:
            return name
    is_row = count_known(value) > _FEW_KNOWN
    return "JSON row without start or interface-id" if is_row else "JSON object that is not a flow log"
