"""Turns answers of AWS's API into facts."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .facts import Endpoint, Instance, Registration, Route, RouteTable, Rule, SecurityGroup

Row = Mapping[str, Any]

_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


def instance_of(row: Row, account: str) -> Instance:
    """An instance of DescribeInstances.

    Args:
        row: The instance.
        account: The account of its reservation.
    """
    started: datetime | None = row.get("LaunchTime")
    profile, options = row.get("IamInstanceProfile") or {}, row.get("MetadataOptions") or {}
    interfaces = row.get("NetworkInterfaces") or [{}]
    primary = next((each for each in interfaces if each.get("Attachment", {}).get("DeviceIndex") == 0), interfaces[0])
    others = [each for each in interfaces if each is not primary]
    alike = [each for each in others if _place_of(each) == _place_of(primary)]
    addresses = [address for each in (primary, *alike) for address in _addresses_of(each)]
    return Instance(
        account=account,
        state=row["State"]["Name"],
        minutes=int((datetime.now(UTC) - started).total_seconds() // 60) if started else None,
        profile_arn=profile.get("Arn"),
        profile_id=profile.get("Id"),
        has_metadata=options.get("HttpEndpoint") != "disabled",
        needs_token=options.get("HttpTokens") == "required",
        hop_limit=options.get("HttpPutResponseHopLimit"),
        vpc=row.get("VpcId"),
        subnet=row.get("SubnetId"),
        addresses=tuple(addresses or filter(None, [row.get("PrivateIpAddress")])),
        has_ipv6=bool(primary.get("Ipv6Addresses")),
        interfaces=1 + len(others) - len(alike),
        has_public_address=bool(row.get("PublicIpAddress")),
        groups=_groups(primary.get("Groups") or row.get("SecurityGroups", [])),
    )


def registration_of(row: Row) -> Registration:
    """An instance of DescribeInstanceInformation."""
    ping = row.get("LastPingDateTime")
    return Registration(
        row["PingStatus"], row.get("AgentVersion"), f"{ping.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if ping else None
    )


def endpoint_of(row: Row) -> Endpoint:
    """A VPC endpoint of DescribeVpcEndpoints."""
    return Endpoint(
        id=row["VpcEndpointId"],
        service=row["ServiceName"],
        state=row["State"],
        has_private_dns=bool(row.get("PrivateDnsEnabled")),
        groups=_groups(row.get("Groups", [])),
        interfaces=tuple(row.get("NetworkInterfaceIds", [])),
        policy=row.get("PolicyDocument"),
        has_ipv4=(row.get("IpAddressType") or "").lower() != "ipv6",
    )


def route_table_of(row: Row) -> RouteTable:
    """A route table of DescribeRouteTables."""
    routes = (
        Route(
            destination=_first(route, _DESTINATIONS),
            target=_first(route, _TARGETS),
            is_active=route.get("State") != "blackhole",
        )
        for route in row["Routes"]
    )
    return RouteTable(row.get("OwnerId", ""), tuple(routes))


def security_group_of(row: Row) -> SecurityGroup:
    """A security group of DescribeSecurityGroups."""
    return SecurityGroup(_rules(row.get("IpPermissions", [])), _rules(row.get("IpPermissionsEgress", [])))


def dns_servers_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """The DNS servers in the options of DescribeDhcpOptions."""
    options = (each for row in rows for each in row.get("DhcpConfigurations", []))
    return tuple(
        value["Value"] for each in options if each["Key"] == "domain-name-servers" for value in each.get("Values", [])
    )


def _rules(rows: Iterable[Row]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            protocol=row["IpProtocol"],
            first_port=row.get("FromPort"),
            last_port=row.get("ToPort"),
            networks=(
                *(each["CidrIp"] for each in row.get("IpRanges", [])),
                *(each["CidrIpv6"] for each in row.get("Ipv6Ranges", [])),
            ),
            groups=tuple(each["GroupId"] for each in row.get("UserIdGroupPairs", []) if "GroupId" in each),
            prefix_lists=tuple(each["PrefixListId"] for each in row.get("PrefixListIds", [])),
        )
        for row in rows
    )


def _place_of(interface: Row) -> tuple[Any, ...]:
    """What decides where the calls go that leave by a network interface, and whether they may."""
    is_public = bool((interface.get("Association") or {}).get("PublicIp"))
    return interface.get("SubnetId"), sorted(_groups(interface.get("Groups", []))), is_public


def _addresses_of(interface: Row) -> list[str]:
    """The private IPv4 addresses of a network interface, the primary one first."""
    listed = sorted(interface.get("PrivateIpAddresses", []), key=lambda each: not each.get("Primary"))
    return [each["PrivateIpAddress"] for each in listed if each.get("PrivateIpAddress")]


def _groups(rows: Iterable[Row]) -> tuple[str, ...]:
    return tuple(row["GroupId"] for row in rows)


def _first(row: Row, keys: Iterable[str]) -> str:
    return next((row[key] for key in keys if row.get(key)), "")
