"""Which streams one setting means."""

from __future__ import annotations

import pytest

from connectors.kinesis.stream_choice import BadChoice, StreamChoice, parse_choice, stream_name

ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/flow-logs"


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("flow-logs", StreamChoice(("flow-logs",))),
        (ARN, StreamChoice((ARN,))),
        ("flow-*", StreamChoice((), ("flow-*",))),
        ("a?c", StreamChoice((), ("a?c",))),
        ("tag:team=net", StreamChoice((), (), (("team", "net"),))),
        ("tag:flow", StreamChoice((), (), (("flow", ""),))),
        (f" a, b-* ,tag:x=y,{ARN},", StreamChoice(("a", ARN), ("b-*",), (("x", "y"),))),
    ],
)
def test_names_arns_patterns_and_tags(text: str, choice: StreamChoice) -> None:
    assert parse_choice(text) == choice
    assert choice.is_search is bool(choice.patterns or choice.tags)


@pytest.mark.parametrize("text", ["", " , ", "a b", "tag:=x", "arn:aws:s3:::bucket", "naïve", "a/b"])
def test_what_is_no_stream_is_a_sentence(text: str) -> None:
    with pytest.raises(BadChoice, match=r"(use a name|has no tag key)"):
        parse_choice(text)


def test_patterns_tell_case_apart_and_tags_may_have_any_value() -> None:
    choice = parse_choice("flow-*,tag:team=net,tag:any")
    assert choice.matches("flow-1")
    assert not choice.matches("Flow-1")
    assert choice.has_tag({"team": "net"})
    assert not choice.has_tag({"team": "app"})
    assert choice.has_tag({"any": "thing"})


def test_the_name_in_an_arn() -> None:
    assert stream_name(ARN) == stream_name("flow-logs") == "flow-logs"
