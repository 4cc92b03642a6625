"""Where an instance is: what the checks of the network share."""

from collections.abc import Sequence
from dataclasses import dataclass

from .facts import Endpoint, Facts, Instance, Network, RouteTable


@dataclass(frozen=True)
class Way:
    """Whether there is a way to the internet."""

    is_open: bool | None
    """None if this cannot be known."""
    finding: str
    fix: str = ""


@dataclass(frozen=True)
class Place:
    """An instance in its network."""

    facts: Facts
    instance: Instance
    network: Network
    way: Way
    endpoints: Sequence[tuple[str, Endpoint | None]] = ()
    """The services that the agent must reach, each with its VPC endpoint if there is one."""

    @property
    def has_endpoints(self) -> bool:
        """Whether one of the services has an endpoint."""
        return any(endpoint for _, endpoint in self.endpoints)

    @property
    def is_shared(self) -> bool:
        """Whether another account owns the VPC. A participant does not see what belongs to the owner."""
        table = self.network.route_table
        return table is None or (isinstance(table, RouteTable) and table.owner not in ("", self.instance.account))


def is_available(endpoint: Endpoint) -> bool:
    """Whether an endpoint is ready."""
    return endpoint.state.lower() == "available"


def is_used(endpoint: Endpoint | None) -> bool:
    """Whether the name of the service resolves to the endpoint."""
    return endpoint is not None and endpoint.has_private_dns and is_available(endpoint)
