"""Policies and requests made at random, for the comparison of two evaluators."""

import re
from random import Random

from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.cli.action_list import takes_resources
from ssm_profile.cli.reverse_lookup import actions_of
from ssm_profile.cli.templates import filled
from tests.expected import KEY, SHARED_DOCUMENT, SHARED_PARAMETER

REGION, ACCOUNT = "eu-central-1", "123456789012"
VALUES = {
    "partition": "aws",
    "region": REGION,
    "account": ACCOUNT,
    "patch_suffix": "9163fdaaf",
    "snapshot_suffix": "",
    "parameters.paths": "/app/prod",
    "parameters.kms_key_arn": KEY,
    "parameters.shared_arns": SHARED_PARAMETER,
    "parameters.shared_kms_key_arn": KEY,
    "document_arns": SHARED_DOCUMENT,
    "session_kms_key_arn": KEY,
    "session_logs.kms_key_arn": KEY,
    "patch_policy.account_id": "210987654321",
    "patch_policy.configuration_id": "q4bkg",
    "read_buckets.bucket": "scripts",
    "read_buckets.prefix": "ansible/",
    "read_buckets.kms_key_arn": KEY,
    "session_logs.bucket": "logs",
    "session_logs.prefix": "ssm/",
    "session_logs.log_group": "/ssm/sessions",
    "cloudwatch_agent.log_groups": "/ec2/app",
    "cloudwatch_agent.log_group_prefixes": "/ec2/i-",
    "domain_join.directory_id": "d-1234567890",
    "domain_join.owner_account_id": "210987654321",
    "domain_join.owner_directory_id": "d-0987654321",
    "domain_join.kms_key_arn": KEY,
}

CONTEXT_KEYS = {
    "aws:SecureTransport": ["true", "false"],
    "aws:RequestedRegion": ["eu-central-1", "eu-west-1", "us-east-1"],
    "aws:PrincipalType": ["AssumedRole", "User"],
    "aws:SourceIp": ["10.0.0.5", "192.0.2.7"],
    "aws:SourceVpc": ["vpc-1", "vpc-2"],
    "aws:PrincipalTag/team": ["web", "db"],
    "aws:UserAgent": ["agent", "cli/2"],
}
OPERATORS = {
    "aws:SecureTransport": ["Bool", "BoolIfExists"],
    "aws:SourceIp": ["IpAddress", "NotIpAddress"],
}
STRING_OPERATORS = [
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "StringEqualsIfExists",
    "StringNotEqualsIfExists",
    "Null",
]


def catalogue_requests():
    """Every action of the catalogue on a concrete resource of each of its templates: ``(action, resource)``."""
    requests = {}
    for capability in CAPABILITIES:
        for grant in capability.grants:
            for action in actions_of(grant)[:3]:
                for template in grant.resources:
                    resource = filled(template, grant, VALUES).replace("??????", "a1b2c3")
                    resource = resource.replace(":*:*:instance/*", f":{REGION}:{ACCOUNT}:instance/i-0a1b2c3d4e5f60718")
                    resource = resource.replace(f"{REGION}:*:patchbaseline", f"{REGION}:{ACCOUNT}:patchbaseline")
                    resource = re.sub(r"(log-group:[^:]*):\*$", r"\1:log-stream:i-0a1b2c3d4e5f60718", resource)
                    resource = resource.replace("*", "x") if resource != "*" else "*"
                    if _is_refused(action, resource):
                        continue
                    requests[action, resource] = None
    return list(requests)


def _is_refused(action, resource):
    """Whether the other evaluator refuses a request."""
    if action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        return "log-stream" not in resource
    # It does not know documents that AWS owns, and wants a resource where there can be one.
    return f"{REGION}::document" in resource or (resource == "*" and takes_resources(action))


