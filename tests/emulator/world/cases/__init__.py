"""The documented cases, by what decides them. A row is `row.Case`."""

from tests.emulator.world.cases.acls import ACL_CASES
from tests.emulator.world.cases.blocks import BLOCK_CASES
from tests.emulator.world.cases.groups import GROUP_CASES
from tests.emulator.world.cases.hops import HOP_CASES
from tests.emulator.world.cases.routes import ROUTE_CASES
from tests.emulator.world.cases.unlogged import UNLOGGED_CASES

CASES = GROUP_CASES + ACL_CASES + ROUTE_CASES + HOP_CASES + BLOCK_CASES + UNLOGGED_CASES
