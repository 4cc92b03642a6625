"""An emulated account with an instance in a private subnet, which Systems Manager manages. A test breaks one thing."""

import json
from copy import deepcopy
from datetime import timedelta

from moto.backends import get_backend

from tests.cli.policies import SCOPED_MINIMUM, document
from tests.expected import TRUST
from tests.live.emulated import Client, moto_client

REGION, ACCOUNT = "eu-central-1", "123456789012"
ONLINE = {"PingStatus": "Online", "AgentVersion": "3.3.5226.0"}


READS = ("describe_", "get_", "list_")


class Noticing:
    """A client of moto, for tests. What it changes makes the account forget the answers that it remembers."""

    def __init__(self, client, forget):
        self._client, self._forget = client, forget

    def __getattr__(self, name):
        if not name.startswith(READS):
            self._forget()
        return getattr(self._client, name)


class Recorder:
    """A client that notes the operations that are called, and asks moto each question once."""

    def __init__(self, service, account):
        self._service, self._account = service, account
        self._client = Client(service, account.answers)

    def __getattr__(self, name):
        if action := moto_client(self._service).meta.method_to_api_mapping.get(name):
            self._account.calls.append(f"{self._service}:{action}")
            return lambda **request: self._remembered(name, request, lambda: getattr(self._client, name)(**request))
        return getattr(self._client, name)

    def get_paginator(self, name):
        getattr(self, name)
        return Paginator(
            lambda request: self._remembered(
                f"{name} pages", request, lambda: list(self._client.get_paginator(name).paginate(**request))
            )
        )

    def _remembered(self, name, request, ask):
        question, remembered = f"{self._service} {name} {json.dumps(request)}", self._account.remembered
        if (self._service, name.split()[0]) in self._account.answers:
            return ask()
        if question not in remembered:
            remembered[question] = ask()
        return remembered[question]


class Paginator:
    """Gives all pages at once."""

    def __init__(self, pages):
        self._pages = pages

    def paginate(self, **request):
        return self._pages(request)


