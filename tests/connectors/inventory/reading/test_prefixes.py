"""Address blocks with names: AWS's file, the user's file, managed prefix lists."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from connectors.inventory.directory import Directory
from connectors.inventory.reading import prefix_files
from connectors.inventory.reading.prefix_files import prefix_sources
from connectors.inventory.reading.prefixes import BadPrefixes, aws_ranges, managed_lists, user_lists
from connectors.inventory.rows import encode

RANGES = orjson.dumps(
    {
        "prefixes": [
            {"ip_prefix": "3.5.0.0/19", "region": "us-east-1", "service": "AMAZON"},
            {"ip_prefix": "3.5.0.0/19", "region": "us-east-1", "service": "S3"},
        ],
        "ipv6_prefixes": [{"ipv6_prefix": "2600:9000::/28", "region": "GLOBAL", "service": "CLOUDFRONT"}],
    }
)


def test_the_specific_service_of_a_block_comes_before_amazon() -> None:
    row = aws_ranges(RANGES)
    directory = Directory()
    directory.apply(row.key, encode(row))
    found = [directory.address(one, 0) for one in ("3.5.1.1", "2600:9000::1")]
    assert [(one.label, one.region) for one in found if one] == [
        ("S3", "us-east-1"),
        ("CLOUDFRONT", "GLOBAL"),
    ]


def test_the_users_lists_are_json_or_csv() -> None:
    as_json = user_lists(b'{"office": ["192.0.2.0/24", "2001:db8::/32"], "home": []}', "a.JSON")
    as_csv = user_lists(b"cidr,name\n192.0.2.0/24, office\n\n2001:db8::/32,office,comment\n", "a.csv")
    assert as_json == as_csv
    assert as_csv.entries[0] == ("192.0.2.0/24", "office", "office", "")


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        (b"{", "a.json", "it is no JSON"),
        (b"[]", "a.json", "it must be an object"),
        (b'{"office": "192.0.2.0/24"}', "a.json", "it must be an object"),
        (b'{"office": ["192.0.2.0/33"]}', "a.json", "'192.0.2.0/33' is no address block"),
        (b"192.0.2.0/24\n", "a.csv", "line 1 has no name"),
        (b"\xff\xfe", "a.csv", "it is no CSV in UTF-8"),
    ],
)
def test_a_wrong_file_is_a_sentence(text: bytes, name: str, why: str) -> None:
    with pytest.raises(BadPrefixes, match=why):
        user_lists(text, name)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"prefixes": [{}], "ipv6_prefixes": []}'])
def test_a_wrong_file_of_ranges_is_a_sentence(text: bytes) -> None:
    with pytest.raises(BadPrefixes, match=r"not the form of ip-ranges\.json"):
        aws_ranges(text)


def test_managed_lists_are_of_customers_or_of_aws() -> None:
    lists = [
        {"PrefixListId": "pl-1", "PrefixListName": "office", "OwnerId": "1"},
        {"PrefixListId": "pl-2", "PrefixListName": "com.amazonaws.eu-west-1.s3", "OwnerId": "AWS"},
        {"PrefixListId": "pl-3"},
    ]
    entries = {"pl-1": [{"Cidr": "192.0.2.0/24"}], "pl-2": [{"Cidr": "3.5.0.0/19"}]}
    own, aws = managed_lists("1", "eu-west-1", lists, entries)
    assert (own.kind, own.entries) == ("prefix-list", (("192.0.2.0/24", "pl-1", "office", "eu-west-1"),))
    assert (aws.kind, aws.rank > own.rank) == ("aws-service", True)


async def test_a_file_is_read_again_when_it_changes_and_a_wrong_one_is_reported_once(tmp_path: Path) -> None:
    file = tmp_path / "lists.csv"
    (source,) = prefix_sources("", str(file))
    with capture_logs() as logs:
        assert await source.row() is None
        assert await source.row() is None
    assert [one["log_level"] for one in logs] == ["warning"]
    assert f"VPCFLOW_PREFIX_LISTS={file} cannot be used" in source.why
    file.write_text("192.0.2.0/24,office\n")
    row = await source.row()
    assert row is not None
    file.write_text("wrong,office\n")
    os.utime(file, (1, 1))
    assert await source.row() is row, "the last usable content stays"
    assert "is no address block" in source.why


async def test_a_url_is_read_and_an_answer_that_is_too_large_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ranges(_: web.Request) -> web.Response:
        return web.Response(body=RANGES)

    app = web.Application()
    app.router.add_get("/ip-ranges.json", ranges)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/ip-ranges.json"
        (source,) = prefix_sources(url, "")
        row = await source.row()
        assert row is not None
        assert len(row.entries) == 3
        monkeypatch.setattr(prefix_files, "SIZE_MAX", 10)
        (other,) = prefix_sources(url, "")
        assert await other.row() is None
        assert "larger than 10 bytes" in other.why
    finally:
        await runner.cleanup()
    (gone,) = prefix_sources(url, "")
    assert await gone.row() is None
    assert "cannot be used" in gone.why
