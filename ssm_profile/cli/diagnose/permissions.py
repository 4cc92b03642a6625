"""The permissions that ``diagnose`` requires, and what each is for."""

PERMISSIONS: dict[str, str] = {
    "ec2:DescribeInstances": "the state, the metadata options, the instance profile and the network of the instance",
    "ssm:DescribeInstanceInformation": "whether Systems Manager knows the instance, its ping status and agent version",
    "ssm:GetConnectionStatus": "whether an instance that is online is connected to Session Manager",
    "iam:GetInstanceProfile": "the role of the instance profile",
    "iam:GetRole": "the trust policy and the permissions boundary of the role",
    "iam:ListRolePolicies": "the policies of the role",
    "iam:GetRolePolicy": "the policies of the role",
    "iam:ListAttachedRolePolicies": "the policies of the role",
    "iam:GetPolicy": "the policies of the role, and its permissions boundary",
    "iam:GetPolicyVersion": "the policies of the role, and its permissions boundary",
    "ssm:GetServiceSetting": "whether Default Host Management Configuration is on",
    "ec2:DescribeRouteTables": "the route to the internet, if the instance is not connected",
    "ec2:DescribeNatGateways": "the NAT gateway of the default route",
    "ec2:DescribeVpcEndpoints": "the VPC endpoints, if the instance is not connected",
    "ec2:DescribeSecurityGroups": "the security groups of the instance and of the VPC endpoints",
    "ec2:DescribeNetworkInterfaces": "the addresses of the VPC endpoints",
    "ec2:DescribeVpcAttribute": "whether the VPC resolves the private names of endpoints",
    "ec2:DescribeVpcs": "the DHCP options of the VPC. Route 53 looks up the VPC with it, too",
    "ec2:DescribeDhcpOptions": "DNS servers of your own",
    "route53:ListHostedZonesByVPC": "private hosted zones with the names of the services",
    "route53profiles:ListProfileAssociations": "the Route 53 Profile of the VPC",
    "route53resolver:ListResolverRuleAssociations": "the Resolver rules of the VPC",
    "route53resolver:ListResolverRules": "the domains of these rules",
}
"""Each permission, with what it reads."""

OPTIONAL_PERMISSIONS: dict[str, str] = {
    "organizations:ListPoliciesForTarget": "the names of service control policies",
    "organizations:ListParents": "the organizational units whose service control policies apply, too",
}
"""Permissions that only the management account and delegated administrators can have. They decide no result."""
