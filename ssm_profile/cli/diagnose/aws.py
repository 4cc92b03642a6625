"""Reads facts about instances from AWS, with read-only calls. A call that fails is a fact that could not be read."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import ip_network
from typing import Any, TypeVar

from boto3 import Session
from botocore.config import Config

from ssm_profile.cli.aws_client import client
from ssm_profile.cli.iam_roles import read_role
from ssm_profile.cli.report import bare
from ssm_profile.errors import InputError
from ssm_profile.regions import interface_endpoint

from .calls import Calls, Clients
from .facts import ControlPolicies, Facts, Instance, NatGateway, Network, Profile, Registration, RouteTable, Unread
from .network import AGENT_SERVICES
from .places import covers_name
from .responses import dns_servers_of, endpoint_of, instance_of, registration_of, route_table_of, security_group_of

_T = TypeVar("_T")

_HOST_MANAGEMENT = "/ssm/managed-instance/default-ec2-instance-management-role"
_NO_ROLE = "$None"
_AUTODEFINED = "rslvr-autodefined-"
"""The beginning of the IDs of Resolver rules that every VPC has."""
_BATCH = 50
"""How many instances one request asks for. Systems Manager accepts 50 values in a filter."""

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=30)
"""Bounds for each call, so that a service that cannot be reached does not hold up the other checks."""


class Reader(Calls):
    """Reads from one region, and asks each question once."""

    def __init__(self, region: str | None = None, clients: Clients | None = None) -> None:
        """Set up the clients.

        Args:
            region: The region. The default is that of the settings of the AWS SDK.
            clients: Gives the client of a service. The default is the AWS SDK's.

        Raises:
            InputError: If there is no region, or if the settings of the SDK cannot be used.
        """
        if not (region or clients or Session().region_name):
            raise InputError("No region is set. Pass --region, or set one as for the AWS CLI.")
        super().__init__(clients or (lambda service: client(service, region, _CONFIG)))
        self.region: str = self._client("ec2").meta.region_name

    def running_instances(self) -> dict[str, Instance | Unread]:
        """Every running instance of the region.

        Raises:
            InputError: If they cannot be listed.
        """
        running = self._instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        if isinstance(running, Unread):
            advice = "Pass instance IDs." if running.is_denied else f"Check the region {self.region} and the network."
            raise InputError(f"--all: the running instances cannot be listed ({_why(running)}). {advice}")
        return running

    def registrations(self, instances: Iterable[str]) -> dict[str, Registration | Unread] | Unread:
        """The instances that Systems Manager knows, of some instances."""
        listed, found = list(instances), dict[str, Registration | Unread]()
        for start in range(0, len(listed), _BATCH):
            rows = self._pages(
                "ssm",
                "describe_instance_information",
                "InstanceInformationList",
                Filters=[{"Key": "InstanceIds", "Values": listed[start : start + _BATCH]}],
            )
            if isinstance(rows, Unread):
                return rows
            found |= {row["InstanceId"]: _or_unread(partial(registration_of, row)) for row in rows}
        return found

    def unmanaged(self) -> tuple[list[Callable[[], Facts]], int]:
        """What reads the facts about every running instance that is not online, and how many instances run.

        Raises:
            InputError: If it cannot be known which instances these are.
        """
        running = self.running_instances()
        known = self.registrations(running)
        if isinstance(known, Unread):
            raise InputError(
                f"--all: it cannot be known which instances Systems Manager manages ({_why(known)}). Pass instance IDs."
            )
        missing = {name: each for name, each in running.items() if not _is_online(known.get(name))}
        return [partial(self._facts, name, each, known.get(name)) for name, each in missing.items()], len(running)

    def of(self, instances: Iterable[str]) -> list[Callable[[], Facts]]:
        """What reads the facts about each of some instances.

        Args:
            instances: Their IDs.

        Raises:
            InputError: If there is no such instance in the region.
        """
        listed = list(dict.fromkeys(instances))
        found = self._instances(InstanceIds=listed)
        known = self.registrations(listed)
        if isinstance(found, Unread) and isinstance(known, Unread) and not (found.is_denied or known.is_denied):
            raise InputError(
                f"Neither EC2 nor Systems Manager of {self.region} can be read ({_why(found)}). Check the region, the "
                "network and the settings of your proxy."
            )
        if not isinstance(found, Unread) and (absent := [name for name in listed if name not in found]):
            raise InputError(
                f"AWS does not find {', '.join(absent)} in {self.region}. Check the region and the account."
            )
        return [
            partial(
                self._facts,
                name,
                found if isinstance(found, Unread) else found[name],
                known if isinstance(known, Unread) else known.get(name),
            )
            for name in listed
        ]

    def _facts(self, name: str, instance: Instance | Unread, registration: Registration | Unread | None) -> Facts:
        online = _is_online(registration)
        channel = self._ask("ssm", "get_connection_status", Target=name) if online else None
        status = _or_unread(partial(_status_in, channel)) if isinstance(channel, Mapping) else channel
        setting = self._ask("ssm", "get_service_setting", SettingId=_HOST_MANAGEMENT)
        return Facts(
            instance_id=name,
            region=self.region,
            instance=instance,
            registration=registration,
            channel=status,
            profile=instance
            if isinstance(instance, Unread)
            else _or_unread(partial(self._profile, instance.profile_arn)),
            host_management=setting if isinstance(setting, Unread) else _or_unread(partial(_role_in, setting)),
            control_policies=instance
            if isinstance(instance, Unread)
            else _or_unread(partial(self._control_policies, instance.account)),
            network=_or_unread(partial(self._network, instance))
            if status != "connected" and isinstance(instance, Instance)
            else None,
        )

    def _instances(self, **arguments: Any) -> dict[str, Instance | Unread] | Unread:
        reservations = self._pages("ec2", "describe_instances", "Reservations", **arguments)
        if isinstance(reservations, Unread):
            if reservations.message.startswith("InvalidInstanceID"):
                raise InputError(
                    f"AWS does not find the instances in {self.region} ({reservations.message}). Check the IDs, the "
                    "region and the account."
                )
            return reservations
        return {
            each["InstanceId"]: _or_unread(partial(instance_of, each, group.get("OwnerId", "")))
            for group in reservations
            for each in group["Instances"]
        }

    def _profile(self, arn: str | None) -> Profile | Unread | None:
        if arn is None:
            return None
        answer = self._ask("iam", "get_instance_profile", InstanceProfileName=arn.rsplit("/", 1)[-1])
        if isinstance(answer, Unread):
            return None if answer.message.startswith("NoSuchEntity") else answer
        found = answer["InstanceProfile"]
        roles = [each["RoleName"] for each in found["Roles"]]
        if not roles:
            return Profile(found["InstanceProfileId"], None, None, None)
        trust = self._ask("iam", "get_role", RoleName=roles[0])
        return Profile(
            id=found["InstanceProfileId"],
            role_arn=found["Roles"][0]["Arn"],
            trust=trust if isinstance(trust, Unread) else trust["Role"]["AssumeRolePolicyDocument"],
            role=self._once(f"role {roles[0]}", "iam", lambda iam: read_role(iam, roles[0])),
        )

    def _control_policies(self, account: str) -> ControlPolicies | Unread | None:
        """The names of the policies of the account, of the units that contain it, and of the root."""
        names, target, is_complete = dict[str, None](), account, False
        while target:
            found = self._pages(
                "organizations",
                "list_policies_for_target",
                "Policies",
                TargetId=target,
                Filter="SERVICE_CONTROL_POLICY",
            )
            if isinstance(found, Unread):
                if found.message.startswith("AWSOrganizationsNotInUse"):
                    return None
                return found if target == account else ControlPolicies(tuple(names), is_complete=False)
            names |= dict.fromkeys(each["Name"] for each in found)
            if target.startswith("r-"):
                is_complete = True
                break
            parents = self._pages("organizations", "list_parents", "Parents", ChildId=target)
            target = parents[0]["Id"] if not isinstance(parents, Unread) and parents else ""
        return ControlPolicies(tuple(names), is_complete)

    def _network(self, instance: Instance) -> Network | None:
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
        found = self._pages("ec2", "describe_security_groups", "SecurityGroups", GroupIds=groups) if groups else []
        route_table = self._route_table(instance.vpc, instance.subnet)
        default = route_table.default if isinstance(route_table, RouteTable) else None
        return Network(
            route_table=route_table,
            nat=self._nat(instance.vpc, default.target) if default and default.target.startswith("nat-") else None,
            endpoints=endpoints,
            groups=found if isinstance(found, Unread) else {row["GroupId"]: security_group_of(row) for row in found},
            addresses=self._addresses(sorted(name for each in known for name in each.interfaces)),
            dns=self._dns(instance.vpc),
            hosted_zones=self._hosted_zones(instance.vpc),
            other_dns=self._other_dns(instance.vpc),
        )

    def _nat(self, vpc: str, name: str) -> NatGateway | Unread | None:
        rows = self._pages("ec2", "describe_nat_gateways", "NatGateways", NatGatewayIds=[name])
        if isinstance(rows, Unread) or not rows:
            return rows if isinstance(rows, Unread) else None
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
        return rows if isinstance(rows, Unread) else tuple(each["ProfileId"] for each in rows)

    def _dns_servers(self, vpc: str) -> tuple[str, ...] | Unread:
        """The DNS servers that the VPC gives its instances, without its own."""
        rows = self._pages("ec2", "describe_vpcs", "Vpcs", VpcIds=[vpc])
        if isinstance(rows, Unread):
            return rows
        own = {"AmazonProvidedDNS", "169.254.169.253", *(str(ip_network(row["CidrBlock"])[2]) for row in rows)}
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


def _why(fact: Unread) -> str:
    if fact.is_denied:
        return f"the credentials do not allow {fact.action}"
    return f"{fact.action} failed: {fact.message}" if fact.action else bare(fact.message).rstrip(".")


def _is_online(registration: Registration | Unread | None) -> bool:
    return isinstance(registration, Registration) and registration.is_online


def _or_unread(read: Callable[[], _T]) -> _T | Unread:
    """A fact from an answer. An answer that lacks something does not keep the other facts from being read."""
    try:
        return read()
    except KeyError as error:
        text = f"An answer of AWS has no {error}, which this command expects. Report this as a bug."
        return Unread("", is_denied=False, message=text)


def _status_in(channel: Mapping[str, Any]) -> str:
    return channel["Status"]


def _role_in(setting: Mapping[str, Any]) -> str | None:
    """The name of the role in the setting of Default Host Management Configuration."""
    value = setting["ServiceSetting"].get("SettingValue", _NO_ROLE)
    return None if value in ("", _NO_ROLE) else value.rsplit("/", 1)[-1]
