"""The documented cases, by what decides them. A row is `row.Case`."""

from tests.connectors.vpc.cases.acls import ACL_CASES
from tests.connectors.vpc.cases.blocks import BLOCK_CASES
from tests.connectors.vpc.cases.groups import GROUP_CASES
from tests.connectors.vpc.cases.hops import HOP_CASES
from tests.connectors.vpc.cases.routes import ROUTE_CASES
from tests.connectors.vpc.cases.unlogged import UNLOGGED_CASES

CASES = GROUP_CASES + ACL_CASES + ROUTE_CASES + HOP_CASES + BLOCK_CASES + UNLOGGED_CASES
