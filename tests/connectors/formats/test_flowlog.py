"""Formats: how they are written, what is refused, and which lines are headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.formats.flowlog import (
    DEFAULT_FORMAT,
    FIELD_VERSIONS,
    BadFormat,
    Format,
    is_header,
    log_format,
    parse_format,
)
from tests.build import formats, line


def test_the_default_format_is_version_two() -> None:
    assert len(DEFAULT_FORMAT) == 14
    assert {FIELD_VERSIONS[name] for name in DEFAULT_FORMAT} == {2}
    assert (DEFAULT_FORMAT[0], DEFAULT_FORMAT[2], DEFAULT_FORMAT[-1]) == (
        "version",
        "interface-id",
        "log-status",
    )


def test_every_documented_field_is_known() -> None:
    """54 fields of a VPC, and the 18 of version 6 that only transit gateways have."""
    versions = list(FIELD_VERSIONS.values())
    assert len(versions) - versions.count(6) == 54
    assert versions.count(6) == 18


@pytest.mark.parametrize(
    "text",
    [
        "${interface-id} ${start} ${action}",
        "interface-id start action",
        "interface_id start action",
        "${interface_id} ${start} ${action}",
        "  interface-id\tstart\n action ",
        "${interface-id}${start}${action}",
        "${ interface-id } ${start} action",
    ],
)
def test_a_format_may_be_written_in_many_ways(text: str) -> None:
    assert parse_format(text) == ("interface-id", "start", "action")


@pytest.mark.parametrize("text", ["default", " default\n"])
def test_default_names_the_default_format(text: str) -> None:
    assert parse_format(text) == DEFAULT_FORMAT


def test_a_field_of_a_later_version_passes() -> None:
    assert parse_format("${start} ${brand-new-field-2}") == ("start", "brand-new-field-2")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("${start} ${}", "''"),
        ("start,end", "start,end"),
        ("${start} $end", "[$]end"),
        ("${start", "[$][{]start"),
        ("Start", "Start"),
        ("start 2", "'2'"),
        ("start é", "é"),
        ("start end start", "twice"),
        ("interface-id interface_id", "twice"),
    ],
)
def test_a_bad_format_is_an_error_that_names_the_token(text: str, named: str) -> None:
    with pytest.raises(BadFormat, match=named):
        parse_format(text)


@given(formats())
def test_a_format_survives_the_way_to_aws_and_back(names: Format) -> None:
    assert parse_format(log_format(names)) == names


@given(st.text(max_size=60))
def test_any_text_is_a_format_or_a_bad_format(text: str) -> None:
    try:
        names = parse_format(text)
    except BadFormat:
        return
    assert parse_format(" ".join(names)) == names


@given(formats(), st.sampled_from(["-", "_"]))
def test_a_line_of_field_names_is_a_header(names: Format, between: str) -> None:
    assert is_header(" ".join(names).replace("-", between).encode())


@pytest.mark.parametrize(
    "text",
    [b"", b" ", b"-", line(), b"version account-id eni-1", b"version\xff", b"Version", b"version,start"],
)
def test_anything_else_is_no_header(text: bytes) -> None:
    assert not is_header(text)
