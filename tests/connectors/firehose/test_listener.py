"""Keys, certificates and addresses are looked at before anything listens; a sentence says what is wrong."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web

from connectors.firehose.handler import Receiver
from connectors.firehose.listener import access_keys, is_allowed, listening, tls
from connectors.settings import ConnectFirehose, SettingsError


def settings(**given: Any) -> ConnectFirehose:
    return ConnectFirehose.model_validate({"firehose_port": 0, **given})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_no_key_is_needed_on_loopback(host: str) -> None:
    assert access_keys(settings(firehose_host=host)) == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_a_key_is_needed_where_others_reach_us(host: str) -> None:
    with pytest.raises(SettingsError, match="set VPCFLOW_FIREHOSE_KEY"):
        access_keys(settings(firehose_host=host))
    assert access_keys(settings(firehose_host=host, firehose_key="a")) == (b"a",)


@pytest.mark.parametrize(
    ("given", "is_right"),
    [
        ("first-key", True),
        ("second-kéy", True),
        ("first-keY", False),
        ("first-ke", False),
        ("first-key ", False),
        ("", False),
        (None, False),
        ("\udcff", False),
    ],
)
def test_either_key_is_taken_and_none_other(given: str | None, is_right: bool) -> None:
    keys = access_keys(settings(firehose_key="first-key", firehose_key_2="second-kéy"))
    assert is_allowed(given, keys) == is_right


def test_the_second_key_alone_is_a_key() -> None:
    keys = access_keys(settings(firehose_key_2="b"))
    assert (is_allowed("b", keys), is_allowed("", keys), is_allowed(None, keys)) == (True, False, False)


def test_keys_are_not_shown() -> None:
    assert "hush" not in repr(settings(firehose_key="hush", firehose_key_2="hush"))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A certificate, its key, another's key, and what is neither."""
    issued, other = trustme.CA().issue_cert("localhost"), trustme.CA().issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    issued.private_key_pem.write_to_path(tmp_path / "key")
    other.private_key_pem.write_to_path(tmp_path / "other")
    (tmp_path / "text").write_text("no PEM")
    return {name: str(tmp_path / name) for name in ("cert", "key", "other", "text", "missing")}


def test_a_certificate_with_its_key_is_used(files: dict[str, str]) -> None:
    assert tls(settings(firehose_cert=files["cert"], firehose_cert_key=files["key"])) is not None
    assert tls(settings()) is None


@pytest.mark.parametrize(
    ("cert", "key"),
    [("missing", "key"), ("cert", "missing"), ("cert", "other"), ("text", "key"), ("cert", "text")],
)
def test_files_that_cannot_be_used_are_a_sentence(files: dict[str, str], cert: str, key: str) -> None:
    with pytest.raises(SettingsError, match="cannot be used") as error:
        tls(settings(firehose_cert=files[cert], firehose_cert_key=files[key]))
    assert files[cert] in str(error.value)


def test_one_file_without_the_other_is_a_sentence(files: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="both, or neither"):
        tls(settings(firehose_cert=files["cert"]))
    with pytest.raises(SettingsError, match="both, or neither"):
        tls(settings(firehose_cert_key=files["key"]))


async def test_a_port_that_is_taken_is_a_sentence() -> None:
    async def never(_: web.BaseRequest) -> web.StreamResponse:
        raise AssertionError

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"cannot listen .*VPCFLOW_FIREHOSE_PORT={port}"):
            async with listening(settings(firehose_port=port), never):
                raise AssertionError
    with pytest.raises(SettingsError, match="VPCFLOW_FIREHOSE_HOST=no-such-host"):
        async with listening(settings(firehose_host="no-such-host.invalid"), never):
            raise AssertionError


@pytest.mark.socket
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("HEAD", "/livez", 200),
        ("GET", "/livez?from=balancer", 200),
        ("GET", "/", 405),
        ("GET", "/livez/more", 405),
        ("POST", "/livez", 401),  # a request of Firehose, whatever its path
    ],
)
async def test_livez_needs_no_key_and_nothing_else_is_open(method: str, path: str, status: int) -> None:
    keyed = settings(firehose_key="a-key")
    receiver = Receiver(keyed)
    async with listening(keyed, receiver.handle) as listener, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{listener.port}{path}"
        async with session.request(method, url) as answer:
            assert answer.status == status
            if method == "GET" and status == 200:
                assert await answer.text() == "live\n"
