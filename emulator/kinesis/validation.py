"""Checks a request against its shape, and says what is wrong in AWS's exact words.

Two passes, as AWS does it: first every value must be of its type (`SerializationException`, the first
wrong one only), then within its limits (`ValidationException`, at most ten sentences at once).
A null is an absence. The sentences are kinesalite's, whose suite compared them with the service's.

A record of `PutRecords` is looked at by `is_plain_record` first, because five hundred of them make a
request: what it lets pass needs no second look, save for its base64, which `put_records` decodes anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import cast

import pybase64

from emulator.kinesis.errors import Refused, serialization, validation
from emulator.kinesis.shapes import PARTITION_KEY, RECORDS_ENTRY, Member
from emulator.kinesis.wire import Request

MAX_SENTENCES = 10
_MAX_INTEGER = 2**31 - 1
_JAVA_BOOLEAN = "class java.lang.Boolean"
_JAVA_STRING = "class java.lang.String"
_JAVA_NUMBER = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
_NOT_LIST = "Start of list found where not expected"
_NOT_STRUCTURE = "Start of structure or map found where not expected."
_PARTITION_KEY_MOST = cast("int", PARTITION_KEY.most)


def check(request: Request, shape: Sequence[Member]) -> None:
    """Refuse a request that is not of this shape. Integers are truncated in place, as AWS does."""
    for member in shape:
        _check_type(request, member)
    sentences: list[str] = []
    for sentence in _complaints(request, shape, ""):
        sentences.append(sentence)
        if len(sentences) == MAX_SENTENCES:
            break
    if sentences:
        raise validation(sentences)


def is_plain_record(entry: object) -> bool:
    """Say whether an entry of `PutRecords` has a good partition key, some text as data, and no more."""
    if type(entry) is not dict or len(entry) != 2:
        return False
    key = entry.get("PartitionKey")
    return type(key) is str and 0 < len(key) <= _PARTITION_KEY_MOST and type(entry.get("Data")) is str


def not_base64(text: str) -> Refused:
    """Return the refusal of a blob that is not base64, with AWS's reason."""
    start = f"'{text}' can not be converted to a Blob: "
    if len(text) % 4:
        return serialization(
            f"{start}Base64 encoded length is expected a multiple of 4 bytes but found: {len(text)}"
        )
    wrong = re.search(r"[^a-zA-Z0-9+/=]|=[^=]", text)
    if wrong:
        return serialization(f"{start}Invalid Base64 character: '{wrong.group()[0]}'")
    return serialization(f"{start}Invalid last non-pad Base64 character dectected")  # AWS's spelling


def _check_type(parent: Request, member: Member) -> None:
    value = parent.get(member.name)
    if value is None:
        parent.pop(member.name, None)
        return
    match member.kind:
        case "String" | "Blob":
            _check_text(value, member)
        case "Integer":
            _refuse_unless_number(value, "can not be converted to an Integer")
            parent[member.name] = int(max(-_MAX_INTEGER, min(cast("float", value), _MAX_INTEGER)))
        case "Timestamp":
            _refuse_unless_number(value, "can not be converted to milliseconds since epoch")
        case "Boolean":
            _check_boolean(value)
        case "List":
            _check_list(value, member)
        case "Map":
            _check_map(value, member)
        case "Structure":
            _check_structure(value, member)


def _check_text(value: object, member: Member) -> None:
    article = "a" if member.kind == "Blob" else "an"
    if isinstance(value, bool):
        raise serialization(f"{_JAVA_BOOLEAN} can not be converted to {article} {member.kind}")
    if isinstance(value, int | float):
        raise serialization(f"{_JAVA_NUMBER} can not be converted to {article} {member.kind}")
    _refuse_containers(value)
    if member.kind == "Blob":
        text = cast("str", value)
        try:
            pybase64.b64decode(text, validate=True)
        except ValueError:
            raise not_base64(text) from None


def _check_boolean(value: object) -> None:
    _refuse_containers(value)
    if isinstance(value, str):
        raise serialization(f"'{value.upper()}' can not be converted to an Boolean")
    if not isinstance(value, bool):
        raise serialization(f"{_JAVA_NUMBER} can not be converted to an Boolean")


