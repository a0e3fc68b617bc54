"""Reading somebody's own flow logs, and the independent count that referees every parser."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from connectors.formats.envelope import unwrap
from connectors.formats.flowlog import DEFAULT_FORMAT, BadFormat, Format, log_format, parse_format
from emulator.ledger.from_file import FileLedger
from emulator.ledger.ledger import Totals
from emulator.load.feed import to_records
from emulator.load.file import Lines, batch_of, read_lines
from tests.synthetic import Load, batches

HEADER = b"version account-id interface-id start end action log-status"
CUSTOM = tuple(HEADER.decode().split())
LINES = [f"2 123456789012 eni-{i:017x} {1000 + i} {1010 + i} ACCEPT OK".encode() for i in range(7)]

OK = "2 1 eni-a 10.0.0.1 10.0.0.2 1 2 6 3 120 1000 1010 ACCEPT OK"


def read(path: Path, format_text: str | None = None) -> tuple[Format, list[bytes], int]:
    names, found = read_lines(path, format_text, batch_lines=3)
    parts = list(found)
    assert all(0 < len(part.lines) <= 3 for part in parts)
    return names, [line for part in parts for line in part.lines], found.headers


def count(text: str, names: Format = DEFAULT_FORMAT) -> tuple[dict[tuple[str, str, int], Totals], int]:
    counted = FileLedger(earliest=0)
    counted.add([text.encode()], names)
    return counted.ledger().totals(), counted.refused


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


SWAPPED = parse_format(" ".join(DEFAULT_FORMAT).replace("packets bytes", "bytes packets"))
ZONED = tuple("src-zone" if name == "srcport" else name for name in SWAPPED)
T = 1_790_000_040
DEFAULT_LINE = (
    f"2 111122223333 eni-0c0ffee0c0ffee001 10.8.0.4 10.8.0.9 41000 443 6 3 180 {T} {T + 40} ACCEPT OK"
)
SWAPPED_LINE = DEFAULT_LINE.replace("3 180", "180 3")
KEY = ("eni-0c0ffee0c0ffee001", "ACCEPT", T)


def counted_file(tmp_path: Path, data: bytes) -> dict[tuple[str, str, int], Totals]:
    path = tmp_path / "logs"
    path.write_bytes(data)
    counted = FileLedger()
    _, batches_of_file = read_lines(path, None)
    for part in batches_of_file:
        counted.add(part.lines, part.names)
    assert counted.refused == 0
    return counted.ledger().totals()


def text(*lines: str | Format) -> bytes:
    return "\n".join(one if isinstance(one, str) else " ".join(one) for one in lines).encode()


TWICE = {KEY: [2, 6, 360, T, T + 40]}
ONCE = {KEY: [1, 3, 180, T, T + 40]}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_second_header_in_a_file_applies_from_where_it_stands(
    tmp_path: Path, end: bytes, zipped: bool
) -> None:
    """Also where the first file ended without a newline, so that the header is glued to its last line."""
    pack = gzip.compress if zipped else bytes
    files = [text(DEFAULT_FORMAT, DEFAULT_LINE) + end, text(SWAPPED, SWAPPED_LINE) + end]
    assert counted_file(tmp_path, b"".join(map(pack, files))) == TWICE


@pytest.mark.parametrize("header", [SWAPPED, ZONED])
def test_a_header_in_a_file_may_have_a_bom_and_an_unknown_field(tmp_path: Path, header: Format) -> None:
    for mark, encoding in [
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ]:
        data = mark + text(header, SWAPPED_LINE).decode().encode(encoding)
        assert counted_file(tmp_path, data) == ONCE
        if encoding == "utf-8":
            assert counted_file(tmp_path, text(DEFAULT_FORMAT, DEFAULT_LINE) + b"\n" + data) == TWICE


@pytest.mark.parametrize(
    "prefix",
    [
        "2026-09-21T13:05:11.123000+00:00 eni-0c0ffee0c0ffee001-all ",
        "2026-09-21T13:05:11 ",
        "2026-09-21T13:05:11.123Z ",
        "\x1b[32m2026-09-21T13:05:11.123000+00:00\x1b[0m \x1b[36mflows\x1b[0m ",
    ],
    ids=["detailed, the default", "short", "export", "with colours"],
)
def test_output_of_aws_logs_tail_is_read_without_its_prefix(tmp_path: Path, prefix: str) -> None:
    assert counted_file(tmp_path, text(*[prefix + DEFAULT_LINE] * 2)) == TWICE


def test_lines_of_another_format_than_the_first_travel_with_their_header() -> None:
    for payload in ("lines", "cloudwatch"):
        for names, named in [(DEFAULT_FORMAT, ""), (ZONED, log_format(ZONED))]:
            batch = batch_of(Lines(names, [SWAPPED_LINE.encode()] * 3), 0, DEFAULT_FORMAT)
            records = [r for r in to_records([batch], payload, lines_per_record=2) if r.lines]  # type: ignore[arg-type]
            found = [unwrap(record.data).texts for record in records]
            assert {one.line_format for texts in found for one in texts} == {named}
            lines = [one.lines.split(b"\n") for texts in found for one in texts]
            assert [len(one) for one in lines] == [record.lines for record in records]
            assert [line for one in lines for line in one] == [SWAPPED_LINE.encode()] * 3


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


@pytest.mark.parametrize("start", [1000, 1_433_894_399, 2_000_000_061])
def test_a_line_of_an_implausible_time_is_refused(start: int) -> None:
    counted = FileLedger(latest=2_000_000_060)
    counted.add([changed(start=str(start), end=str(start)).encode()], DEFAULT_FORMAT)
    assert (counted.refused, counted.totals) == (1, {})


def test_lines_of_one_window_are_summed() -> None:
    other = changed(packets="4", bytes="1", start="961", end="1019")
    counted = FileLedger(earliest=0)
    counted.add([OK.encode(), other.encode()], DEFAULT_FORMAT)
    assert (counted.ledger().totals(), counted.refused) == (
        {("eni-a", "ACCEPT", 960): [2, 7, 121, 961, 1019]},
        0,
    )


@pytest.mark.parametrize(
    ("line", "action", "totals"),
    [
        (changed(packets="-", bytes="-"), "ACCEPT", [1, 0, 0, 1000, 1010]),
        (changed(end="-"), "ACCEPT", [1, 3, 120, 1000, 1000]),
        (changed(action="-"), "-", [1, 3, 120, 1000, 1010]),
        (changed(start="100000000123", end="100000010999"), "ACCEPT", [1, 3, 120, 100000000, 100000010]),
        (changed(packets=str(2**45)), "ACCEPT", [1, 2**45, 120, 1000, 1010]),
        (f"2026-01-01T00:00:00.000Z {OK}", "ACCEPT", [1, 3, 120, 1000, 1010]),
        (f"2026-01-01T00:00:00 {OK}", "ACCEPT", [1, 3, 120, 1000, 1010]),
        (f"2026-01-01T00:00:00.123000+00:00 eni-a-all {OK}", "ACCEPT", [1, 3, 120, 1000, 1010]),
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
        f"2026-01-01T00:00:00Z 5 {OK}",
        f"2026-01-01T00:00:00Z 2026-01-01T00:00:00Z {OK}",
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
    batch = batch_of(Lines(DEFAULT_FORMAT, lines), 40, DEFAULT_FORMAT)
    assert (batch.first, batch.lines, batch.text) == (40, 501, text + b"\nwhat is this")
    keys = [record.key for record in to_records([batch], "cloudwatch")]
    assert len(keys) == 1 + 5 + 1  # the control message, the interfaces, and what cannot be read
    assert "--all" in keys
