"""Errors of a replay of a file, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.replay.load import ReplayError, ReplayOptions, load
from tests.build import line


def loaded(tmp_path: Path, data: bytes, line_format: str | None = None) -> str:
    """Return the error of a file that cannot be replayed."""
    path = tmp_path / "logs"
    path.write_bytes(data)
    with pytest.raises(ReplayError) as error:
        load(ReplayOptions(path=str(path), line_format=line_format))
    return str(error.value)


SHORT = b"2 eni-0c0ffee0c0ffee001 1790000000 ACCEPT"


@pytest.mark.parametrize(
    "prefix", [b"", b"2026-09-21T13:05:11 ", b"2026-09-21T13:05:11.123+00:00 eni-1-all "]
)
def test_a_file_of_json_is_named_as_such(prefix: bytes, tmp_path: Path) -> None:
    said = loaded(tmp_path, prefix + b'{"version": 2, "interface_id": "eni-1", "start": 1790000000}\n')
    assert "none of its 1 lines" in said
    assert "it holds JSON" in said
    assert "FORMAT" not in said


def test_a_file_in_which_no_line_is_understood_says_the_first_line_and_what_to_set(tmp_path: Path) -> None:
    said = loaded(tmp_path, b"\n".join([SHORT] * 25))
    assert "none of its 25 lines" in said
    assert repr(SHORT.decode()) in said
    assert "4 fields, and the format has 14" in said
    assert "FORMAT=" in said


def test_fields_of_a_line_are_counted_without_the_prefix_of_aws_logs_tail(tmp_path: Path) -> None:
    prefix = b"2026-09-21T13:05:11.123000+00:00 eni-0c0ffee0c0ffee001-all "
    assert "2 fields, and the format names none of" in loaded(tmp_path, prefix + b"ACCEPT OK", "${start}")


@pytest.mark.parametrize("start", [60, 9_999_999_999])
def test_a_file_of_implausible_times_says_so(tmp_path: Path, start: int) -> None:
    assert "14 fields, as the format has, but" in loaded(tmp_path, line(start=start, end=start))


def test_a_format_without_start_is_the_reason(tmp_path: Path) -> None:
    assert "the format lacks start" in loaded(tmp_path, SHORT, "version interface-id end action")


@pytest.mark.parametrize("data", [b"", b"\n\r\n", b"version account-id interface-id start"])
def test_a_file_without_lines_says_so(tmp_path: Path, data: bytes) -> None:
    assert "has no lines of flow logs" in loaded(tmp_path, data)


@pytest.mark.parametrize("data", [b"\x1f\x8bbroken", b"\x1f\x8b\x08\x00" + bytes(6) + b"\xff\xff\xff"])
def test_a_broken_gzip_file_says_so(tmp_path: Path, data: bytes) -> None:
    assert "cannot be read as flow logs" in loaded(tmp_path, data)


def test_a_wrong_format_is_a_sentence(tmp_path: Path) -> None:
    assert "not a field name" in loaded(tmp_path, line(), "'${version} ${interface-id} ${start}'")


def test_a_file_with_some_refused_lines_is_loaded_and_they_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(b"\n".join([SHORT, line(), b"what is this", line()]))
    found = load(ReplayOptions(path=str(path)))
    assert (found.ledger.lines, found.refused) == (2, 2)


def test_the_command_ends_with_1_and_the_sentence(tmp_path: Path) -> None:
    path = tmp_path / "logs"
    path.write_bytes(SHORT)
    ended = CliRunner().invoke(main, ["replay", "--file", str(path)])
    assert ended.exit_code == 1
    assert "FORMAT=" in ended.output
    assert "Traceback" not in ended.output
