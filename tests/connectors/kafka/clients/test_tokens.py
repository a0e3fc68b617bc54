"""OAUTHBEARER tokens: kept, renewed in time, and taken from a file, a token endpoint or AWS's signer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pybase64
import pytest
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.kafka.clients.connection import KafkaConnection, Login, Secret, TokenEndpoint
from connectors.kafka.clients.factory import security_options
from connectors.kafka.clients.msk import msk_token, region_of
from connectors.kafka.clients.token_endpoint import endpoint_token
from connectors.kafka.clients.tokens import Token, TokenProvider, TokenUnavailable

CLIENT, SECRET, SCOPE = "vpcflow", "cl1ent-secret", "kafka.write"
BROKER = "b-1.flows.abc123.c2.kafka.eu-west-1.amazonaws.com:9098"


@given(st.lists(st.floats(0, 400), max_size=20), st.floats(1, 300))
def test_a_token_is_never_used_after_its_lifetime(steps: list[float], lifetime_s: float) -> None:
    now, made_at = 0.0, {}

    def make() -> Token:
        made_at[f"token-{len(made_at)}"] = now
        return Token(f"token-{len(made_at) - 1}", lifetime_s)

    provider = TokenProvider(make, lambda: now)
    for step in steps:
        now += step
        assert now - made_at[asyncio.run(provider.token())] < lifetime_s
    assert len(made_at) <= max(1, len(steps))


async def test_clients_that_connect_at_once_share_a_token() -> None:
    made: list[int] = []

    def make() -> Token:
        made.append(threading.get_ident())
        return Token("token", 60)

    provider = TokenProvider(make)
    tokens = await asyncio.gather(*(provider.token() for _ in range(20)))
    assert set(tokens) == {"token"}
    assert len(made) == 1
    assert made[0] != threading.get_ident(), "the source blocks, so it has to run in another thread"


def test_a_token_is_in_no_repr() -> None:
    assert "t0ken" not in repr(Token("t0ken", 60))


async def test_a_token_file_is_read_at_each_use(tmp_path: Path) -> None:
    path = tmp_path / "token"
    login = Login("OAUTHBEARER", token_file=str(path))
    options = security_options(KafkaConnection("kafka:9092", "sasl_plaintext", login=login))
    assert options["sasl_mechanism"] == "OAUTHBEARER"
    provider: TokenProvider = options["sasl_oauth_token_provider"]
    with pytest.raises(TokenUnavailable, match=f"VPCFLOW_KAFKA_TOKEN_FILE={path} cannot be read"):
        await provider.token()
    path.write_text("first\n")
    assert await provider.token() == "first"
    path.write_text("second\n")
    assert await provider.token() == "second"
    path.write_text("\n")
    with pytest.raises(TokenUnavailable, match="is empty"):
        await provider.token()


@asynccontextmanager
async def identity_provider(answer: object = None) -> AsyncIterator[str]:
    """Run a token endpoint; yields its URL. `answer` replaces the answer to a good request."""

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        if request.headers["Authorization"] != encode_basic_auth(CLIENT, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        if dict(form) != {"grant_type": "client_credentials", "scope": SCOPE}:
            return web.json_response({"error": "invalid_request"}, status=400)
        good = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300}
        return web.json_response(good if answer is None else answer)

    app = web.Application()
    app.router.add_post("/token", token)
    async with TestServer(app) as server:
        yield str(server.make_url("/token"))


async def requested(url: str, secret: str = SECRET) -> Token:
    """Request a token in a thread, as the provider does."""
    key = Secret("VPCFLOW_KAFKA_TOKEN_SECRET_FILE", SecretStr(secret))
    return await asyncio.to_thread(endpoint_token, TokenEndpoint(url, CLIENT, key, SCOPE))


@pytest.mark.socket
async def test_a_token_endpoint_gives_a_token_with_its_lifetime() -> None:
    async with identity_provider() as url:
        assert await requested(url) == Token("t0ken", 300)
    async with identity_provider({"access_token": "t0ken"}) as url:
        assert (await requested(url)).lifetime_s == 60


@pytest.mark.socket
async def test_a_refusal_of_the_token_endpoint_is_a_sentence_without_secrets() -> None:
    async with identity_provider() as url:
        with pytest.raises(TokenUnavailable) as refused:
            await requested(url, "wr0ng-secret")
    assert f"VPCFLOW_KAFKA_TOKEN_URL={url} answers 401 invalid_client; check" in str(refused.value)
    assert "wr0ng" not in str(refused.value)
    with pytest.raises(TokenUnavailable, match="cannot be reached"):
        await requested(url)
    for answer in ({"token": "t0ken"}, {"access_token": 7}, ["t0ken"], {"access_token": ""}):
        async with identity_provider(answer) as url:
            with pytest.raises(TokenUnavailable, match="answers with no access_token in JSON") as refused:
                await requested(url)
        assert "t0ken" not in str(refused.value)


def test_a_token_for_msk_is_a_signed_request_of_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    token = msk_token(BROKER)
    assert 890 < token.lifetime_s <= 900
    padded = token.value + "=" * (-len(token.value) % 4)
    url = urlsplit(pybase64.urlsafe_b64decode(padded).decode())
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.hostname) == ("https", "kafka.eu-west-1.amazonaws.com")
    assert query["Action"] == "kafka-cluster:Connect"
    assert query["X-Amz-Credential"].startswith("AKIDEXAMPLE/")
    assert query["X-Amz-Credential"].endswith("/eu-west-1/kafka-cluster/aws4_request")
    assert query["X-Amz-Expires"] == "900"
    assert len(query["X-Amz-Signature"]) == 64
    assert "wJalrXUtnFEMI" not in url.geturl()
    options = security_options(KafkaConnection(BROKER, "sasl_ssl", login=Login("AWS_MSK_IAM")))
    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "OAUTHBEARER")


def test_the_region_of_msk_is_in_the_names_of_its_brokers() -> None:
    assert region_of(BROKER) == "eu-west-1"
    assert region_of("boot-x1.c3.kafka-serverless.us-west-2.amazonaws.com:9098") == "us-west-2"
    assert region_of("kafka.example.com:9098") == ""


def test_missing_credentials_of_aws_are_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(TokenUnavailable, match="the AWS SDK finds no usable credentials"):
        msk_token(BROKER)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(TokenUnavailable, match="the AWS region is not known: set AWS_REGION"):
        msk_token("kafka.example.com:9098")
