"""An account of the emulator with every kind of owner, read once for the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.inventory.reading.region_reading import RegionReader
from emulator import server
from tests.beside import beside
from tests.connectors.vpc.diagnosis.lab import REGION, Lab
from tests.connectors.vpc.diagnosis.topologies.between import TABLES
from tests.connectors.vpc.diagnosis.topologies.services import BALANCING
from tests.emulator.aws import session

UUID = "0a1b2c3d-4e5f-4a6b-8c7d-0123456789ab"


@dataclass
class Account:
    """An account of an emulator: its clients, and a `Lab` that builds in it."""

    url: str
    number: str
    lab: Lab = field(init=False)
    _clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lab = Lab(self.url, self.number)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            opened = session(self.number)
            self._clients[service] = opened.client(service, REGION, endpoint_url=self.url)
        return self._clients[service]

    def reader(self, clients: Callable[[str], Any] | None = None) -> RegionReader:
        return RegionReader(clients or self.client, f"account {self.number}", threading.Event())


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """The URL of an emulator, with a moto behind it."""
    with beside(server.emulator()) as url:
        yield url


@pytest.fixture(scope="session")
def everything(aws_url: str) -> Account:
    """An account with load balancers, transit gateways, a database, and interfaces of services."""
    account = Account(aws_url, "555555555555")
    TABLES.build(account.lab)
    BALANCING.build(account.lab)
    _services(account)
    return account


def _services(account: Account) -> None:
    ec2 = account.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    names = {
        "ElastiCache sessions-001": "cache",
        f"AWS Lambda VPC ENI-resize-{UUID}": "function",
        "Amazon EKS shop": "cluster",
    }
    for text in names:
        ec2.create_network_interface(SubnetId=subnet["SubnetId"], Description=text)
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="shop")
    container = {"name": "a", "image": "b", "memory": 10}
    ecs.register_task_definition(
        family="checkout", networkMode="awsvpc", containerDefinitions=[container], cpu="256", memory="512"
    )
    network = {"awsvpcConfiguration": {"subnets": [subnet["SubnetId"]], "securityGroups": []}}
    started = ecs.run_task(
        cluster="shop", taskDefinition="checkout", launchType="FARGATE", networkConfiguration=network
    )
    details = started["tasks"][0]["attachments"][0]["details"]
    eni = next(one["value"] for one in details if one["name"] == "networkInterfaceId")
    text = f"arn:aws:ecs:{REGION}:{account.number}:attachment/{UUID}"
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Description={"Value": text})
