"""The documented topologies, by what decides in them."""

from tests.connectors.vpc.diagnosis.topologies.balancers import BALANCERS
from tests.connectors.vpc.diagnosis.topologies.between import BETWEEN
from tests.connectors.vpc.diagnosis.topologies.combined import COMBINED
from tests.connectors.vpc.diagnosis.topologies.filters import FILTERS
from tests.connectors.vpc.diagnosis.topologies.internet import INTERNET
from tests.connectors.vpc.diagnosis.topologies.routing import ROUTING
from tests.connectors.vpc.diagnosis.topologies.services import SERVICES

TOPOLOGIES = (*INTERNET, *FILTERS, *BETWEEN, *SERVICES, *BALANCERS, *ROUTING, *COMBINED)
