"""Clients of AWS, and of LocalStack by `LOCALSTACK_HOST`."""

from __future__ import annotations

import pytest

from connectors.aws.session import make_client, session


@pytest.mark.parametrize("host", ["", "127.0.0.1:4567"])
@pytest.mark.parametrize("region", ["eu-west-1", None])
def test_a_client_has_the_region_that_is_asked_for_or_set(
    host: str, region: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "LOCALSTACK_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    if host:
        monkeypatch.setenv("LOCALSTACK_HOST", host)
    for client in (make_client("kinesis", region), make_client("kinesis", region, found=session(region))):
        assert client.meta.region_name == (region or "us-east-2")
        assert (client.meta.endpoint_url == f"http://{host}") == bool(host)
