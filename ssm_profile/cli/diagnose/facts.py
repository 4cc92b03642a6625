"""What AWS says about an instance, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssm_profile.cli.roles import Role


@dataclass(frozen=True)
class Unread:
    """A fact that could not be read."""

    action: str
    """The action of the call, such as ``ssm:GetServiceSetting``. Empty if the message is a sentence of its own."""
    is_denied: bool
    """Whether the credentials do not allow the call."""
    message: str
    """What AWS or the connection says."""


@dataclass(frozen=True)
class Instance:
    """An instance, as EC2 describes it."""

    account: str
    state: str
    minutes: int | None = None
    """The time since its start, in minutes."""
    profile_arn: str | None = None
    profile_id: str | None = None
    has_metadata: bool = True
    """Whether the instance metadata service is on."""
    needs_token: bool = False
    """Whether the instance metadata service requires IMDSv2."""
    hop_limit: int | None = None
    vpc: str | None = None
    subnet: str | None = None
    addresses: tuple[str, ...] = ()
    """The private IPv4 addresses of the primary network interface, and of those like it. The primary one is first."""
    has_ipv6: bool = False
    """Whether the primary network interface has an IPv6 address."""
    interfaces: int = 1
    """The number of its network interfaces. Those with the subnet and the groups of the primary one count as one."""
    has_public_address: bool = False
    groups: tuple[str, ...] = ()
    """The IDs of the security groups of the primary network interface."""


@dataclass(frozen=True)
class Registration:
    """An instance, as Systems Manager describes it."""

    status: str
    agent_version: str | None
    last_ping: str | None
    """The time of the last heartbeat."""

    @property
    def is_online(self) -> bool:
        """Whether heartbeats arrive."""
        return self.status == "Online"


@dataclass(frozen=True)
class Profile:
    """An instance profile, and its role."""

    id: str
    role_arn: str | None
    trust: Mapping[str, Any] | Unread | None
    """The trust policy of the role. None without a role."""
    role: Role | Unread | None
    """The role with its policies. None without a role."""


@dataclass(frozen=True)
class ControlPolicies:
    """The service control policies that apply to an account."""

    names: tuple[str, ...]
    is_complete: bool
    """Whether those of the organizational units and of the root are among them."""


@dataclass(frozen=True)
class Rule:
    """A rule of a security group."""

    protocol: str
    first_port: int | None
    last_port: int | None
    networks: tuple[str, ...]
    groups: tuple[str, ...]
    prefix_lists: tuple[str, ...]


@dataclass(frozen=True)
class SecurityGroup:
    """A security group."""

    inbound: tuple[Rule, ...]
    outbound: tuple[Rule, ...]


@dataclass(frozen=True)
class Endpoint:
    """An interface VPC endpoint."""

    id: str
    service: str
    """The name of its service, such as ``com.amazonaws.eu-central-1.ssm``."""
    state: str
    has_private_dns: bool
    groups: tuple[str, ...]
    interfaces: tuple[str, ...]
    policy: str | None
    """The JSON of its policy. None if the endpoint has none, and so allows everything."""
    has_ipv4: bool = True
    """Whether it has IPv4 addresses."""


@dataclass(frozen=True)
class Route:
    """A route."""

    destination: str
    target: str
    """The ID of a gateway or of another target."""
    is_active: bool = True


@dataclass(frozen=True)
class RouteTable:
    """The route table of a subnet."""

    owner: str
    """The account that owns the VPC."""
    routes: tuple[Route, ...]

    @property
    def default(self) -> Route | None:
        """The default route for IPv4."""
        return next((each for each in self.routes if each.destination == "0.0.0.0/0"), None)


@dataclass(frozen=True)
class NatGateway:
    """The NAT gateway to which a default route leads."""

    state: str
    is_public: bool
    route_table: RouteTable | Unread | None
    """The route table of its subnet. None if AWS lists none."""


@dataclass(frozen=True)
class Network:
    """What is known of the network of an instance."""

    route_table: RouteTable | Unread | None
    """None if AWS lists none: the subnet is shared by another account."""
    endpoints: tuple[Endpoint, ...] | Unread
    groups: Mapping[str, SecurityGroup] | Unread
    """The security groups of the instance and of the endpoints, by their IDs."""
    addresses: Mapping[str, str] | Unread
    """The addresses of the endpoints, by the IDs of their network interfaces."""
    dns: Mapping[str, bool] | Unread
    """The attributes of the VPC: ``enableDnsSupport`` and ``enableDnsHostnames``."""
    hosted_zones: tuple[str, ...] | Unread
    """The names of the private hosted zones of the VPC."""
    other_dns: tuple[str, ...] | Unread = ()
    """What answers DNS queries in the place of the VPC: DNS servers, rules of Route 53 Resolver, Profiles."""
    load_balancers: tuple[str, ...] = ()
    """The IDs of its Gateway Load Balancer endpoints. Routes to them look like those to gateway endpoints."""
    nat: NatGateway | Unread | None = None
    """The NAT gateway of the default route. None if the route leads elsewhere, or if AWS does not find the gateway."""


@dataclass(frozen=True)
class Facts:
    """What is known of an instance."""

    instance_id: str
    region: str
    instance: Instance | Unread
    registration: Registration | Unread | None
    """None if Systems Manager does not know the instance."""
    channel: str | Unread | None
    """The status of the connection to Session Manager. It is read only if the instance is online."""
    profile: Profile | Unread | None
    """None if the instance has no instance profile, or if the profile does not exist any more."""
    host_management: str | Unread | None
    """The path and the name of the role of Default Host Management Configuration. None if it is off."""
    control_policies: ControlPolicies | Unread | None
    """None if the account is in no organization."""
    network: Network | Unread | None
    """It is read only where the connection does not show that it works."""
    has_proxy: bool = False
    """Whether a file from the instance shows that its agent has a proxy."""