class Account:
    """The account. `answers` are those of calls that moto does not have, and of calls that a test answers itself."""

    def __init__(self):
        self._first_answers, self.remembered = {}, {}
        self.ec2, self.iam = (Noticing(moto_client(service), self._forget) for service in ("ec2", "iam"))
        self.image = self.ec2.register_image(Name="image")["ImageId"]
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.set_dns_servers("AmazonProvidedDNS")
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.own_group = self._group("instance")
        self.endpoint_group = self._group("endpoints")
        self.let_in(UserIdGroupPairs=[{"GroupId": self.own_group}])
        self.endpoints = {service: self._endpoint(service) for service in ("ssm", "ssmmessages")}
        self.role = self._role()
        self._managed = self.launch(IamInstanceProfile={"Name": "web"})
        self._backends = {
            key: deepcopy(get_backend(key[0])[ACCOUNT][key[1]]) for key in (("ec2", REGION), ("iam", "aws"))
        }
        self.restore()

    def restore(self):
        """Undo what a test has changed. To create the account again takes much longer."""
        for (service, part), backend in self._backends.items():
            get_backend(service)[ACCOUNT][part] = deepcopy(backend)
        self.remembered = self._first_answers
        self.instance = self._managed
        self.registrations, self.channel, self.default_role = {self.instance: ONLINE}, "connected", "$None"
        self.calls = []
        self.answers = {
            ("ssm", "describe_instance_information"): self._information,
            ("ssm", "get_connection_status"): lambda request: {"Target": request["Target"], "Status": self.channel},
            ("ssm", "get_service_setting"): lambda _: {"ServiceSetting": {"SettingValue": self.default_role}},
            ("route53profiles", "list_profile_associations"): lambda _: {"ProfileAssociations": []},
            ("organizations", "list_policies_for_target"): lambda _: "AWSOrganizationsNotInUseException",
        }

    def _forget(self):
        self.remembered = {}

    def client(self, service, *_):
        return Recorder(service, self)

    def launch(self, **options):
        network = {"SubnetId": self.subnet, "SecurityGroupIds": [self.own_group]}
        started = self.ec2.run_instances(ImageId=self.image, MinCount=1, MaxCount=1, **network, **options)
        name = started["Instances"][0]["InstanceId"]
        # An instance that has just started is no alarm.
        get_backend("ec2")[ACCOUNT][REGION].get_instance(name).launch_time -= timedelta(days=1)
        return name

    def disconnect(self):
        """Heartbeats and commands do not arrive any more."""
        self.registrations[self.instance] = ONLINE | {"PingStatus": "ConnectionLost"}

    def let_in(self, **source):
        """A rule of the group of the endpoints."""
        https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **source}
        self.ec2.authorize_security_group_ingress(GroupId=self.endpoint_group, IpPermissions=[https])

    def let_nobody_in(self):
        rules = self.ec2.describe_security_groups(GroupIds=[self.endpoint_group])["SecurityGroups"][0]["IpPermissions"]
        self.ec2.revoke_security_group_ingress(GroupId=self.endpoint_group, IpPermissions=rules)

    def let_out(self, *permissions):
        """The only outbound rules of the group of the instance."""
        group = self.ec2.describe_security_groups(GroupIds=[self.own_group])["SecurityGroups"][0]
        self.ec2.revoke_security_group_egress(GroupId=self.own_group, IpPermissions=group["IpPermissionsEgress"])
        if permissions:
            self.ec2.authorize_security_group_egress(GroupId=self.own_group, IpPermissions=list(permissions))

    def route(self, **target):
        """A default route."""
        (table,) = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        self.ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", **target)

    def nat(self):
        """A NAT gateway in the subnet."""
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        return self.ec2.create_nat_gateway(SubnetId=self.subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]

    def set_dns_servers(self, *servers):
        """The DNS servers in the DHCP options of the VPC. Without one, it has no DHCP options."""
        options = "default"
        if servers:
            names = [{"Key": "domain-name-servers", "Values": list(servers)}]
            options = self.ec2.create_dhcp_options(DhcpConfigurations=names)["DhcpOptions"]["DhcpOptionsId"]
        self.ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=self.vpc)

    def forward(self, **domains):
        """Rules of Route 53 Resolver, by their IDs with underscores."""
        rules = [{"Id": name.replace("_", "-"), "DomainName": domain} for name, domain in domains.items()]
        associations = [{"ResolverRuleId": each["Id"]} for each in rules]
        self.answers["route53resolver", "list_resolver_rules"] = lambda _: {"ResolverRules": rules}
        self.answers["route53resolver", "list_resolver_rule_associations"] = lambda _: {
            "ResolverRuleAssociations": associations
        }

    def delete_endpoints(self, *services):
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[self.endpoints[service] for service in services])

    def address(self, service):
        """The address of an endpoint."""
        (row,) = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[self.endpoints[service]])["VpcEndpoints"]
        interfaces = self.ec2.describe_network_interfaces(NetworkInterfaceIds=row["NetworkInterfaceIds"])
        return interfaces["NetworkInterfaces"][0]["PrivateIpAddress"]

    def change(self, service, operation, key, **changes):
        """Changes each row that moto answers."""
        page = getattr(moto_client(service), operation)

        def answer(request):
            request.pop("NextToken", None)
            return {key: [row | changes for row in page(**request)[key]]}

        self.answers[service, operation] = answer

    def change_instance(self, **changes):
        def answer(request):
            reservations = self.ec2.describe_instances(**request)["Reservations"]
            rows = [group | {"Instances": [each | changes for each in group["Instances"]]} for group in reservations]
            return {"Reservations": rows}

        self.answers["ec2", "describe_instances"] = answer

    def deny(self, service, operation, code="AccessDeniedException"):
        self.answers[service, operation] = lambda _: code

    def _information(self, request):
        ((names),) = [each["Values"] for each in request["Filters"]]
        rows = [{"InstanceId": name, **self.registrations[name]} for name in names if name in self.registrations]
        return {"InstanceInformationList": rows}

    def _group(self, name):
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]

    def _endpoint(self, service):
        created = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc,
            VpcEndpointType="Interface",
            ServiceName=f"com.amazonaws.{REGION}.{service}",
            SubnetIds=[self.subnet],
            SecurityGroupIds=[self.endpoint_group],
            PrivateDnsEnabled=True,
        )
        return created["VpcEndpoint"]["VpcEndpointId"]

    def _role(self):
        self.iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST), Path="/ssm/")
        self.iam.put_role_policy(RoleName="web", PolicyName="a", PolicyDocument=document(*SCOPED_MINIMUM))
        self.iam.create_instance_profile(InstanceProfileName="web")
        self.iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
        return "web"


ATTACHED = {"123456789012": "deny-regions", "ou-a1b2-c3d4e5f6": "workloads", "r-a1b2": "FullAWSAccess"}
PARENTS = {"123456789012": "ou-a1b2-c3d4e5f6", "ou-a1b2-c3d4e5f6": "r-a1b2"}


def organization():
    """The answers of an organization."""
    return {
        ("organizations", "list_policies_for_target"): lambda request: {
            "Policies": [{"Name": ATTACHED[request["TargetId"]]}]
        },
        ("organizations", "list_parents"): lambda request: {"Parents": [{"Id": PARENTS[request["ChildId"]]}]},
    }
