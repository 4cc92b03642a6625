"""The resource types of pulumi-aws for a private network: VPCs, subnets and VPC endpoints."""

from typing import ClassVar

from .ec2 import Ec2Type
from .resource import Property, State, tag_map, to_aws

_TAGS = Property(default={})
_VPC_ID = Property(required=True, replaces=True)


class Vpc(Ec2Type):
    """aws.ec2.Vpc."""

    type_name = "aws:ec2/vpc:Vpc"
    title = "EC2 VPC"
    not_found_code = "InvalidVpcID.NotFound"
    computed = ("arn", "mainRouteTableId", "tagsAll")
    properties: ClassVar = {
        "cidrBlock": Property(required=True, replaces=True),
        "enableDnsHostnames": Property(default=False),
        "enableDnsSupport": Property(default=True),
        "tags": _TAGS,
    }

    def create(self, inputs: State) -> str:
        created = self.ec2.create_vpc(
            CidrBlock=inputs["cidrBlock"], TagSpecifications=self.tag_specifications("vpc", inputs)
        )
        resource_id = str(created["Vpc"]["VpcId"])
        self._set_dns(resource_id, inputs)
        return resource_id

    def read(self, resource_id: str) -> State | None:
        for vpc in self.describe("describe_vpcs", "Vpcs", VpcIds=[resource_id]):
            tables = self.ec2.describe_route_tables(
                Filters=[
                    {"Name": "vpc-id", "Values": [resource_id]},
                    {"Name": "association.main", "Values": ["true"]},
                ]
            )["RouteTables"]
            return {
                "arn": f"arn:aws:ec2:{self.ec2.meta.region_name}:{vpc['OwnerId']}:vpc/{resource_id}",
                "cidrBlock": vpc["CidrBlock"],
                "mainRouteTableId": tables[0]["RouteTableId"],
                "tagsAll": tag_map(vpc),
            }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        self._set_dns(resource_id, new)
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: State) -> None:
        self.ec2.delete_vpc(VpcId=resource_id)

    def _set_dns(self, resource_id: str, inputs: State) -> None:
        for key in ("enableDnsSupport", "enableDnsHostnames"):
            value = inputs.get(key, self.properties[key].default)
            self.ec2.modify_vpc_attribute(VpcId=resource_id, **to_aws({key: {"value": value}}))


class Subnet(Ec2Type):
    """aws.ec2.Subnet."""

    type_name = "aws:ec2/subnet:Subnet"
    title = "EC2 Subnet"
    not_found_code = "InvalidSubnetID.NotFound"
    computed = ("arn", "tagsAll")
    properties: ClassVar = {
        "availabilityZone": Property(replaces=True, chosen_by_aws=True),
        "cidrBlock": Property(required=True, replaces=True),
        "tags": _TAGS,
        "vpcId": _VPC_ID,
    }

    def create(self, inputs: State) -> str:
        created = self.ec2.create_subnet(
            **to_aws(self.given(inputs)), TagSpecifications=self.tag_specifications("subnet", inputs)
        )
        return str(created["Subnet"]["SubnetId"])

    def read(self, resource_id: str) -> State | None:
        for subnet in self.describe("describe_subnets", "Subnets", SubnetIds=[resource_id]):
            return {
                "arn": subnet["SubnetArn"],
                "availabilityZone": subnet["AvailabilityZone"],
                "cidrBlock": subnet["CidrBlock"],
                "tagsAll": tag_map(subnet),
                "vpcId": subnet["VpcId"],
            }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: State) -> None:
        self.ec2.delete_subnet(SubnetId=resource_id)


class VpcEndpoint(Ec2Type):
    """aws.ec2.VpcEndpoint."""

    type_name = "aws:ec2/vpcEndpoint:VpcEndpoint"
    title = "EC2 VPC Endpoint"
    not_found_code = "InvalidVpcEndpointId.NotFound"
    computed = ("arn", "prefixListId", "state", "tagsAll")
    properties: ClassVar = {
        "policy": Property(document=True, chosen_by_aws=True),
        "privateDnsEnabled": Property(chosen_by_aws=True, type="boolean"),
        "routeTableIds": Property(default=[]),
        "securityGroupIds": Property(default=[]),
        "serviceName": Property(required=True, replaces=True),
        "subnetIds": Property(default=[]),
        "tags": _TAGS,
        "vpcEndpointType": Property(default="Gateway", replaces=True),
        "vpcId": _VPC_ID,
    }

    def create(self, inputs: State) -> str:
        given = {"vpcEndpointType": self.properties["vpcEndpointType"].default, **self.given(inputs)}
        created = self.ec2.create_vpc_endpoint(
            **to_aws(given, {"policy": "PolicyDocument"}),
            TagSpecifications=self.tag_specifications("vpc-endpoint", inputs),
        )
        return str(created["VpcEndpoint"]["VpcEndpointId"])

    def read(self, resource_id: str) -> State | None:
        for endpoint in self.describe("describe_vpc_endpoints", "VpcEndpoints", VpcEndpointIds=[resource_id]):
            if endpoint["State"] == "deleted":
                return None
            lists = self.ec2.describe_managed_prefix_lists()["PrefixLists"]
            return {
                "arn": f"arn:aws:ec2:{self.ec2.meta.region_name}:{endpoint['OwnerId']}:vpc-endpoint/{resource_id}",
                "prefixListId": next(
                    (each["PrefixListId"] for each in lists if each["PrefixListName"] == endpoint["ServiceName"]), ""
                ),
                "state": endpoint["State"],
                "tagsAll": tag_map(endpoint),
            }
        return None

    def update(self, resource_id: str, changed: set[str], old: State, new: State) -> None:
        if changed - {"tagsAll"}:
            super().update(resource_id, changed, old, new)
        self.update_tags(resource_id, old, new)

    def delete(self, resource_id: str, state: State) -> None:
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[resource_id])


TYPES: tuple[type[Ec2Type], ...] = (Vpc, Subnet, VpcEndpoint)
