"""Reading somebody's own flow logs, and the independent count that referees every parser."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from connectors.flowlog import DEFAULT_FORMAT, BadFormat, Format, parse_format
from emulator.ledger import Totals
from emulator.world.feed import to_records
from emulator.world.file import batch_of, ledger_of_lines, read_lines
from emulator.world.traffic import Load, batches

HEADER = b"version account-id interface-id start end action log-status"
CUSTOM = tuple(HEADER.decode().split())
LINES = [f"2 123456789012 eni-{i:017x} {1000 + i} {1010 + i} ACCEPT OK".encode() for i in range(7)]

OK = "2 1 eni-a 10.0.0.1 10.0.0.2 1 2 6 3 120 1000 1010 ACCEPT OK"


def read(path: Path, format_text: str | None = None) -> tuple[Format, list[bytes], int]:
    names, found = read_lines(path, format_text, batch_lines=3)
    parts = list(found)
    assert all(0 < len(part) <= 3 for part in parts)
    return names, [line for part in parts for line in part], found.headers


def count(text: str, names: Format = DEFAULT_FORMAT) -> tuple[dict[tuple[str, str, int], Totals], int]:
    ledger, refused = ledger_of_lines([text.encode()], names)
    return ledger.totals(), refused


def changed(**fields: str) -> str:
    values = dict(zip(DEFAULT_FORMAT, OK.split(), strict=True)) | {
        k.replace("_", "-"): v for k, v in fields.items()
    }
    return " ".join(values.values())


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"\n", b"\r\n\r\n"])
@pytest.mark.parametrize("zipped", [False, True])
def test_plain_or_gzip_with_any_line_end(tmp_path: Path, end: bytes, last: bytes, zipped: bool) -> None:
    path = tmp_path / "logs"  # the name says nothing; the first bytes do
    text = end.join([HEADER, *LINES]) + last
    path.write_bytes(gzip.compress(text) if zipped else text)
    assert read(path) == (CUSTOM, LINES, 1)


def test_members_of_a_gzip_file_are_read_one_after_the_other_and_repeated_headers_dropped(
    tmp_path: Path,
) -> None:
    path = tmp_path / "logs.gz"
    path.write_bytes(
        b"".join(gzip.compress(b"\n".join([HEADER, *part, b""])) for part in (LINES[:3], LINES[3:]))
    )
    assert read(path) == (CUSTOM, LINES, 2)


def test_without_a_header_the_format_is_the_given_one_or_the_default(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(b"\n".join(LINES))
    assert read(path) == (DEFAULT_FORMAT, LINES, 0)
    assert read(path, "${interface-id} ${start}") == (("interface-id", "start"), LINES, 0)


def test_a_header_wins_over_the_given_format_and_may_have_underscores(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(HEADER.replace(b"-", b"_") + b"\n" + LINES[0])
    assert read(path, "default") == (CUSTOM, LINES[:1], 1)


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(b"")
    assert read(path) == (DEFAULT_FORMAT, [], 0)


def test_another_header_inside_the_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(b"\n".join([HEADER, LINES[0], b"version start"]))
    _, found = read_lines(path, None)
    with pytest.raises(BadFormat, match="version start"):
        list(found)
    found.close()


def test_a_file_cut_short_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "logs.gz"
    path.write_bytes(gzip.compress(b"\n".join(LINES))[:-12])
    with pytest.raises(EOFError):
        read(path)


def test_a_bad_format_is_an_error_and_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(LINES[0])
    with pytest.raises(BadFormat):
        read_lines(path, "start start")


def test_counts_a_line_under_its_interface_action_and_window() -> None:
    assert count(OK) == ({("eni-a", "ACCEPT", 960): [1, 3, 120, 1000, 1010]}, 0)


def test_lines_of_one_window_are_summed() -> None:
    other = changed(packets="4", bytes="1", start="961", end="1019")
    ledger, refused = ledger_of_lines([OK.encode(), other.encode()], DEFAULT_FORMAT)
    assert (ledger.totals(), refused) == ({("eni-a", "ACCEPT", 960): [2, 7, 121, 961, 1019]}, 0)


@pytest.mark.parametrize(
    ("line", "action", "totals"),
    [
        (changed(packets="-", bytes="-"), "ACCEPT", [1, 0, 0, 1000, 1010]),
        (changed(end="-"), "ACCEPT", [1, 3, 120, 1000, 1000]),
        (changed(action="-"), "-", [1, 3, 120, 1000, 1010]),
        (changed(start="100000000123", end="100000010999"), "ACCEPT", [1, 3, 120, 100000000, 100000010]),
        (changed(packets=str(2**45)), "ACCEPT", [1, 2**45, 120, 1000, 1010]),
        (f"2026-01-01T00:00:00.000Z {OK}", "ACCEPT", [1, 3, 120, 1000, 1010]),
        (OK.replace(" ", "  "), "ACCEPT", [1, 3, 120, 1000, 1010]),
        ("2 1 eni-a - - - - - - - 1000 1010 - NODATA", "NODATA", [1, 0, 0, 1000, 1010]),
        ("2 1 eni-a - - - - - - - 1000 1000 - SKIPDATA", "SKIPDATA", [1, 0, 0, 1000, 1000]),
    ],
)
def test_tolerates_what_is_documented_or_was_seen(line: str, action: str, totals: list[int]) -> None:
    found, refused = count(line)
    assert refused == 0
    assert found == {("eni-a", action, totals[3] // 60 * 60): totals}


@pytest.mark.parametrize(
    "line",
    [
        "",
        f"{OK} more",
        OK.removesuffix(" OK"),
        f"2026-01-01T00:00:00Z {OK.removesuffix(' OK')}",
        changed(action="DROP"),
        changed(action="accept"),
        changed(start="-"),
        "2 1 eni-a - - - - - - - - - - NODATA",
        changed(bytes="-5"),
        changed(bytes="+5"),
        changed(packets="1.0"),
        changed(packets="0x10"),
        changed(packets="٣"),
        changed(packets=str(2**45 + 1)),
        changed(bytes="9" * 5000),
        changed(end="x"),
        " ".join(DEFAULT_FORMAT),
    ],
)
def test_refuses_what_breaks_a_rule(line: str) -> None:
    assert count(line) == ({}, 1)


@pytest.mark.parametrize(
    ("values", "entity"), [("eni-a nat-b", "eni-a"), ("- nat-b", "nat-b"), ("- -", "-"), ("eni-a -", "eni-a")]
)
def test_the_entity_is_the_first_that_is_named(values: str, entity: str) -> None:
    found, _ = count(f"{values} 60", parse_format("interface-id resource-id start"))
    assert found == {(entity, "-", 60): [1, 0, 0, 60, 60]}


def test_a_transit_gateway_line_stands_under_its_attachment() -> None:
    found, _ = count("tgw-attach-1 7 60 OK", parse_format("tgw-attachment-id packets start log-status"))
    assert found == {("tgw-attach-1", "-", 60): [1, 7, 0, 60, 60]}


def test_lines_of_a_file_become_a_batch_with_the_same_text() -> None:
    text = next(batches(Load(500, 1, enis=5))).text
    lines = [*text.split(b"\n"), b"what is this"]
    batch = batch_of(lines, DEFAULT_FORMAT, first=40)
    assert (batch.first, batch.lines, batch.text) == (40, 501, text + b"\nwhat is this")
    keys = [record.key for record in to_records([batch], "cloudwatch")]
    assert len(keys) == 1 + 5 + 1  # the control message, the interfaces, and what cannot be read
    assert "--all" in keys
