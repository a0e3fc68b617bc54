"""The policy that AWS attaches to a bucket: it suffices, it is made once, and it takes nothing away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emulator.flowlogs.access.bucket_policy import SERVICE, BucketDelivery, verdict, with_delivery
from emulator.scope import Scope

DELIVERY = BucketDelivery(Scope("111111111111", "eu-west-1"), "lake", "", is_hive=False)

deliveries = st.builds(
    BucketDelivery,
    st.builds(
        Scope, st.sampled_from(["111111111111", "222222222222"]), st.sampled_from(["eu-west-1", "us-east-1"])
    ),
    st.just("lake"),
    st.sampled_from(["", "a", "a/b"]),
    st.booleans(),
)


@given(st.lists(deliveries, min_size=1, max_size=6))
def test_it_lets_in_all_for_whom_it_was_made_and_nobody_else(made: list[BucketDelivery]) -> None:
    policy: dict[str, Any] = {}
    for one in made:
        policy = with_delivery(policy, one)
    assert all(verdict(policy, one) == "Allow" for one in made)
    stranger = replace(made[0], scope=Scope("333333333333", "eu-west-1"))
    assert verdict(policy, stranger) == ""
    sids = [one["Sid"] for one in policy["Statement"]]
    assert len(set(sids)) == len(sids)


@given(st.lists(deliveries, min_size=1, max_size=6))
def test_made_again_it_is_the_same(made: list[BucketDelivery]) -> None:
    policy: dict[str, Any] = {}
    for one in made:
        policy = with_delivery(policy, one)
    assert with_delivery(policy, made[0]) == policy


def test_it_changes_nothing_of_what_it_is_given() -> None:
    theirs = {
        "Sid": "AWSLogDeliveryWrite",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "x",
    }
    given_policy = {"Version": "2008-10-17", "Id": "p", "Statement": theirs}
    policy = with_delivery(given_policy, DELIVERY)
    assert (policy["Version"], policy["Id"], policy["Statement"][0]) == ("2008-10-17", "p", theirs)
    assert policy["Statement"][1]["Sid"] == "AWSLogDeliveryWrite1"
    assert given_policy["Statement"] is theirs


def test_a_bucket_that_lets_objects_in_but_hides_its_acl_does_not_suffice() -> None:
    objects = {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "s3:PutObject",
        "Resource": "*",
    }
    assert verdict({"Statement": objects}, DELIVERY) == ""
    assert verdict({"Statement": {**objects, "Action": "s3:*"}}, DELIVERY) == "Allow"
    assert verdict({"Statement": {**objects, "Effect": "Deny"}}, DELIVERY) == "Deny"
