"""The validation of a request against its shape, with AWS's exact error messages.

As in AWS, there are two passes: types (`SerializationException` for the first wrong value), then limits
(`ValidationException` with up to ten messages). A null value counts as absent. The messages are kinesalite's,
whose suite compared them with AWS. A blob is base64 in JSON and bytes in CBOR; its size is that of the bytes.

For speed, `is_plain_record` checks each of the up to 500 records of `PutRecords` first. If it returns True,
only the base64 is left to check, and `put_records` does that when it decodes the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import cast

import pybase64

from emulator.kinesis.errors import Refused, serialization, validation
from emulator.kinesis.protocol.wire import Request
from emulator.kinesis.shapes import PARTITION_KEY, RECORDS_ENTRY, Member

MAX_SENTENCES = 10
_MAX_INTEGER = 2**31 - 1
_JAVA_BOOLEAN = "class java.lang.Boolean"
_JAVA_STRING = "class java.lang.String"
_JAVA_NUMBER = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
_NOT_LIST = "Start of list found where not expected"
_NOT_STRUCTURE = "Start of structure or map found where not expected."
_PARTITION_KEY_MOST = cast("int", PARTITION_KEY.most)
_BEFORE_ONE_PAD, _BEFORE_TWO_PADS = frozenset("AEIMQUYcgkosw048"), frozenset("AQgw")
_PATTERN_MOST_CHARACTERS = 8192  # Above it an ARN's pattern takes seconds; the length is invalid anyway.


def check(request: Request, shape: Sequence[Member]) -> None:
    """Check a request against a shape. Truncate integers in place, as AWS does. Raises `Refused`."""
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
    """Return True if an entry of `PutRecords` has a valid partition key, data, and no other field."""
    if type(entry) is not dict or len(entry) != 2:
        return False
    key, data = entry.get("PartitionKey"), entry.get("Data")
    if type(key) is not str or not 0 < len(key) <= _PARTITION_KEY_MOST:
        return False
    return type(data) is bytes or (type(data) is str and (data[-1:] != "=" or _ends_well(data)))


def _ends_well(text: str) -> bool:
    """Return True if the unused bits before the padding are 0. AWS requires it, the decoder does not."""
    return text[-3:-2] in _BEFORE_TWO_PADS if text.endswith("==") else text[-2:-1] in _BEFORE_ONE_PAD


def not_base64(text: str) -> Refused:
    """Return AWS's error for a blob that is not base64."""
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
    if isinstance(value, bytes):
        if member.kind == "Blob":
            return
        raise serialization(f"class java.nio.HeapByteBuffer can not be converted to an {member.kind}")
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
        if text.endswith("=") and not _ends_well(text):
            raise not_base64(text)


def _check_boolean(value: object) -> None:
    _refuse_containers(value)
    if isinstance(value, str):
        raise serialization(f"'{value.upper()}' can not be converted to an Boolean")
    if not isinstance(value, bool):
        name = _JAVA_NUMBER if isinstance(value, int | float) else "class java.nio.HeapByteBuffer"
        raise serialization(f"{name} can not be converted to an Boolean")


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
        _check_type({"member": item}, member.members[1])


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
    if isinstance(value, bytes):
        raise serialization(f"class java.nio.HeapByteBuffer {sentence}")


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
    for rule in (*_broken_rules(value, member), *_broken_inside(value, member)):
        yield f"Value '{_shown(value, member)}' at '{where}' failed to satisfy constraint: {rule}"
    if member.kind == "Structure":
        yield from _complaints(cast("Request", value), member.members, where + ".")
    elif member.kind == "List" and member.members[0].kind == "Structure":
        element = member.members[0]
        for number, item in enumerate(cast("list[object]", value), 1):
            if not (element is RECORDS_ENTRY and is_plain_record(item)):
                yield from _complaints_of(item, element, f"{where}.{number}.member")


def _broken_rules(value: object, member: Member) -> Iterator[str]:
    if member.pattern and not _matches(member.pattern, cast("str", value)):
        yield f"Member must satisfy regular expression pattern: {member.pattern}"
    if member.one_of and value not in member.one_of:
        yield f"Member must satisfy enum value set: [{', '.join(member.one_of)}]"
    if member.least is None and member.most is None:
        return
    size = _size(value, member)
    measure = "value" if member.kind == "Integer" else "length"
    if member.least is not None and size < member.least:
        yield f"Member must have {measure} greater than or equal to {member.least}"
    if member.most is not None and size > member.most:
        yield f"Member must have {measure} less than or equal to {member.most}"


def _broken_inside(value: object, member: Member) -> Iterator[str]:
    """Yield the messages for invalid texts in a list or a map. AWS prints the whole value and all rules."""
    if member.kind == "List" and member.members[0].kind == "String":
        if _any_broken(cast("list[object]", value), member.members[0]):
            yield f"Member must satisfy constraint: [{_rules(member.members[0])}]"
    elif member.kind == "Map":
        key, item = member.members
        tags = cast("Request", value)
        if _any_broken(tags, key):
            yield f"Map keys must satisfy constraint: [{_rules(key)}]"
        if _any_broken(tags.values(), item):
            yield f"Map value must satisfy constraint: [{_rules(item)}]"


def _any_broken(texts: Iterable[object], member: Member) -> bool:
    return any(text is None or next(_broken_rules(text, member), "") for text in texts)


def _rules(member: Member) -> str:
    if member.one_of:
        return f"Member must satisfy enum value set: [{', '.join(member.one_of)}]"
    return (
        f"Member must have length less than or equal to {member.most}, "
        f"Member must have length greater than or equal to {member.least}"
    )


def _size(value: object, member: Member) -> int:
    if member.kind == "Integer":
        return cast("int", value)
    if member.kind == "Blob":
        return blob_bytes(cast("str | bytes", value))
    return len(cast("str | list[object] | Request", value))


def blob_bytes(text: str | bytes) -> int:
    """Return the decoded size of a blob, given valid base64 or bytes."""
    if isinstance(text, bytes):
        return len(text)
    return len(text) // 4 * 3 - text.endswith("=") - text.endswith("==")


def shown_blob(size: int) -> str:
    """Return the text for a blob in AWS's messages: Java's text form of a buffer of that size."""
    return f"java.nio.HeapByteBuffer[pos=0 lim={size} cap={size}]"


def _shown(value: object, member: Member) -> str:
    if member.kind == "Blob":
        return shown_blob(blob_bytes(cast("str | bytes", value)))
    if member.kind == "List":
        elements = (member.shown_as or str(item) for item in cast("list[object]", value))
        return f"[{', '.join(elements)}]"
    if member.kind == "Map":
        return f"{{{', '.join(f'{key}={item}' for key, item in cast('Request', value).items())}}}"
    return str(value)


def _matches(pattern: str, text: str) -> bool:
    return len(text) > _PATTERN_MOST_CHARACTERS or _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)  # Java's default
