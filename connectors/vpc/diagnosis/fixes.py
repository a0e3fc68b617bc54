"""The AWS CLI command that removes a cause. Pure.

A cause without a single obvious command has none: its sentence tells what to change. Commands quote JSON, so
that they work in any shell that knows single quotes.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from connectors.vpc.addresses import cidr, is_ipv6, number_of
from connectors.vpc.diagnosis.fix_routes import broken_route, deleted_route, missing_route
from connectors.vpc.diagnosis.trace.findings import FIRST_PORT_OF_SERVICES, LAST_PORT, Cause
from connectors.vpc.diagnosis.trace.public_hosts import is_outside
from connectors.vpc.estate import Estate
from connectors.vpc.network import ICMP, ICMPV6, LAST_ACL_RULE, TCP, UDP

_NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}
_ALLOCATED = '"$(aws ec2 allocate-address --domain vpc --query AllocationId --output text)"'
_CREATED = '"$(aws ec2 create-internet-gateway --query InternetGateway.InternetGatewayId --output text)"'


def fix_of(estate: Estate, cause: Cause) -> str:
    """Return the command, or an empty text."""
    make = _FIXES.get(cause.code)
    return make(estate, cause) if make else ""


def _group(estate: Estate, cause: Cause) -> str:
    packet = cause.packet
    if packet is None or cause.filtered is None or not cause.component.startswith("sg-"):
        return ""
    peer = packet.srcaddr if cause.filtered == "ingress" else packet.dstaddr
    low, high = (packet.dstport, packet.dstport) if packet.protocol in (TCP, UDP) else (packet.icmp_type, -1)
    block = _block(estate, peer)
    ranges = {"Ipv6Ranges": [{"CidrIpv6": block}]} if is_ipv6(peer) else {"IpRanges": [{"CidrIp": block}]}
    permission = {"IpProtocol": _NAMES.get(packet.protocol, "-1"), "FromPort": low, "ToPort": high, **ranges}
    return (
        f"aws ec2 authorize-security-group-{cause.filtered} --group-id {cause.component}"
        f" --ip-permissions '{json.dumps([permission])}'"
    )


def _acl(estate: Estate, cause: Cause) -> str:
    packet, acl = cause.packet, estate.acl(cause.eni.subnet_id) if cause.eni else None
    if packet is None or acl is None or cause.filtered is None:
        return ""
    entries = acl.ingress if cause.filtered == "ingress" else acl.egress
    taken = {entry.number for entry in entries}
    number = (
        _before(taken, cause.rule)
        if cause.rule
        else max(taken - {LAST_ACL_RULE, LAST_ACL_RULE + 1}, default=90) + 10
    )
    if not 1 <= number < LAST_ACL_RULE:
        return ""
    peer = packet.srcaddr if cause.filtered == "ingress" else packet.dstaddr
    family = "ipv6-cidr-block" if is_ipv6(peer) else "cidr-block"
    if packet.protocol in (TCP, UDP):
        is_response = cause.direction == "return"
        ports = (FIRST_PORT_OF_SERVICES, LAST_PORT) if is_response else (packet.dstport, packet.dstport)
        what = f" --port-range '{json.dumps({'From': ports[0], 'To': ports[1]})}'"
    else:
        what = f" --icmp-type-code '{json.dumps({'Type': packet.icmp_type, 'Code': -1})}'"
    return (
        f"aws ec2 create-network-acl-entry --network-acl-id {cause.component} --{cause.filtered}"
        f" --rule-number {number} --rule-action allow --protocol {packet.protocol}{what}"
        f" --{family} {_block(estate, peer)}"
    )


def _before(taken: set[int], rule: int) -> int:
    return next((number for number in range(rule - 1, 0, -1) if number not in taken), 0)


def _block(estate: Estate, address: str) -> str:
    """Return the block of one address of the estate; the internet is every address."""
    if is_outside(estate, address) and estate.public(number_of(address)) is None:
        return "::/0" if is_ipv6(address) else "0.0.0.0/0"
    return cidr(address).text


def _state(estate: Estate, cause: Cause) -> str:
    at = cause.component
    if at.startswith("i-"):
        return f"aws ec2 start-instances --instance-ids {at}"
    if at.startswith("pcx-"):
        return f"aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id {at}"
    is_database = cause.eni is not None and cause.eni.interface_id.partition("@")[0] == at
    is_database = is_database or (cause.eni is not None and cause.eni.description == "RDSNetworkInterface")
    return f"aws rds start-db-instance --db-instance-identifier {at}" if is_database else ""


def _public_address(estate: Estate, cause: Cause) -> str:
    if not cause.component.startswith("eni-"):
        return ""
    return f"aws ec2 associate-address --network-interface-id {cause.component} --allocation-id {_ALLOCATED}"


def _check(estate: Estate, cause: Cause) -> str:
    return (
        "aws ec2 modify-network-interface-attribute --network-interface-id"
        f" {cause.component} --no-source-dest-check"
    )


def _attachment(estate: Estate, cause: Cause) -> str:
    if not cause.component.startswith("igw-") or cause.eni is None:
        return ""
    return (
        f"aws ec2 attach-internet-gateway --internet-gateway-id {cause.component} --vpc-id {cause.eni.vpc_id}"
    )


def _no_gateway(estate: Estate, cause: Cause) -> str:
    return f"aws ec2 attach-internet-gateway --vpc-id {cause.component} --internet-gateway-id {_CREATED}"


def _apart(estate: Estate, cause: Cause) -> str:
    other = estate.enis.get(cause.eni.interface_id) if cause.eni else None
    if other is None or other.vpc_id == cause.component:
        return ""
    return f"aws ec2 create-vpc-peering-connection --vpc-id {cause.component} --peer-vpc-id {other.vpc_id}"


def _references(estate: Estate, cause: Cause) -> str:
    kind = "transit-gateway" if cause.component.startswith("tgw-") else ""
    if cause.component.startswith("tgw-attach-"):
        kind = "transit-gateway-vpc-attachment"
    option = "--transit-gateway-attachment-id" if "attachment" in kind else "--transit-gateway-id"
    on = json.dumps({"SecurityGroupReferencingSupport": "enable"})
    return f"aws ec2 modify-{kind} {option} {cause.component} --options '{on}'" if kind else ""


def _association(estate: Estate, cause: Cause) -> str:
    attachment = estate.attachments.get(cause.component)
    tables = [
        one
        for one in estate.resources.transit_gateway_route_tables
        if attachment and one.transit_gateway_id == attachment.transit_gateway_id
    ]
    table = max(tables, key=lambda one: (len(one.associations), one.route_table_id), default=None)
    table = tables[-1] if tables and table and not table.associations else table
    return (
        "aws ec2 associate-transit-gateway-route-table --transit-gateway-route-table-id"
        f" {table.route_table_id} --transit-gateway-attachment-id {cause.component}"
        if table
        else ""
    )


def _propagation(estate: Estate, cause: Cause) -> str:
    tables = estate.resources.transit_gateway_route_tables
    table = next((one for one in tables if one.route_table_id == cause.component), None)
    number = number_of(cause.packet.dstaddr) if cause.packet else 0
    for attachment in estate.resources.attachments:
        vpc = next((one for one in estate.resources.vpcs if one.vpc_id == attachment.resource_id), None)
        is_there = vpc is not None and any(number in block for block in vpc.cidrs)
        if table and is_there and attachment.transit_gateway_id == table.transit_gateway_id:
            return (
                "aws ec2 enable-transit-gateway-route-table-propagation --transit-gateway-route-table-id"
                f" {cause.component} --transit-gateway-attachment-id {attachment.attachment_id}"
            )
    return ""


def _zone(estate: Estate, cause: Cause) -> str:
    subnet = cause.eni.subnet_id if cause.eni else ""
    return (
        "aws ec2 modify-transit-gateway-vpc-attachment --transit-gateway-attachment-id"
        f" {cause.component} --add-subnet-ids {subnet}"
    )


def _exclusion(estate: Estate, cause: Cause) -> str:
    return (
        f"aws ec2 create-vpc-block-public-access-exclusion --vpc-id {cause.component}"
        " --internet-gateway-exclusion-mode allow-bidirectional"
    )


_FIXES: dict[str, Callable[[Estate, Cause], str]] = {
    "ENI_SG_RULES_MISMATCH": _group,
    "SG_HAS_NO_RULES": _group,
    "SG_REFERENCES_NOT_PRESERVED": _group,
    "SG_REFERENCING_SUPPORT": _references,
    "SUBNET_ACL_RESTRICTION": _acl,
    "BAD_STATE": _state,
    "BAD_STATE_ROUTE": broken_route,
    "NO_ROUTE_TO_DESTINATION": missing_route,
    "MORE_SPECIFIC_ROUTE": deleted_route,
    "HIGHER_PRIORITY_ROUTE": deleted_route,
    "TGW_RTB_MORE_SPECIFIC_ROUTE": deleted_route,
    "TGW_RTB_HIGHER_PRIORITY_ROUTE": deleted_route,
    "TGW_RTB_BAD_STATE_ROUTE": deleted_route,
    "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT": _propagation,
    "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION": _association,
    "TGW_ROUTE_AZ_RESTRICTION": _zone,
    "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS": _public_address,
    "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS": _public_address,
    "ENI_SOURCE_DEST_CHECK_RESTRICTION": _check,
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS": missing_route,
    "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS": missing_route,
    "BAD_STATE_ATTACHMENT": _attachment,
    "NO_PATH": _no_gateway,
    "DISCONNECTED_VPCS": _apart,
    "VPC_BLOCK_PUBLIC_ACCESS_ENABLED": _exclusion,
}
