"""`vpcflow diagnose` as a user runs it: output, exit status, and one sentence for bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.vpc.diagnosis.account.connection_end import UnknownEnd
from connectors.vpc.diagnosis.diagnose import diagnose
from emulator import server
from streams.cli import main
from tests.beside import beside
from tests.connectors.vpc.diagnosis.lab import REGION, Lab
from tests.streams.commands.in_lab import run_in

pytestmark = [pytest.mark.moto, pytest.mark.usefixtures("no_emulator_logs")]
ACCOUNT = "000000000777"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A VPC with a web server, in an emulator."""
    with beside(server.emulator()) as url:
        found = Lab(url, ACCOUNT)
        found.vpc("a", "10.0.0.0/16")
        found.subnet("s", "a", "10.0.0.0/24")
        found.igw("igw", "a")
        found.table("rtb", "a", {"0.0.0.0/0": "igw"}, "s")
        found.group("sg", "a", "tcp 443 0.0.0.0/0")
        found.host("web", "s", "sg", public=True)
        yield found


def run(lab: Lab, *words: str) -> Result:
    """Run the command with names replaced by ids."""
    return run_in(lab, "diagnose", *words)


def test_reachable(lab: Lab) -> None:
    told = run(lab, "internet", "web", "--port", "443", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert (found["reachable"], found["causes"], found["port"], found["protocol"]) == (True, [], 443, "tcp")
    assert {step["component"] for step in found["path"]} >= {lab.id("igw"), lab.id("eni-web")}
    assert found["return_path"]


def test_not_reachable(lab: Lab) -> None:
    told = run(lab, "internet", "web", "--port", "22", "--json")
    assert told.exit_code == 1
    (cause,) = json.loads(told.stdout)["causes"]
    assert cause.pop("sentence")
    assert cause.pop("fix").startswith("aws ec2 authorize-security-group-ingress --group-id sg-")
    assert cause == {
        "code": "ENI_SG_RULES_MISMATCH",
        "component": lab.id("sg"),
        "direction": "forward",
        "rule": None,
    }


def test_icmp_has_no_port(lab: Lab) -> None:
    found = json.loads(run(lab, "web", "internet", "--protocol", "icmp", "--json").stdout)
    assert (found["reachable"], found["port"]) == (True, None)


def test_the_text_names_causes_and_steps(lab: Lab) -> None:
    told = run(lab, "internet", "web", "--port", "22")
    assert told.exit_code == 1
    assert "NOT reachable" in told.stdout
    assert f"ENI_SG_RULES_MISMATCH at {lab.id('sg')}" in told.stdout


def test_flows_are_compared(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "flows.txt"
    address = lab.id("addr-web")
    path.write_text(
        "interface-id srcaddr dstaddr srcport dstport protocol start end action log-status\n"
        f"eni-1 203.0.113.7 {address} 40000 443 6 1000 1060 ACCEPT OK\n"
        f"eni-1 {address} 203.0.113.7 443 40000 6 1000 1060 ACCEPT OK\n"
    )
    found = json.loads(run(lab, "internet", "web", "--port", "443", "--flows", str(path), "--json").stdout)
    assert found["seen"] == {
        "forward": {"accepted": 1, "rejected": 0},
        "return": {"accepted": 1, "rejected": 0},
    }
    assert (found["agreement"], found["hints"]) == ("agrees", [])
    path.write_text("nonsense\n")
    told = run(lab, "internet", "web", "--flows", str(path))
    assert (told.exit_code, told.stdout) == (2, "")
    assert "must name its fields" in told.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("i-0123456789abcdef0", "internet"), "There is no instance i-0123456789abcdef0"),
        (("web", "internet", "--port", "0"), "--port is 0"),
        (("web", "internet", "--port", "70000"), "--port is 70000"),
        (("web", "internet", "--port", "x"), "--port is x"),
        (("web", "internet", "--protocol", "sctp"), "--protocol is sctp"),
        (("web", "internet", "--flows", "/no/such/file"), "cannot be read"),
        (("web", "internet", "--flows", "/"), "cannot be read"),
        (("web", "internet", "--port", ""), "--port is "),
        (("web", "internet", "--port", " 443"), "--port is  443"),
        (("web", "internet", "--port", "-1"), "--port is -1"),
        (("web", "internet", "--port", "443.0"), "--port is 443.0"),
        (("web", "internet", "--port", "٤٤٣"), "must be a number"),
        (("web", "internet", "--protocol", ""), "--protocol is "),
        (("web", "10.0.0.999"), "10.0.0.999 is no id"),
        (("web", "10.0.0.0/8"), "10.0.0.0/8 is no id"),
        (("web", ""), "is no id"),
        (("web", "no-such-name"), "no-such-name is no id"),
        (("arn:aws:rds:us-east-1:1:db:none", "web"), "is no id"),
        (("web", "web"), "are the same network interface"),
        (("internet", "203.0.113.7"), "both outside the estate"),
    ],
)
def test_what_is_undetermined_is_one_sentence(lab: Lab, words: tuple[str, ...], sentence: str) -> None:
    told = run(lab, *words, "--json")
    assert (told.exit_code, told.stdout) == (2, ""), told.output
    assert sentence in told.stderr
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("source", "destination", "sentence"),
    [
        ("web", "eni-0123456789abcdef0", "There is no network interface"),
        ("web", "subnet-0123", "There is no subnet"),
        ("web", "10.0.0.999", "10.0.0.999 is no id"),
        ("web", "10.0.0.77", "No network interface in"),
        ("web", "no-such-balancer", "no load balancer or RDS instance"),
        ("web", "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/", "no load balancer or RDS instance"),
        ("web", "224.0.0.5", "224.0.0.5 is no address of a host"),
        ("fe80::1", "web", "fe80::1 is no address of a host"),
        ("web", "eni-web", "are the same network interface"),
        ("internet", "203.0.113.7", "both outside the estate"),
        ("internet", "internet", "both outside the estate"),
        ("vpce-0123", "web", "There is no VPC endpoint"),
    ],
)
def test_an_end_that_cannot_be_resolved(lab: Lab, source: str, destination: str, sentence: str) -> None:
    with pytest.raises(UnknownEnd, match=sentence):
        diagnose(lab.read(), lab.id(source), lab.id(destination), "tcp", 443)


def test_an_endpoint_that_is_not_there(lab: Lab) -> None:
    env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    told = CliRunner(mix_stderr=False).invoke(
        main, ["diagnose", "internet", "i-1"], env=env | {"AWS_DEFAULT_REGION": REGION}
    )
    assert told.exit_code == 2
    assert "cannot be read from EC2" in told.stderr