def _check_list(value: object, member: Member) -> None:
    if isinstance(value, dict):
        raise serialization(_NOT_STRUCTURE)
    if not isinstance(value, list):
        raise serialization("Expected list or null")
    element = member.members[0]
    for item in value:
        if element is RECORDS_ENTRY and is_plain_record(item):
            continue
        _check_type({element.name: item}, element)


def _check_map(value: object, member: Member) -> None:
    if isinstance(value, list):
        raise serialization(_NOT_LIST)
    if not isinstance(value, dict):
        raise serialization("Expected map or null")
    for item in value.values():
        _check_type({member.members[0].name: item}, member.members[0])


def _check_structure(value: object, member: Member) -> None:
    if isinstance(value, list):
        raise serialization(_NOT_LIST)
    if not isinstance(value, dict):
        raise serialization("Expected null")
    for inner in member.members:
        _check_type(value, inner)


def _refuse_unless_number(value: object, sentence: str) -> None:
    _refuse_containers(value)
    if isinstance(value, bool):
        raise serialization(f"{_JAVA_BOOLEAN} {sentence}")
    if isinstance(value, str):
        raise serialization(f"{_JAVA_STRING} {sentence}")


def _refuse_containers(value: object) -> None:
    if isinstance(value, list):
        raise serialization(_NOT_LIST)
    if isinstance(value, dict):
        raise serialization(_NOT_STRUCTURE)


def _complaints(values: Request, shape: Sequence[Member], path: str) -> Iterator[str]:
    for member in shape:
        where = path + member.name[0].lower() + member.name[1:]
        yield from _complaints_of(values.get(member.name), member, where)


def _complaints_of(value: object, member: Member, where: str) -> Iterator[str]:
    if value is None:
        if member.required:
            yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"
        return
    for rule in _broken_rules(value, member):
        shown = _shown(value, member)
        yield f"Value '{shown}' at '{where}' failed to satisfy constraint: Member must {rule}"
    if member.kind == "Structure":
        yield from _complaints(cast("Request", value), member.members, where + ".")
    elif member.kind == "List":
        element = member.members[0]
        for number, item in enumerate(cast("list[object]", value), 1):
            if not (element is RECORDS_ENTRY and is_plain_record(item)):
                yield from _complaints_of(item, element, f"{where}.{number}.member")
    elif member.kind == "Map":
        for key, item in cast("Request", value).items():
            yield from _complaints_of(item, member.members[0], f"{where}.{key}.member")


def _broken_rules(value: object, member: Member) -> Iterator[str]:
    if member.pattern and not _compiled(member.pattern).fullmatch(cast("str", value)):
        yield f"satisfy regular expression pattern: {member.pattern}"
    if member.one_of and value not in member.one_of:
        yield f"satisfy enum value set: [{', '.join(member.one_of)}]"
    if member.least is None and member.most is None:
        return
    size = _size(value, member)
    measure = "value" if member.kind == "Integer" else "length"
    if member.least is not None and size < member.least:
        yield f"have {measure} greater than or equal to {member.least}"
    if member.most is not None and size > member.most:
        yield f"have {measure} less than or equal to {member.most}"


def _size(value: object, member: Member) -> int:
    if member.kind == "Integer":
        return cast("int", value)
    if member.kind == "Blob":
        return blob_bytes(cast("str", value))
    return len(cast("str | list[object] | Request", value))


def blob_bytes(text: str) -> int:
    """Return the size of what good base64 stands for."""
    return len(text) // 4 * 3 - text.endswith("=") - text.endswith("==")


def shown_blob(size: int) -> str:
    """Return a blob of that size as AWS's sentences show it: as Java prints a buffer."""
    return f"java.nio.HeapByteBuffer[pos=0 lim={size} cap={size}]"


def _shown(value: object, member: Member) -> str:
    if member.kind == "Blob":
        return shown_blob(blob_bytes(cast("str", value)))
    if member.kind == "List":
        return f"[{', '.join(member.shown_as for _ in cast('list[object]', value))}]"
    if member.kind == "Map":
        return f"{{{', '.join(f'{key}={item}' for key, item in cast('Request', value).items())}}}"
    return str(value)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
