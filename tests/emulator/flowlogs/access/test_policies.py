"""IAM's policy language, as far as deliveries need it: a line for each rule."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.flowlogs.access.policies import Request, allows, decision

SERVICE = "delivery.logs.amazonaws.com"
PUT = Request(
    "s3:PutObject", "arn:aws:s3:::b/AWSLogs/1/x", SERVICE, {"aws:SourceAccount": "1", "s3:flag": "true"}
)


def said(**fields: Any) -> dict[str, Any]:
    whole = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "s3:PutObject", "Resource": "*"}
    return {name: value for name, value in {**whole, **fields}.items() if value is not None}


SAYS: dict[str, tuple[dict[str, Any], str]] = {
    "all of it": (said(), "Allow"),
    "a deny": (said(Effect="Deny"), "Deny"),
    "an action among others": (said(Action=["s3:GetObject", "s3:PutObject"]), "Allow"),
    "an action with a wildcard": (said(Action="s3:Put*"), "Allow"),
    "an action in other letters": (said(Action="S3:putobject"), "Allow"),
    "another action": (said(Action="s3:GetObject"), ""),
    "all actions but this": (said(Action=None, NotAction="s3:PutObject"), ""),
    "all actions but another": (said(Action=None, NotAction="s3:GetObject"), "Allow"),
    "no action": (said(Action=None), ""),
    "its resource": (said(Resource="arn:aws:s3:::b/AWSLogs/*"), "Allow"),
    "a resource with one letter open": (said(Resource="arn:aws:s3:::?/AWSLogs/1/x"), "Allow"),
    "another resource": (said(Resource="arn:aws:s3:::c/*"), ""),
    "a resource in other letters": (said(Resource="arn:aws:s3:::B/*"), ""),
    "a bracket is no pattern": (said(Resource="arn:aws:s3:::[b]/*"), ""),
    "all resources but this": (said(Resource=None, NotResource="arn:aws:s3:::b/*"), ""),
    "anybody": (said(Principal="*"), "Allow"),
    "any account": (said(Principal={"AWS": "*"}), "Allow"),
    "another service": (said(Principal={"Service": "logs.amazonaws.com"}), ""),
    "a service among others": (said(Principal={"Service": ["a.amazonaws.com", SERVICE]}), "Allow"),
    "nobody": (said(Principal=None), ""),
    "anybody but this": (said(Principal=None, NotPrincipal={"Service": SERVICE}), ""),
    "a condition that is met": (said(Condition={"StringEquals": {"aws:SourceAccount": "1"}}), "Allow"),
    "its key in other letters": (
        said(Condition={"StringEquals": {"AWS:sourceaccount": ["2", "1"]}}),
        "Allow",
    ),
    "a condition that is not": (said(Condition={"StringEquals": {"aws:SourceAccount": "2"}}), ""),
    "a condition on what is not known": (said(Condition={"StringEquals": {"aws:SourceOrgID": "o"}}), ""),
    "the same if it exists": (said(Condition={"StringEqualsIfExists": {"aws:SourceOrgID": "o"}}), "Allow"),
    "a negative condition": (said(Condition={"StringNotEquals": {"aws:SourceAccount": "2"}}), "Allow"),
    "a negative one that is not met": (said(Condition={"StringNotEquals": {"aws:SourceAccount": "1"}}), ""),
    "a pattern": (said(Condition={"StringLike": {"aws:SourceAccount": "?"}}), "Allow"),
    "a flag": (said(Condition={"Bool": {"s3:flag": True}}), "Allow"),
    "two conditions, one not met": (
        said(Condition={"Bool": {"s3:flag": True}, "StringEquals": {"aws:SourceAccount": "2"}}),
        "",
    ),
    "an operator that is not played": (said(Condition={"NumericLessThan": {"s3:max": "1"}}), ""),
    "one of several values": (
        said(Condition={"ForAnyValue:StringEquals": {"aws:SourceAccount": "1"}}),
        "Allow",
    ),
}


@pytest.mark.parametrize("name", SAYS)
def test_a_statement_says(name: str) -> None:
    statement, expected = SAYS[name]
    assert decision([{"Statement": [statement]}], PUT) == expected
    assert decision([{"Statement": statement}], PUT) == expected


def test_a_deny_wins_wherever_it_stands() -> None:
    documents = [{"Statement": [said()]}, {"Statement": [said(Effect="Deny")]}]
    assert decision(documents, PUT) == decision(documents[::-1], PUT) == "Deny"
    assert not allows(documents, PUT)


def test_nothing_said_is_nothing_allowed() -> None:
    assert decision([], PUT) == decision([{}], PUT) == ""
    assert not allows([{"Statement": []}], PUT)


def test_a_roles_own_policy_names_no_principal_and_a_trust_policy_no_resource() -> None:
    own = said(Principal=None, Action="logs:*")
    assert allows([{"Statement": own}], Request("logs:PutLogEvents", "arn:aws:logs:::g"))
    trust = said(Resource=None, Action="sts:AssumeRole", Principal={"Service": "vpc-flow-logs.amazonaws.com"})
    assert allows([{"Statement": trust}], Request("sts:AssumeRole", "*", "vpc-flow-logs.amazonaws.com"))