def policy(random):
    """A policy document of one to five statements."""
    statements = [_statement(random) for _ in range(random.randint(1, 5))]
    if random.random() < 0.6:
        statements.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    random.shuffle(statements)
    return {"Version": "2012-10-17", "Statement": statements if random.random() < 0.9 else statements[0]}


def context(random):
    """The context of a request. Each key can be missing."""
    return {key: random.choice(values) for key, values in CONTEXT_KEYS.items() if random.random() < 0.7}


def _statement(random):
    statement = {"Effect": random.choice(["Allow", "Allow", "Deny"])}
    action_key = random.choice(["Action", "Action", "Action", "NotAction"])
    resource_key = random.choice(["Resource", "Resource", "NotResource"])
    statement[action_key] = _one_or_many(random, _action)
    statement[resource_key] = _one_or_many(random, _resource)
    if random.random() < 0.3:
        statement["Condition"] = _condition(random)
    return statement


def _one_or_many(random, make):
    return make(random) if random.random() < 0.5 else [make(random) for _ in range(random.randint(1, 4))]


def _action(random):
    action, _ = random.choice(REQUESTS)
    service, _, name = action.partition(":")
    cut = random.randint(0, len(name))
    name = random.choice([name, f"{name[:cut]}*", f"*{name[cut:]}", "*", f"{name[:cut]}?{name[cut + 1 :]}"])
    name = (
        "".join(random.choice([letter.lower(), letter.upper()]) for letter in name) if random.random() < 0.2 else name
    )
    return "*" if random.random() < 0.1 else f"{service}:{name}"


def _resource(random):
    _, resource = random.choice(REQUESTS)
    if resource == "*" or random.random() < 0.15:
        return "*"
    parts = resource.split(":", 5)
    for number in (3, 4):
        if parts[number] and random.random() < 0.4:
            cut = random.randint(0, len(parts[number]))
            parts[number] = random.choice(["*", f"{parts[number][:cut]}*", "us-east-1", "210987654321", ""])
    cut = random.randint(0, len(parts[5]))
    # This evaluator takes the type of a resource literally, up to the first slash or colon.
    start = max(parts[5].find("/"), parts[5].find(":")) + 1 if parts[2] != "s3" else 0
    cut = max(cut, start)
    last = parts[5]
    parts[5] = random.choice(
        [
            last,
            f"{last[:cut]}*",
            f"{last[:start]}*{last[cut:]}",
            f"{last[:cut]}?{last[cut + 1 :]}",
            f"{last}/x",
            last.upper(),
        ]
    )
    arn = ":".join(parts)
    if random.random() < 0.08:
        return ":".join(parts[: random.randint(3, 5)]) + random.choice(["", ":*"])
    if random.random() < 0.08:
        return f"{arn[:-1]}${{aws:PrincipalTag/team}}"
    return arn


def _condition(random):
    condition = {}
    for _ in range(random.randint(1, 2)):
        key = random.choice(list(CONTEXT_KEYS))
        operator = random.choice(OPERATORS.get(key, STRING_OPERATORS))
        values = [_value(random, key, operator) for _ in range(random.randint(1, 2))]
        condition.setdefault(operator, {})[key] = values[0] if random.random() < 0.5 else values
    return condition


def _value(random, key, operator):
    if operator == "Null":
        return random.choice(["true", "false"])
    value = random.choice(CONTEXT_KEYS[key])
    if "Ip" in operator and key == "aws:SourceIp":
        return random.choice([value, "10.0.0.0/8", "192.0.2.0/24"])
    if "Like" in operator:
        return random.choice([value, f"{value[:2]}*", f"*{value[-1]}", f"?{value[1:]}"])
    return random.choice([value, value.upper()])


def questions(seed, count):
    """Policies with one request each: ``{"policy", "action", "resource", "context"}``."""
    random = Random(seed)
    made = []
    for _ in range(count):
        action, resource = random.choice(REQUESTS)
        made.append({"policy": policy(random), "action": action, "resource": resource, "context": context(random)})
    return made


REQUESTS = catalogue_requests()
