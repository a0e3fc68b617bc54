"""Which format a record's lines have."""

from __future__ import annotations

import pytest

from connectors.flowlog import DEFAULT_FORMAT, BadFormat, log_format
from connectors.formats import Formats, of_flow_logs, parse_group_formats

SHORT = "${version} ${start} ${interface-id}"
OTHER = "${interface-id} ${start}"
FORMATS = Formats("default", {"short": SHORT, "same": SHORT, "other": OTHER, "nobody knows": None})


@pytest.mark.parametrize(
    ("groups", "lines", "found"),
    [
        ([], b"2 1 eni-1", "default"),
        (["unknown"], b"2 1 eni-1", "default"),
        (["short"], b"2 1 eni-1", SHORT),
        (["short", "same"], b"2 1 eni-1", SHORT),
        (["short", "other"], b"2 1 eni-1", None),
        (["short", "unknown"], b"2 1 eni-1", None),
        (["short"], b"start interface-id\n1 eni-1", "start interface-id"),  # its own header wins
        (["short"], b"eni-1 5", SHORT),
        ([], b"start start\n1 1", "default"),  # field names, and no format
        (["nobody knows"], b"2 1 eni-1", None),
        ([], b"", "default"),
    ],
)
def test_a_header_a_log_group_or_the_setting(groups: list[str], lines: bytes, found: str | None) -> None:
    assert FORMATS.of(groups, lines) == found


@pytest.mark.parametrize("text", ["", "describe"])
def test_a_setting_without_groups(text: str) -> None:
    assert parse_group_formats(text) == {}


def test_a_setting_with_groups() -> None:
    assert parse_group_formats('{"a": "${start}", "b": "default"}') == {"a": "${start}", "b": "default"}


@pytest.mark.parametrize("text", ["x", "[]", '{"a": 1}', '{"a": ""}', '{"a": "${Start}"}'])
def test_a_wrong_setting_is_a_sentence(text: str) -> None:
    with pytest.raises(BadFormat):
        parse_group_formats(text)


def test_what_ec2_describes() -> None:
    described = [
        {"LogGroupName": "a", "LogFormat": SHORT},
        {"LogGroupName": "a", "LogFormat": SHORT},
        {"LogGroupName": "b", "LogFormat": log_format(DEFAULT_FORMAT)},
        {"LogGroupName": "mixed", "LogFormat": SHORT},
        {"LogGroupName": "mixed", "LogFormat": OTHER},
        {"LogDestinationType": "s3", "LogFormat": SHORT},
    ]
    assert of_flow_logs(described) == {"a": SHORT, "b": log_format(DEFAULT_FORMAT), "mixed": None}
