"""The accounts to read: roles that are assumed, Regions, and sentences for what is wrong."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from connectors.errors import ConnectError
from connectors.inventory.reading import accounts
from connectors.inventory.reading.accounts import SELF, AccountError, Accounts, Place, places, regions_of
from connectors.settings import Inventory
from streams.commands.checks.inventory import NotReadable, read_once
from tests.connectors.vpc.diagnosis.lab import REGION, Lab

OWN, OTHER = "666666666666", "888888888888"
ROLE = f"arn:aws:iam::{OTHER}:role/reader"


@pytest.fixture
def aws(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The variables of the AWS SDK for an account of the emulator."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": OWN,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    return aws_url


def test_every_role_is_read_in_every_region() -> None:
    assert places(f"{ROLE}, self,{ROLE}", ["eu-west-1", "us-east-1"]) == [
        Place(ROLE, "eu-west-1"),
        Place(ROLE, "us-east-1"),
        Place(SELF, "eu-west-1"),
        Place(SELF, "us-east-1"),
    ]
    assert places("", ["eu-west-1"]) == [Place(SELF, "eu-west-1")]


def test_without_a_region_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setattr(accounts, "session", lambda: boto3.Session("a", "b"))
    assert regions_of(" eu-west-1 ,eu-west-1,us-east-1") == ["eu-west-1", "us-east-1"]
    with pytest.raises(ConnectError, match="set VPCFLOW_INVENTORY_REGIONS"):
        regions_of("")


@pytest.mark.moto
def test_a_role_gives_the_interfaces_of_its_account(aws: str) -> None:
    lab = Lab(aws, OTHER)
    lab.vpc("a", "10.0.0.0/16")
    lab.subnet("s", "a", "10.0.0.0/24")
    eni = lab.ec2.create_network_interface(SubnetId=lab.id("s"))["NetworkInterface"]["NetworkInterfaceId"]
    found = Accounts()
    assert found.account_of(ROLE) == OTHER
    assert found.account_of(SELF) == OWN

    def interfaces(role: str) -> set[str]:
        client = found.client(Place(role, REGION), "ec2")
        listed = client.describe_network_interfaces()["NetworkInterfaces"]
        return {one["NetworkInterfaceId"] for one in listed}

    assert eni in interfaces(ROLE)
    assert eni not in interfaces(SELF)


@pytest.mark.moto
@pytest.mark.load
async def test_check_reads_once_and_writes_nothing(aws: str) -> None:
    found = await read_once(Inventory(inventory_roles=f"{ROLE},self"))
    assert f"account {OTHER}, Region {REGION}" in found
    assert f"account {OWN}, Region {REGION}: 0 interfaces" in found
    with pytest.raises(NotReadable, match="VPCFLOW_PREFIX_LISTS=/none cannot be used"):
        await read_once(Inventory(prefix_lists="/none"))


def test_a_role_that_is_denied_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Denied:
        def get_credentials(self) -> Any:
            from botocore.exceptions import ClientError

            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")

    monkeypatch.setattr(accounts, "_assumed", lambda _: Denied())
    with pytest.raises(AccountError, match=f"AWS refuses sts:AssumeRole on {ROLE}"):
        Accounts().account_of(ROLE)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("inventory_regions", "eu-west-1,Frankfurt", "'Frankfurt' is no Region"),
        ("inventory_roles", "arn:aws:iam::1:user/x", "is no role"),
        ("inventory_since", "yesterday", "write a time such as"),
        ("inventory_s", "5", "greater than or equal to 10"),
        ("inventory_network_hours", "3", "greater than or equal to 24"),
    ],
)
def test_a_wrong_setting_is_a_sentence(name: str, value: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Inventory.model_validate({name: value})


def test_the_time_since_which_interfaces_are_there() -> None:
    assert Inventory(inventory_since="2026-11-30T12:00:00Z").since_s == 1796040000
    assert Inventory().since_s is None
