"""The health port listens on loopback unless `VPCFLOW_HEALTH_HOST` is set, and reports a wrong address."""

from __future__ import annotations

import re
import socket
from typing import Any

import aiohttp
import pytest

from connectors.health_endpoint import health_endpoint
from connectors.settings import Common, SettingsError
from emulator.kafka.ports import free_port

pytestmark = pytest.mark.socket


def settings(**given: Any) -> Common:
    return Common.model_validate({"health_port": free_port(), **given})


def listens(host: str, port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((host, port)) == 0


async def test_probes_answer_on_loopback_by_default() -> None:
    """127.0.0.2 stands for another address of the machine."""
    given = settings()
    is_ready = False
    async with health_endpoint(given, lambda: is_ready), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{given.health_port}"
        assert not listens("127.0.0.2", given.health_port)
        async with session.get(f"{url}/livez") as live, session.get(f"{url}/readyz") as ready:
            assert (live.status, ready.status) == (200, 503)
        is_ready = True
        async with session.get(f"{url}/readyz") as ready, session.get(f"{url}/metrics") as metrics:
            assert (ready.status, metrics.status) == (200, 200)
    assert not listens("127.0.0.1", given.health_port)


async def test_probes_answer_on_every_address_when_asked() -> None:
    given = settings(health_host="0.0.0.0")
    async with health_endpoint(given, lambda: True):
        assert listens("127.0.0.2", given.health_port)


async def test_port_0_listens_nowhere() -> None:
    async with health_endpoint(settings(health_port=0), lambda: True):
        pass


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 80])
async def test_an_address_of_another_machine_is_a_sentence(host: str) -> None:
    given = settings(health_host=host)
    sentence = f"cannot listen on VPCFLOW_HEALTH_HOST={host}, VPCFLOW_HEALTH_PORT={given.health_port} ("
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        async with health_endpoint(given, lambda: True):
            pass


async def test_a_port_in_use_is_a_sentence() -> None:
    given = settings()
    with pytest.raises(SettingsError, match=f"VPCFLOW_HEALTH_PORT={given.health_port} is taken by another"):
        async with health_endpoint(given, lambda: True), health_endpoint(given, lambda: True):
            pass
