"""Settings: a misspelt one is an error with a suggestion, a wrong one is refused, a secret is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from connectors.described_settings import describe
from connectors.settings import (
    ALL,
    ENV_PREFIX,
    OTHER_NAMES,
    Common,
    Connect,
    Notify,
    Serve,
    SettingsError,
    Work,
    check_names,
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for group in ALL:
        for name in group.model_fields:
            monkeypatch.delenv(ENV_PREFIX + name.upper(), raising=False)


def test_every_variable_of_ours_is_known() -> None:
    check_names([ENV_PREFIX + name.upper() for group in ALL for name in group.model_fields])
    check_names(OTHER_NAMES)


def test_other_variables_are_nobody_s_business() -> None:
    check_names(["PATH", "VPCFLOW", "MY_VPCFLOW_KAFKA", "AWS_REGION"])


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("VPCFLOW_KAFKAA", "VPCFLOW_KAFKA"),
        ("VPCFLOW_SLOT", "VPCFLOW_SLOTS"),
        ("vpcflow_latenes_s", "VPCFLOW_LATENESS_S"),
        ("VPCFLOW_WEB_HOOK", "VPCFLOW_WEBHOOK"),
    ],
)
def test_a_misspelt_variable_is_an_error_with_a_suggestion(name: str, suggestion: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} is not a setting; did you mean {suggestion}\?$"):
        check_names(["PATH", name])


def test_an_unlike_variable_is_an_error_that_says_where_to_look() -> None:
    with pytest.raises(SettingsError, match="VPCFLOW_QQQQQQQQQQ is not a setting; `vpcflow check` lists all"):
        check_names(["VPCFLOW_QQQQQQQQQQ"])


def test_a_misspelt_name_in_the_file_is_an_error_whatever_it_begins_with() -> None:
    check_names([], ["VPCFLOW_SLOTS", "vpcflow_kafka"])
    for name in ("VPCFLOW_SLOT", "VPCFLW_SLOTS", "SLOTS"):
        with pytest.raises(SettingsError, match=name):
            check_names([], [name])


def test_flags_are_over_environment_over_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("vpcflow.env").write_text("VPCFLOW_SLOTS=2\nVPCFLOW_PREFIX=file.\nVPCFLOW_STREAM=file\n")
    monkeypatch.setenv("VPCFLOW_SLOTS", "3")
    monkeypatch.setenv("VPCFLOW_PREFIX", "environment.")
    found = Connect(slots=4)
    assert (found.slots, found.prefix, found.stream) == (4, "environment.", "file")


def test_one_file_serves_all_processes() -> None:
    Path("vpcflow.env").write_text("VPCFLOW_PORT=9999\nVPCFLOW_WINDOW_S=120\n")
    assert (Serve().port, Work().window_s, Connect().slots) == (9999, 120, 8)


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        (Common, "slots", "0"),
        (Common, "slots", "257"),
        (Common, "slots", "eight"),
        (Connect, "start", "latest"),
        (Connect, "start", "XLATEST"),
        (Connect, "start", "TRIM_HORIZONS"),
        (Connect, "start", "AT_TIMESTAMP"),
        (Connect, "start", "yesterday"),
        (Connect, "shard_limits", "some"),
        (Work, "window_s", "5"),
        (Work, "lateness_s", "-1"),
        (Serve, "port", "65536"),
        (Serve, "url", ""),
        (Notify, "url", "flows.example.com"),
        (Notify, "url", "ftp://flows.example.com/"),
        (Notify, "url", "http://"),
        (Notify, "url", "http://flows.example.com:99999/"),
        (Notify, "url", "http://flows .example.com/"),
        (Notify, "url", "http://me:key@flows.example.com/"),
        (Notify, "url", "http://flows.example.com/?by=bytes"),
    ],
)
def test_a_value_out_of_range_is_refused(
    monkeypatch: pytest.MonkeyPatch, group: type[Common], name: str, value: str
) -> None:
    monkeypatch.setenv(ENV_PREFIX + name.upper(), value)
    with pytest.raises(ValidationError, match=name):
        group()


@pytest.mark.parametrize("url", ["https://flows.example.com", "http://127.0.0.1:9999/", "http://[::1]/flows"])
def test_the_public_url_ends_with_a_slash(url: str) -> None:
    assert Serve(url=url).url == Notify(url=url).url == url.rstrip("/") + "/"


@pytest.mark.parametrize("start", ["TRIM_HORIZON", "LATEST"])
def test_both_beginnings_of_a_stream_are_accepted(start: str) -> None:
    assert Connect(start=start).start == start


def test_nothing_listens_beyond_loopback_unless_told() -> None:
    assert (Serve().host, Common().kafka.partition(":")[0]) == ("127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize("group", ALL)
def test_every_setting_is_described_with_its_value(group: type[Common]) -> None:
    told = describe(group())
    assert set(told) == {ENV_PREFIX + name.upper() for name in group.model_fields}
    assert all(one.description and one.origin == "default" for one in told.values())


def test_the_origin_of_every_value_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("vpcflow.env").write_text("VPCFLOW_PREFIX=file.\nVPCFLOW_SLOTS=2\n")
    monkeypatch.setenv("VPCFLOW_SLOTS", "3")
    monkeypatch.setenv("VPCFLOW_KAFKA", "environment:1")
    told = describe(Common(kafka="flag:1"), ["kafka"])
    shown = {name: (one.value, one.origin) for name, one in told.items() if "_KAFKA_" not in name}
    assert shown == {
        "VPCFLOW_KAFKA": ("flag:1", "flag"),
        "VPCFLOW_SLOTS": ("3", "environment"),
        "VPCFLOW_PREFIX": ("file.", "vpcflow.env"),
        "VPCFLOW_HEALTH_HOST": ("127.0.0.1", "default"),
        "VPCFLOW_HEALTH_PORT": ("0", "default"),
    }


def test_a_secret_is_not_shown() -> None:
    """Neither a key nor the URL of a webhook, which often carries a token."""
    settings = Notify(webhook_key=SecretStr("hunter2"), webhook="https://hooks.example/hunter2")
    told = describe(settings)
    assert "hunter2" not in str(told)
    assert told["VPCFLOW_WEBHOOK"].value == told["VPCFLOW_WEBHOOK_KEY"].value == "***"
    assert describe(Notify())["VPCFLOW_WEBHOOK_KEY"].value == ""
