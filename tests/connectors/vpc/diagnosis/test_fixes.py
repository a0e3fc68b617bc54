"""The commands of a diagnosis: run on the emulator, they make the destination reachable."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest

from connectors.vpc.diagnosis.diagnose import diagnose
from connectors.vpc.diagnosis.report import document
from tests.connectors.vpc.diagnosis.lab import Lab

pytestmark = pytest.mark.moto
ROUNDS = 3
LISTS = ("instance-ids", "subnet-ids", "add-subnet-ids")
NUMBERS = ("rule-number",)


def apply(lab: Lab, command: str) -> None:
    """Run a command of the AWS CLI with boto3."""
    nested = re.search(r'"\$\((.+?)\)"', command)
    if nested:
        command = command.replace(nested.group(0), _created(lab, nested.group(1)))
    program, service, verb, *words = shlex.split(command)
    assert program == "aws"
    client = {"ec2": lab.ec2, "rds": lab.rds, "elbv2": lab.elbv2}[service]
    request: dict[str, Any] = {}
    while words:
        name, values = words.pop(0).removeprefix("--"), []
        while words and not words[0].startswith("--"):
            values.append(words.pop(0))
        if name in ("ingress", "egress"):
            request["Egress"] = name == "egress"
        elif name == "no-source-dest-check":
            request["SourceDestCheck"] = {"Value": False}
        else:
            request[_member(client, verb, name)] = _value(name, values)
    getattr(client, verb.replace("-", "_"))(**request)


def _created(lab: Lab, command: str) -> str:
    if "allocate-address" in command:
        return str(lab.ec2.allocate_address(Domain="vpc")["AllocationId"])
    return str(lab.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])


def _member(client: Any, verb: str, option: str) -> str:
    """Return the member of the operation's input, as the CLI spells its option."""
    operation = client.meta.method_to_api_mapping[verb.replace("-", "_")]
    members = client.meta.service_model.operation_model(operation).input_shape.members
    plain = option.replace("-", "").lower()
    return str(next(one for one in members if one.lower() == plain))


def _value(name: str, values: list[str]) -> Any:
    if values[0].startswith(("[", "{")):
        return json.loads(values[0])
    if name in NUMBERS:
        return int(values[0])
    return values if name in LISTS else values[0]


@pytest.fixture(scope="module")
def lab(lab_url: str) -> Lab:
    """A network with one mistake for each case."""
    made = Lab(lab_url, "000000000888")
    made.vpc("a", "10.0.0.0/16")
    for number, name in enumerate(("pub", "in", "walled", "silent", "detour", "box")):
        made.subnet(name, "a", f"10.0.{number}.0/24")
    made.igw("igw", "a")
    made.nat("nat", "pub")
    made.table("rtb-pub", "a", {"0.0.0.0/0": "igw"}, "pub")
    made.table("rtb-in", "a", {}, "in")
    made.group("sg", "a", "tcp 443 0.0.0.0/0", egress=("tcp 443 0.0.0.0/0",))
    made.group("sg-none", "a", egress=())
    made.host("web", "pub", "sg")
    made.host("app", "in", "sg")
    made.host("shut", "in", "sg-none")
    made.host("halted", "in", "sg")
    made.ec2.stop_instances(InstanceIds=[made.id("halted")])
    walls = ("in 50 deny tcp 443 10.0.0.0/16", "in 100 allow all 0.0.0.0/0", "out 100 deny all 0.0.0.0/0")
    made.acl("acl", "a", walls, "walled")
    made.host("walled-host", "walled", "sg")
    made.acl("acl-empty", "a", (), "silent")
    made.host("silent-host", "silent", "sg")
    made.host("checking", "box", "sg")
    made.table("rtb-detour", "a", {"10.0.1.0/24": "eni-checking"}, "detour")
    made.host("detoured", "detour", "sg")
    for number, name in enumerate(("b", "c", "d"), 1):
        made.vpc(name, f"10.{number}.0.0/16")
        made.subnet(f"s-{name}", name, f"10.{number}.0.0/24")
        made.table(f"rtb-{name}", name, {}, f"s-{name}")
        made.group(f"sg-{name}", name, "tcp 443 0.0.0.0/0")
        made.host(f"h-{name}", f"s-{name}", f"sg-{name}")
    made.peer("pcx-b", "a", "b")
    made.peer("pcx-c", "a", "c", accept=False)
    made.route("rtb-pub", "10.2.0.0/16", "pcx-c")
    made.route("rtb-c", "10.0.0.0/16", "pcx-c")
    made.igw("igw-d", "d")
    made.route("rtb-d", "0.0.0.0/0", "igw-d")
    made.ec2.detach_internet_gateway(InternetGatewayId=made.id("igw-d"), VpcId=made.id("d"))
    made.tgw("tgw", DefaultRouteTableAssociation="disable", DefaultRouteTablePropagation="disable")
    table = made.ec2.create_transit_gateway_route_table(TransitGatewayId=made.id("tgw"))
    made.ids["tgw-rtb"] = table["TransitGatewayRouteTable"]["TransitGatewayRouteTableId"]
    for name in "bd":
        made.attach(f"att-{name}", "tgw", name, f"s-{name}")
    made.route("rtb-b", "10.3.0.0/16", "tgw")
    made.route("rtb-d", "10.1.0.0/16", "tgw")
    return made


@pytest.mark.parametrize(
    ("ask", "codes"),
    [
        ("app web 22", {"ENI_SG_RULES_MISMATCH"}),
        ("shut web 443", {"SG_HAS_NO_RULES"}),
        ("app shut 8443", {"ENI_SG_RULES_MISMATCH", "SG_HAS_NO_RULES"}),
        ("app walled-host 443", {"SUBNET_ACL_RESTRICTION"}),
        ("app silent-host 443", {"SUBNET_ACL_RESTRICTION"}),
        ("web halted 443", {"BAD_STATE"}),
        ("app internet 443", {"NO_ROUTE_TO_DESTINATION"}),
        ("internet web 443", {"IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"}),
        ("detoured app 443", {"ENI_SOURCE_DEST_CHECK_RESTRICTION"}),
        ("web h-b 443", {"IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS", "NO_ROUTE_TO_DESTINATION"}),
        ("web h-c 443", {"BAD_STATE_ROUTE"}),
        (
            "internet h-d 443",
            {"IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "BAD_STATE_ATTACHMENT", "BAD_STATE_ROUTE"},
        ),
        ("h-b h-d 443", {"TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION"}),
    ],
)
def test_the_commands_make_it_reachable(lab: Lab, ask: str, codes: set[str]) -> None:
    source, destination, port = ask.split()
    seen: list[set[str]] = []
    for _ in range(ROUNDS):
        found = document(diagnose(lab.read(), lab.id(source), lab.id(destination), "tcp", int(port)))
        if found["reachable"]:
            break
        seen.append({cause["code"] for cause in found["causes"]})
        commands = dict.fromkeys(
            line for cause in found["causes"] for line in (cause["fix"] or "").splitlines()
        )
        assert commands, found["causes"]
        for command in commands:
            apply(lab, command)
    assert found["reachable"], found["causes"]
    assert seen[0] == codes
