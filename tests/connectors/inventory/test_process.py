"""`vpcflow inventory` on a real Kafka: rows, restart, a second process, foreign messages, other accounts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from connectors.errors import ConnectError
from connectors.inventory import process as processes
from connectors.inventory.directory import Directory
from connectors.inventory.follower import Follower
from connectors.inventory.network_at import clients_at
from connectors.inventory.network_rows import NetworkHistory
from connectors.inventory.process import InventoryProcess
from connectors.inventory.reading.accounts import SELF, Accounts, Place
from connectors.kafka.clients.connection import KafkaConnection
from connectors.kafka.topics import ensure_topics
from connectors.settings import Inventory
from tests.connectors.vpc.diagnosis.lab import REGION, Lab

pytestmark = [pytest.mark.kafka, pytest.mark.moto]

Reader = Callable[[str], Awaitable[list[Any]]]
NUMBER = "777777777777"
ADDRESS = "10.0.0.10"
DEADLINE_S = 60.0


class Machine:
    """An instance with an interface of its own at one address."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab = lab
        made = lab.ec2.create_network_interface(SubnetId=lab.id("s"), PrivateIpAddress=ADDRESS)
        self.eni = made["NetworkInterface"]["NetworkInterfaceId"]
        started = lab.ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": self.eni}],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )["Instances"][0]
        self.id = started["InstanceId"]
        described = lab.ec2.describe_network_interfaces(NetworkInterfaceIds=[self.eni])["NetworkInterfaces"]
        self.begins = int(described[0]["Attachment"]["AttachTime"].timestamp())
        self.ends: int | None = None

    def end(self) -> None:
        """Terminate the instance and delete its interface, as AWS does by default."""
        self._lab.ec2.terminate_instances(InstanceIds=[self.id])
        self.ends = int(time.time())
        self._lab.ec2.delete_network_interface(NetworkInterfaceId=self.eni)


def network(url: str, account: str) -> Lab:
    lab = Lab(url, account)
    lab.vpc("a", "10.0.0.0/16")
    lab.subnet("s", "a", "10.0.0.0/24")
    return lab


@pytest.fixture
async def settings(kafka: str, prefix: str, aws_url: str, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Settings for an emulator, with readings that follow each other at once."""
    await ensure_topics(KafkaConnection(kafka), prefix, 1)
    for name, value in {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": NUMBER,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processes, "PAUSE_MIN_S", 0.05)
    settings = Inventory(kafka=kafka, prefix=prefix, slots=1)
    settings.inventory_s = 0.05
    return settings


@asynccontextmanager
async def running(settings: Inventory, *places: Place) -> AsyncIterator[asyncio.Task[None]]:
    """Run a process while in the context, from its first reading on."""
    stop = asyncio.Event()
    process = InventoryProcess(settings, Accounts(), places or (Place(SELF, REGION),))
    task = asyncio.ensure_future(process.run(stop))
    try:
        await until(lambda: process.is_ready or task.done())
        if task.done():
            task.result()
        yield task
    finally:
        stop.set()
        await asyncio.wait([task])


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_true():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.02)


async def directory(settings: Inventory) -> Directory:
    return await Follower(settings).read()


def owner(found: Directory, at_s: int, vpc: str) -> str:
    at = found.address(ADDRESS, at_s, vpc)
    return at.id if at else ""


async def put_foreign(settings: Inventory) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka)
    await producer.start()
    try:
        for key, value, headers in (
            (b"else", b"x", []),
            (b"interface|eni-0|1", b"no JSON", [("v", b"soon")]),
            (b"network|no", b"{}", []),
        ):
            await producer.send_and_wait(f"{settings.prefix}inventory", value, key, 0, headers=headers)
    finally:
        await producer.stop()


async def test_the_life_of_an_inventory(settings: Inventory, aws_url: str, committed: Reader) -> None:
    """One Kafka for all of it: foreign messages, a replaced instance, a restart, and a second process."""
    topic = f"{settings.prefix}inventory"
    await put_foreign(settings)
    lab = await asyncio.to_thread(network, aws_url, NUMBER)
    first = await asyncio.to_thread(Machine, lab, "one")
    vpc = lab.id("a")
    follower = Follower(settings)
    following = asyncio.ensure_future(follower.run())
    try:
        async with running(settings):
            await until(lambda: owner(follower.directory, first.begins, vpc) == first.id)
            assert follower.directory.foreign == 2
            found = follower.directory.interface(first.eni, first.begins)
            assert found is not None
            assert (found.label, found.kind, found.account) == ("one", "instance", NUMBER)
            place = {"account": NUMBER, "region": REGION}
            assert REGISTRY.get_sample_value("vpcflow_inventory_interfaces", place) == 1
            assert (REGISTRY.get_sample_value("vpcflow_inventory_age_seconds", place) or 99) < DEADLINE_S
            read_at = int(time.time())
            await until(lambda: time.time() >= read_at + 2)  # Times have whole seconds.
            await asyncio.to_thread(first.end)
            second = await asyncio.to_thread(Machine, lab, "two")
            await until(lambda: owner(follower.directory, second.begins, vpc) == second.id)
        assert first.ends is not None
        await until(lambda: owner(follower.directory, 2**40, vpc) == second.id)
        for at_s in range(first.begins - 5, second.begins + 5):
            ids = {first.id} if first.begins <= at_s < first.ends else set()
            ids = {second.id} if at_s >= second.begins else ids or {""}
            # A termination has whole seconds, so the second in which it falls is either's.
            assert owner(follower.directory, at_s, vpc) in ids | ({""} if at_s == first.ends - 1 else set())
        before = await committed(topic)
        async with running(settings) as older:
            assert len(await committed(topic)) == len(before), "a restart writes no row again"
            async with running(settings):
                lab.ec2.create_tags(Resources=[second.id], Tags=[{"Key": "Name", "Value": "three"}])
                renamed = follower.directory.interface
                await until(lambda: getattr(renamed(second.eni, 2**40), "label", "") == "three")
                await until(older.done)
        assert isinstance(older.exception(), ConnectError)
        assert "another `vpcflow inventory` writes to VPCFLOW_PREFIX" in str(older.exception())
    finally:
        following.cancel()
    await _check_history(settings, first, second)


async def _check_history(settings: Inventory, first: Machine, second: Machine) -> None:
    """The configuration of the past has the interface of that time."""
    history = NetworkHistory()
    await Follower(settings, history).read()
    (place,) = history.places()

    def interfaces(at_s: int) -> set[str]:
        answer = clients_at(history, *place, at_s)["ec2"].describe_network_interfaces()
        return {one["NetworkInterfaceId"] for one in answer["NetworkInterfaces"]}

    begins = history.begins_s(*place)
    assert begins is not None
    assert interfaces(begins) & {first.eni, second.eni} == {first.eni}
    assert interfaces(2**40) & {first.eni, second.eni} == {second.eni}
