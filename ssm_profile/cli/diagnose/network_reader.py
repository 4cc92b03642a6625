"""Reads the network of instances from AWS, with read-only calls."""

from collections.abc import Callable
from ipaddress import ip_network

from ssm_profile.cli.aws_client import has_regions
from ssm_profile.regions import interface_endpoint

from .calls import Calls, Clients
from .facts import Instance, NatGateway, Network, RouteTable, Unread
from .network import AGENT_SERVICES
from .places import covers_name
from .responses import dns_servers_of, endpoint_of, route_table_of, security_group_of

_AUTODEFINED = "rslvr-autodefined-"
"""The beginning of the IDs of Resolver rules that every VPC has."""
_AMAZON_DNS = ("AmazonProvidedDNS", "169.254.169.253", "fd00:ec2::253")
"""The names of Amazon's DNS server in each VPC. Its address in the VPC is one more.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html"""


class NetworkReader(Calls):
    """Reads from one region, and asks each question once."""

    def __init__(self, create: Clients, where: str) -> None:
        """Set up the clients, as :class:`~.calls.Calls` does, and find their region."""
        super().__init__(create, where)
        self.region: str = self._client("ec2").meta.region_name

    def network(self, instance: Instance) -> Network | None:
        """What the network of an instance is. None if it is in no VPC."""
        if not instance.vpc or not instance.subnet:
            return None
        in_vpc = [{"Name": "vpc-id", "Values": [instance.vpc]}]
        rows = self._pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=in_vpc)
        names = [interface_endpoint(service, self.region) for service in AGENT_SERVICES]
        endpoints = (  # those of the types Resource and ServiceNetwork have no service
            rows
            if isinstance(rows, Unread)
            else tuple(endpoint_of(row) for row in rows if row.get("ServiceName") in names)
        )
        known = () if isinstance(endpoints, Unread) else endpoints
        groups = sorted({*instance.groups, *(group for each in known for group in each.groups)})
        by_id = [{"Name": "group-id", "Values": groups}]  # a filter leaves out those that do not exist any more
        found = self._pages("ec2", "describe_security_groups", "SecurityGroups", Filters=by_id) if groups else []
        route_table = self._route_table(instance.vpc, instance.subnet)
        default = route_table.default if isinstance(route_table, RouteTable) else None
        return Network(
            route_table=route_table,
            nat=self._nat(instance.vpc, default.target)
            if default and default.is_active and default.target.startswith("nat-")
            else None,
            endpoints=endpoints,
            load_balancers=()
            if isinstance(rows, Unread)
            else tuple(row["VpcEndpointId"] for row in rows if row.get("VpcEndpointType") == "GatewayLoadBalancer"),
            groups=found if isinstance(found, Unread) else {row["GroupId"]: security_group_of(row) for row in found},
            addresses=self._addresses(sorted(name for each in known for name in each.interfaces)),
            dns=self._dns(instance.vpc),
            hosted_zones=self._hosted_zones(instance.vpc),
            other_dns=self._other_dns(instance.vpc),
        )

    def _nat(self, vpc: str, name: str) -> NatGateway | Unread | None:
        rows = self._pages("ec2", "describe_nat_gateways", "NatGateways", NatGatewayIds=[name])
        if isinstance(rows, Unread):
            return None if rows.message.startswith("NatGatewayNotFound") else rows
        if not rows:
            return None
        subnet = rows[0].get("SubnetId")  # a regional gateway has none
        return NatGateway(
            state=rows[0]["State"],
            is_public=rows[0].get("ConnectivityType", "public") == "public",
            route_table=self._route_table(vpc, subnet) if subnet else None,
        )

    def _route_table(self, vpc: str, subnet: str) -> RouteTable | Unread | None:
        """The route table of a subnet: its own, or the main one of the VPC."""
        main = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
        for filters in ([{"Name": "association.subnet-id", "Values": [subnet]}], main):
            tables = self._pages("ec2", "describe_route_tables", "RouteTables", Filters=filters)
            if isinstance(tables, Unread) or tables:
                return tables if isinstance(tables, Unread) else route_table_of(tables[0])
        return None

    def _addresses(self, interfaces: list[str]) -> dict[str, str] | Unread:
        if not interfaces:
            return {}
        rows = self._pages("ec2", "describe_network_interfaces", "NetworkInterfaces", NetworkInterfaceIds=interfaces)
        return (
            rows
            if isinstance(rows, Unread)
            else {row["NetworkInterfaceId"]: row["PrivateIpAddress"] for row in rows if row.get("PrivateIpAddress")}
        )

    def _dns(self, vpc: str) -> dict[str, bool] | Unread:
        found = dict[str, bool]()
        for name in ("enableDnsSupport", "enableDnsHostnames"):
            answer = self._ask("ec2", "describe_vpc_attribute", VpcId=vpc, Attribute=name)
            if isinstance(answer, Unread):
                return answer
            found[name] = answer[f"{name[0].upper()}{name[1:]}"]["Value"]
        return found

    def _other_dns(self, vpc: str) -> tuple[str, ...] | Unread:
        """What answers DNS queries in the place of the VPC."""
        kinds: tuple[tuple[str, Callable[[str], tuple[str, ...] | Unread]], ...] = (
            ("the DNS server", self._dns_servers),
            ("the Resolver rule", self._rules),
            ("the Route 53 Profile", self._profiles),
        )
        names = list[str]()
        for kind, read in kinds:
            found = read(vpc)
            if isinstance(found, Unread):
                return found
            names += [f"{kind} {each}" for each in found]
        return tuple(names)

    def _profiles(self, vpc: str) -> tuple[str, ...] | Unread:
        """The Profiles of Route 53 of the VPC."""
        rows = self._pages("route53profiles", "list_profile_associations", "ProfileAssociations", ResourceId=vpc)
        if isinstance(rows, Unread) and not rows.action and not has_regions("route53profiles", self.region):
            return ()  # it cannot be reached, and the partition does not have it
        return rows if isinstance(rows, Unread) else tuple(each["ProfileId"] for each in rows)

    def _dns_servers(self, vpc: str) -> tuple[str, ...] | Unread:
        """The DNS servers that the VPC gives its instances, without its own."""
        rows = self._pages("ec2", "describe_vpcs", "Vpcs", VpcIds=[vpc])
        if isinstance(rows, Unread):
            return rows
        own = {*_AMAZON_DNS, *(str(ip_network(row["CidrBlock"])[2]) for row in rows)}
        options = [row["DhcpOptionsId"] for row in rows if row.get("DhcpOptionsId", "default") != "default"]
        if not options:
            return ("that the operating system names (the VPC has no DHCP options)",)
        found = self._pages("ec2", "describe_dhcp_options", "DhcpOptions", DhcpOptionsIds=options)
        return found if isinstance(found, Unread) else tuple(each for each in dns_servers_of(found) if each not in own)

    def _rules(self, vpc: str) -> tuple[str, ...] | Unread:
        """The rules of Route 53 Resolver that forward the names of the agent's services."""
        in_vpc = [{"Name": "VPCId", "Values": [vpc]}]
        found = self._pages(
            "route53resolver", "list_resolver_rule_associations", "ResolverRuleAssociations", Filters=in_vpc
        )
        if isinstance(found, Unread):
            return found
        names = {each["ResolverRuleId"] for each in found if not each["ResolverRuleId"].startswith(_AUTODEFINED)}
        if not names:
            return ()
        rules = self._pages("route53resolver", "list_resolver_rules", "ResolverRules")
        if isinstance(rules, Unread):
            return rules
        domains = {each["Id"]: each.get("DomainName", ".") for each in rules}
        return tuple(
            sorted(
                each
                for each in names
                if any(covers_name(domains.get(each, "."), service, self.region) for service in AGENT_SERVICES)
            )
        )

    def _hosted_zones(self, vpc: str) -> tuple[str, ...] | Unread:
        names, token = list[str](), dict[str, str]()
        while True:  # botocore has no paginator for it
            answer = self._ask("route53", "list_hosted_zones_by_vpc", VPCId=vpc, VPCRegion=self.region, **token)
            if isinstance(answer, Unread):
                return answer
            names += [each["Name"].rstrip(".") for each in answer["HostedZoneSummaries"]]
            if not answer.get("NextToken"):
                return tuple(names)
            token = {"NextToken": answer["NextToken"]}
