"""What VPC Block Public Access does, and its exclusions."""

from __future__ import annotations

from connectors.vpc.network import BlockPublicAccess
from tests.connectors.vpc.cases.hops import OUT_BY_NAT, VIA_NAT
from tests.connectors.vpc.cases.row import APP_DB, BOTH, BPA, HOST, WEB, WEB_80, Case, flow
from tests.connectors.vpc.estates import estate

BLOCKED = estate(block_public_access=BlockPublicAccess("block-bidirectional"))
ONE_WAY = estate(block_public_access=BlockPublicAccess("block-ingress"))
BLOCK_CASES = (
    Case("both ways blocked: in", BPA, flow(HOST, WEB, port=80), ("web in REJECT BPA",), BLOCKED, "rejected"),
    Case(
        "both ways blocked: out",
        BPA,
        flow("web", HOST, port=443),
        ("web out REJECT BPA",),
        BLOCKED,
        "rejected",
    ),
    Case("both ways blocked: inside goes on", BPA, APP_DB, BOTH, BLOCKED),
    Case(
        "ingress blocked: a NAT gateway still works",
        BPA,
        OUT_BY_NAT,
        ("app out ACCEPT", *VIA_NAT, "app in ACCEPT"),
        ONE_WAY,
    ),
    Case(
        "ingress blocked: a web server does not",
        BPA,
        flow(HOST, WEB, port=80),
        ("web in REJECT BPA",),
        ONE_WAY,
    ),
    Case(
        "an excluded subnet",
        BPA,
        flow(HOST, WEB, port=80),
        WEB_80,
        estate(
            block_public_access=BlockPublicAccess(
                "block-bidirectional", (("subnet-public", "allow-bidirectional"),)
            )
        ),
    ),
    Case(
        "an egress-only exclusion: out",
        BPA,
        flow("web", HOST, port=443),
        ("web out ACCEPT", "web in ACCEPT"),
        estate(block_public_access=BlockPublicAccess("block-bidirectional", (("vpc-a", "allow-egress"),))),
    ),
    Case(
        "an egress-only exclusion: in",
        BPA,
        flow(HOST, WEB, port=80),
        ("web in REJECT BPA",),
        estate(block_public_access=BlockPublicAccess("block-bidirectional", (("vpc-a", "allow-egress"),))),
    ),
)
