"""The emulator's page about flow logs: what it shows, what its form does, and what it lets nobody do."""

from __future__ import annotations

import urllib.error
import urllib.request
from html import unescape
from urllib.parse import urlencode

import pytest

from tests.emulator.flowlogs.account import REGION, Account

pytestmark = pytest.mark.moto


def read(account: Account, path: str = "", body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Return status and text of one of the pages, for an account."""
    url = f"{account.url}/_vpcflow/{path}?account={account.number}&region={REGION}"
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def form(account: Account, **more: str) -> bytes:
    """Return the form as a browser sends it."""
    filled = {
        "name": "by form",
        "resource": account.vpc,
        "filter": "REJECT",
        "interval": "60",
        "destination_type": "cloud-watch-logs",
        "destination": "by-form",
        "role": account.role,
        "format": "",
        **more,
    }
    return urlencode(filled).encode()


def test_it_shows_the_network_and_every_flow_log(account: Account) -> None:
    made = account.create(**account.settings(TrafficType="ACCEPT", MaxAggregationInterval=60))
    status, shown = read(account)
    assert status == 200
    for text in (
        account.vpc,
        *account.subnets,
        made,
        "ACCEPT",
        "60 s",
        "CloudWatch Logs",
        "flows",
        "SUCCESS",
    ):
        assert text in shown


def test_its_form_creates_a_flow_log(account: Account) -> None:
    status, shown = read(account, body=form(account), **{"Sec-Fetch-Site": "same-origin"})
    (made,) = account.described()
    assert status == 200
    assert f"Flow log {made['FlowLogId']} was created." in shown
    assert (made["TrafficType"], made["MaxAggregationInterval"]) == ("REJECT", 60)
    assert made["Tags"] == [{"Key": "Name", "Value": "by form"}]
    assert made["LogGroupName"] == "by-form"


def test_what_ec2_refuses_is_said_in_its_own_words(account: Account) -> None:
    _, shown = read(account, body=form(account, resource="vpc-0nothing"))
    assert "The vpc ID 'vpc-0nothing' does not exist" in unescape(shown)
    _, shown = read(
        account, body=form(account, destination_type="s3", role="", destination="arn:aws:s3:::no-such-one")
    )
    assert "LogDestination: no-such-one does not exist" in unescape(shown)
    assert account.described() == []


def test_another_sites_form_is_refused(account: Account) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        status, _ = read(account, body=form(account), **headers)
        assert status == 403
    assert account.described() == []


def test_what_came_from_outside_is_escaped(account: Account) -> None:
    hostile = '"><script>alert(1)</script>'
    account.ec2.create_tags(Resources=[account.vpc], Tags=[{"Key": "Name", "Value": hostile}])
    _, shown = read(account, body=form(account, name=hostile, destination=hostile))
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_nothing_but_its_own_files_may_be_loaded(account: Account) -> None:
    for path in ("", "live", "page.css", "page.js"):
        with urllib.request.urlopen(f"{account.url}/_vpcflow/{path}") as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "not JSON"),
        (b"[]", "a JSON object"),
        (b'{"bussy": 1}', "no setting `bussy`"),
        (b'{"speed": 0}', "`speed` is between 0 and 3600"),
        (b'{"incidents": ["earthquake"]}', "no incident `earthquake`"),
        (b'{"records": true}', "`records` must be a whole number"),
    ],
)
def test_a_world_that_cannot_be_is_refused(account: Account, body: bytes, sentence: str) -> None:
    request = urllib.request.Request(f"{account.url}/_vpcflow/world", data=body, method="PUT")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 400
    assert sentence in refused.value.read().decode()


def test_there_is_no_ledger_before_the_end(account: Account) -> None:
    assert read(account, "ledger")[0] == 404
