"""The permissions that ``fleet`` requires, for each source in AWS."""

READ = "iam:GetAccountAuthorizationDetails"
ASSUME = "sts:AssumeRole"
LIST = "organizations:ListAccounts"
SELECT = "config:SelectAggregateResourceConfig"
STATUS = "config:DescribeConfigurationAggregatorSourcesStatus"
POLICIES = ("iam:GetPolicy", "iam:GetPolicyVersion")

_YOURS, _ROLES = "your identity", "the role in each account"
_MANY, _AGGREGATOR = "`--accounts` and `--organization`", "`--config-aggregator`"

PERMISSIONS: tuple[tuple[str, str, str, str], ...] = (
    ("the account of your credentials", READ, _YOURS, "the roles and policies of the account"),
    (_MANY, ASSUME, _YOURS, "nothing: it gives the credentials of the role in each account"),
    (_MANY, READ, _ROLES, "the roles and policies of the account"),
    (_MANY, READ, _YOURS, "the same of the account of your credentials, if it is one of them"),
    ("`--organization`", LIST, _YOURS, "the accounts of the organization"),
    (_AGGREGATOR, SELECT, _YOURS, "what AWS Config recorded of roles, managed policies and instance profiles"),
    (_AGGREGATOR, STATUS, _YOURS, "the accounts whose data is missing or old"),
    *((_AGGREGATOR, action, _YOURS, "the policies of AWS, which Config does not record") for action in POLICIES),
)
"""The source, the permission, who needs it, and what it reads."""
