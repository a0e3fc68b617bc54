"""Address blocks with names: AWS's published ranges, managed prefix lists, and lists of the user. Pure.

AWS publishes its ranges as `ip-ranges.json` (AWS General Reference, "AWS IP address ranges"). The user's file
is a JSON object, name to blocks, or CSV with a block and a name in each row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

import orjson

from connectors.inventory.reading.sources import Description
from connectors.inventory.rows import PrefixRow
from connectors.vpc.addresses import cidr

FILE, AWS = "file", "aws"
FILE_RANK, CUSTOMER_RANK, MANAGED_RANK, AWS_RANK = 0, 1, 2, 3
"""Of several names for one block, the user's own come first."""
_GENERAL = "AMAZON"
"""The service of every range of AWS; a more specific service of the same block comes first."""


class BadPrefixes(ValueError):
    """A file of address blocks that cannot be used; the message says what is wrong."""


def aws_ranges(text: bytes) -> PrefixRow:
    """Read `ip-ranges.json`. Raises `BadPrefixes`."""
    try:
        document = orjson.loads(text)
        found = [
            (str(one.get("ip_prefix") or one["ipv6_prefix"]), str(one["service"]), str(one["region"]))
            for one in (*document["prefixes"], *document["ipv6_prefixes"])
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadPrefixes(f"it has not the form of ip-ranges.json ({error!r})") from error
    found.sort(key=lambda one: one[1] == _GENERAL)
    blocks = _checked((block, service, service, region) for block, service, region in found)
    return PrefixRow(AWS, "aws-service", tuple(blocks), AWS_RANK)


def user_lists(text: bytes, name: str) -> PrefixRow:
    """Read a user's list: JSON if the file's name ends with `.json`, else CSV. Raises `BadPrefixes`."""
    entries = _of_json(text) if name.lower().endswith(".json") else _of_csv(text)
    return PrefixRow(FILE, "prefix-list", tuple(_checked(entries)), FILE_RANK)


def managed_lists(
    account: str, region: str, lists: Iterable[Description], entries: Mapping[str, Iterable[Description]]
) -> list[PrefixRow]:
    """Return the managed prefix lists of an account and Region: customers' lists, and those of AWS.

    `lists` are elements of `DescribeManagedPrefixLists`; `entries` maps their ids to the elements of
    `GetManagedPrefixListEntries`.
    """
    own: list[tuple[str, str, str, str]] = []
    aws: list[tuple[str, str, str, str]] = []
    for one in lists:
        list_id, name = str(one["PrefixListId"]), str(one.get("PrefixListName") or "")
        is_of_aws = str(one.get("OwnerId", "")) == "AWS"
        for entry in entries.get(list_id, ()):
            (aws if is_of_aws else own).append((str(entry["Cidr"]), list_id, name, region))
    place = f"{account}|{region}"
    rows = [
        PrefixRow(f"{place}|customer", "prefix-list", tuple(sorted(own)), CUSTOMER_RANK, account),
        PrefixRow(f"{place}|aws", "aws-service", tuple(sorted(aws)), MANAGED_RANK),
    ]
    return [row for row in rows if row.entries]


def _of_json(text: bytes) -> Iterator[tuple[str, str, str, str]]:
    try:
        document = orjson.loads(text)
    except ValueError as error:
        raise BadPrefixes(f"it is no JSON ({error})") from error
    if not isinstance(document, dict) or not all(isinstance(one, list) for one in document.values()):
        raise BadPrefixes('it must be an object such as {"office": ["192.0.2.0/24"]}')
    for name, blocks in document.items():
        for block in blocks:
            yield str(block), name, name, ""


def _of_csv(text: bytes) -> Iterator[tuple[str, str, str, str]]:
    try:
        rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadPrefixes(f"it is no CSV in UTF-8 ({error})") from error
    for number, row in enumerate(rows, 1):
        if not row or (number == 1 and row[0].strip().lower() in {"cidr", "prefix", "block"}):
            continue
        if len(row) < 2:
            raise BadPrefixes(f"line {number} has no name: write a block, a comma and a name")
        yield row[0].strip(), row[1].strip(), row[1].strip(), ""


def _checked(entries: Iterable[tuple[str, str, str, str]]) -> Iterator[tuple[str, str, str, str]]:
    for block, *rest in entries:
        try:
            yield cidr(block).text, rest[0], rest[1], rest[2]
        except ValueError as error:
            raise BadPrefixes(f"{block!r} is no address block ({error})") from error
