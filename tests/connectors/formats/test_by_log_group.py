"""Which format a record's lines have."""

from __future__ import annotations

import pytest

from connectors.formats.by_log_group import Formats, Unusable, of_flow_logs, parse_group_formats
from connectors.formats.flowlog import DEFAULT_FORMAT, BadFormat, log_format
from connectors.formats.texts import Text

SHORT = "${version} ${start} ${interface-id}"
OTHER = "${interface-id} ${start}"
NO = Unusable("log group 'bad' has an unusable LogFormat")
FORMATS = Formats("default", {"short": SHORT, "bad": NO})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (Text(b"2 1 eni-1"), "default"),
        (Text(b"2 1 eni-1", log_group="unknown"), "default"),
        (Text(b"2 1 eni-1", log_group="short"), SHORT),
        (Text(b"2 1 eni-1", log_group="bad"), NO),
        (Text(b"1 eni-1", OTHER, log_group="short"), OTHER),
        (Text(b"1 eni-1", OTHER, log_group="bad"), OTHER),
    ],
)
def test_a_header_a_log_group_or_the_setting(text: Text, found: str | Unusable) -> None:
    assert FORMATS.of(text) == found


@pytest.mark.parametrize("text", ["", "describe"])
def test_a_setting_without_groups(text: str) -> None:
    assert parse_group_formats(text) == {}


def test_a_setting_with_groups() -> None:
    assert parse_group_formats(f'{{"a": "{OTHER}", "b": "default"}}') == {"a": OTHER, "b": "default"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"ours": 1}', "'ours'"),
        ('{"ours": ""}', "'ours'.*empty"),
        ('{"ours": "${Start}"}', "'ours'.*'Start'"),
        ('{"fine": "default", "ours": "${version} ${start}"}', "'ours'.*interface-id"),
        ('{"fine": "default", "ours": "${version} ${interface-id}"}', "'ours'.*lacks start"),
    ],
)
def test_a_bad_entry_of_group_formats_is_a_sentence_that_names_it(text: str, said: str) -> None:
    with pytest.raises(BadFormat, match=said):
        parse_group_formats(text)


def test_what_ec2_describes() -> None:
    described = [
        {"LogGroupName": "a", "LogFormat": SHORT},
        {"LogGroupName": "a", "LogFormat": SHORT},
        {"LogGroupName": "b", "LogFormat": log_format(DEFAULT_FORMAT)},
        {"LogGroupName": "mixed", "LogFormat": SHORT},
        {"LogGroupName": "mixed", "LogFormat": OTHER},
        {"LogGroupName": "not said"},
        {"LogDestinationType": "s3", "LogFormat": SHORT},
    ]
    mixed = Unusable("log group 'mixed' has flow logs of 2 formats, which cannot be distinguished")
    assert of_flow_logs(described) == {"a": SHORT, "b": log_format(DEFAULT_FORMAT), "mixed": mixed}


@pytest.mark.parametrize(
    "line_format",
    [
        "'${version} ${interface-id}'",
        f"'{SHORT}'",
        f'"{SHORT}"',
        "",
        " ",
        "nonsense, really",
        "${version} ${interface-id}",
        "${start} ${start} ${interface-id}",
        "x" * 5000,
    ],
)
def test_describe_with_an_unusable_log_format_refuses_the_lines_of_that_group_only(line_format: str) -> None:
    described = [
        {"LogGroupName": "ours", "LogFormat": SHORT},
        {"LogGroupName": "other-team", "LogFormat": line_format},
    ]
    found = of_flow_logs(described)
    assert found["ours"] == SHORT
    refused = found["other-team"]
    assert isinstance(refused, Unusable)
    assert "'other-team'" in refused.why
    assert line_format[:100] in refused.why
    assert len(refused.why) < 1000
