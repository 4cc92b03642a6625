"""An emulated account: moto's services, and Systems Manager with instances, commands, sessions, patches, inventory."""

import re
import shlex
from datetime import UTC, datetime
from functools import cache
from itertools import count

import boto3
from botocore.stub import Stubber

from live.account import Account
from live.plan import IAM_PATH, KEYS, PREFIX
from live.resources import PARAMETER_VALUE, create_key, create_support
from live.session import PRINTED
from ssm_profile import policy
from ssm_profile.iam.conditions import ABSENT, condition_keys
from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import Evaluator, Kind, Need, Outcome, Policy
from ssm_profile.stack_config import parse_config
from tests import config_text

LOCATION = {"partition": "aws", "region": "eu-central-1", "account": "012345678901"}
"""Not the account of the examples, and with a number that begins with a zero."""

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": LOCATION["region"]}
NOW = datetime(2026, 11, 26, tzinfo=UTC)
PERSON = "alice"
"""The name of the caller, with which the ID of a session begins."""
_IDS = count(1)
DEFAULT_HOST_MANAGEMENT_IS_ON = {
    "ServiceSetting": {"SettingValue": "service-role/AWSSystemsManagerDefaultEC2InstanceManagementRole"}
}


@cache
def moto_client(service):
    """A client that moto answers. Creating one takes longer than a test, so each is created once."""
    return boto3.client(service, **CREDENTIALS)


@cache
def stubbed_client(service):
    """A client for Stubber only, which answers every operation of its client."""
    return boto3.client(service, **CREDENTIALS)


class Client:
    """A client of moto, whose operations in `answers` are answered by Stubber.

    An answer is a function of the request. It returns a response, or the code of an error.
    """

    def __init__(self, service, answers):
        self._service, self._answers = service, answers

    def __getattr__(self, name):
        if (self._service, name) not in self._answers:
            return getattr(moto_client(self._service), name)
        return lambda **request: self._answer(name, request)

    def _answer(self, operation, request):
        answer = self._answers[self._service, operation](request)
        client = stubbed_client(self._service)
        with Stubber(client) as stubber:
            if isinstance(answer, str):
                stubber.add_client_error(operation, answer)
            else:
                stubber.add_response(operation, answer)
            return getattr(client, operation)(**request)

    def get_paginator(self, operation):
        if (self._service, operation) not in self._answers:
            return moto_client(self._service).get_paginator(operation)
        return Pages(getattr(self, operation))


class Pages:
    """A paginator with one page."""

    def __init__(self, operation):
        self._operation = operation

    def paginate(self, **request):
        return [self._operation(**request)]


class EmulatedAws:
    """The account. A test replaces an entry of `answers` to make AWS answer differently."""

    def __init__(self):
        self.slept = 0
        self.associations = {}
        self.commands = {}
        self.sessions = {}
        self.answers = {
            ("iam", "simulate_principal_policy"): self.simulate,
            ("kms", "describe_key"): self.describe_key,
            ("kms", "schedule_key_deletion"): self.delete_key,
            ("ssm", "describe_instance_information"): self.information,
            ("ssm", "get_connection_status"): lambda request: {"Target": request["Target"], "Status": "connected"},
            ("ssm", "get_service_setting"): lambda _: {"ServiceSetting": {"SettingValue": "$None"}},
            ("ssm", "send_command"): self.send_command,
            ("ssm", "get_command_invocation"): lambda request: self.commands[request["CommandId"]],
            ("ssm", "start_session"): self.start_session,
            ("ssm", "terminate_session"): self.end_session,
            ("ssm", "describe_instance_patch_states"): self.patch_states,
            ("ssm", "create_association"): self.create_association,
            ("ssm", "list_associations"): lambda _: {"Associations": list(self.associations.values())},
            ("ssm", "delete_association"): lambda request: self.associations.pop(request["AssociationId"]) and {},
            ("ssm", "list_tags_for_resource"): self.tags,
            ("ssm", "list_inventory_entries"): self.inventory,
        }
        self.account = Account(LOCATION, self.client, lambda service, _: self.client(service), self.sleep)

    def create_support(self, names):
        """What the stacks use, with new keys."""
        return create_support(self.account, names, {key: create_key(self.account, names, key) for key in KEYS})

    def client(self, service):
        return Client(service, self.answers)

    def sleep(self, seconds):
        self.slept += seconds

    def decide(self, role, action, resource, context=()):
        """What the policies of a role decide, as IAM's simulator would: without a value, a key is absent."""
        iam = moto_client("iam")
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        statements = [each for document in documents for each in statements_of(document, role)]
        absent = {key: (ABSENT,) for each in statements for key in condition_keys(each.condition)}
        values = absent | {key.lower(): (value,) for key, value in context}
        return Evaluator(Policy(role, tuple(statements)), values).decide(action, Need((resource,)))

    def simulate(self, request):
        """What IAM's simulator answers. It takes no policy of a resource for a role, so it denies other accounts."""
        role = request["PolicySourceArn"].rpartition("/")[2]
        (resource,) = request["ResourceArns"]
        same_account = resource.split(":")[4:5] in ([], [""], [self.account.location["account"]])
        context = [(each["ContextKeyName"], each["ContextKeyValues"][0]) for each in request["ContextEntries"]]
        results = []
        for action in request["ActionNames"]:
            decision = self.decide(role, action, resource, context)
            explicit = any(reason.kind is Kind.EXPLICIT_DENY for reason in decision.reasons)
            denied = "explicitDeny" if explicit else "implicitDeny"
            allowed = decision.outcome is Outcome.ALLOWED and same_account
            results.append({"EvalActionName": action, "EvalDecision": "allowed" if allowed else denied})
        return {"EvaluationResults": results, "IsTruncated": False}

    def describe_key(self, request):
        """The policy of a key that no run has created denies this."""
        key = request["KeyId"].rpartition("/")[2]
        if not moto_client("kms").list_resource_tags(KeyId=key)["Tags"]:
            return "AccessDeniedException"
        return {"KeyMetadata": moto_client("kms").describe_key(KeyId=key)["KeyMetadata"]}

    def delete_key(self, request):
        """KMS takes an ARN as well, which moto does not."""
        key = request["KeyId"].rpartition("/")[2]
        if moto_client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion":
            return "KMSInvalidStateException"
        moto_client("kms").schedule_key_deletion(**request | {"KeyId": key})
        return {"KeyId": key}

    def information(self, request):
        ((instance,),) = [each["Values"] for each in request["Filters"]]
        online = {"InstanceId": instance, "PingStatus": "Online", "AgentVersion": "3.3.5226.0"}
        return {"InstanceInformationList": [online]}

    def role_of(self, instance):
        reservations = moto_client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
        profile = reservations[0]["Instances"][0]["IamInstanceProfile"]["Arn"].rpartition("/")[2]
        profile = moto_client("iam").get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
        return profile["Roles"][0]["RoleName"]

    def send_command(self, request):
        (instance,), command = request["InstanceIds"], f"00000000-0000-0000-0000-{next(_IDS):012}"
        output = "".join(self.shell(instance, line) for line in request["Parameters"].get("commands", []))
        self.commands[command] = {"Status": "Success", "StandardOutputContent": output, "StandardErrorContent": ""}
        if bucket := request.get("OutputS3BucketName"):
            key = f"{request['OutputS3KeyPrefix']}/{command}/{instance}/stdout"
            moto_client("s3").put_object(Bucket=bucket, Key=key, Body=output.encode())
        return {"Command": {"CommandId": command}}

    def shell(self, instance, line):
        """What a line prints on an instance."""
        if name := re.search(r"get-parameter .*--name (\S+)", line):
            arn = f"arn:aws:ssm:eu-central-1:{LOCATION['account']}:parameter{name[1]}"
            allowed = self.decide(self.role_of(instance), "ssm:GetParameter", arn, [("ec2:RoleDelivery", "2.0")])
            return PARAMETER_VALUE if allowed.outcome is Outcome.ALLOWED else "(AccessDeniedException) not authorized"
        return shlex.split(line)[1].replace("$((6*7))", "42") + "\n"

    def start_session(self, request):
        session = f"{PERSON}-{next(_IDS):017}"
        self.sessions[session] = request
        return {"SessionId": session, "TokenValue": "secret-token", "StreamUrl": "wss://ssmmessages/x"}

    def end_session(self, request):
        """The agent writes the log when the session ends."""
        session = request["SessionId"]
        document = self.sessions[session]["DocumentName"]
        if document.endswith("-logged"):
            run, text = document.removesuffix("-logged").removeprefix(f"{PREFIX}-"), f"sh-5.2$ {PRINTED}\n"
            moto_client("s3").put_object(
                Bucket=f"{PREFIX}-{run}-logs", Key=f"sessions/{session}.log", Body=text.encode()
            )
            where = {"logGroupName": f"/{PREFIX}/{run}", "logStreamName": session}
            moto_client("logs").create_log_stream(**where)
            event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": text}
            moto_client("logs").put_log_events(**where, logEvents=[event])
        return {"SessionId": session}

    def patch_states(self, request):
        (instance,) = request["InstanceIds"]
        state = {
            "InstanceId": instance,
            "PatchGroup": "none",
            "BaselineId": "pb-0123456789abcdef0",
            "Operation": "Scan",
        }
        times = dict.fromkeys(("OperationStartTime", "OperationEndTime"), NOW)
        return {"InstancePatchStates": [{**state, **times, "InstalledCount": 400, "MissingCount": 3}]}

    def create_association(self, request):
        association = {"AssociationId": f"00000000-0000-0000-0000-{next(_IDS):012}"}
        association["AssociationName"] = request["AssociationName"]
        self.associations[association["AssociationId"]] = association
        return {"AssociationDescription": association}

    def tags(self, request):
        if request["ResourceType"] == "Association":
            run = self.associations[request["ResourceId"]]["AssociationName"].removeprefix(f"{PREFIX}-")
            return {"TagList": [{"Key": PREFIX, "Value": run}]}
        return {"TagList": moto_client("ssm").list_tags_for_resource(**request)["TagList"]}

    def inventory(self, request):
        return {**request, "Entries": [{"Name": "amazon-ssm-agent", "Version": "3.3.5226.0"}]}


class EmulatedDeployment:
    """Creates the role and the profile of a stack in moto, from the config that the Pulumi program would get."""

    def __init__(self):
        self.stacks = []

    def deploy(self, stack, config):
        self.stacks.append(stack)
        iam, own = moto_client("iam"), {key: value for key, value in config.items() if key.startswith("ssm-profile:")}
        options, mistakes = parse_config({key: config_text(value) for key, value in own.items()}, "ssm-profile")
        assert mistakes == []
        tags = [{"Key": key, "Value": value} for key, value in config["aws:defaultTags"]["tags"].items()]
        name, trust = f"ssm-profile-{stack}", policy.to_json(policy.trust_policy(options))
        role = iam.create_role(RoleName=name, Path=options["path"], AssumeRolePolicyDocument=trust, Tags=tags)
        document = policy.to_json(policy.policy_document(options, LOCATION))
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=document)
        profile = iam.create_instance_profile(InstanceProfileName=name, Path=IAM_PATH, Tags=tags)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return {
            "roleName": name,
            "roleArn": role["Role"]["Arn"],
            "instanceProfileArn": profile["InstanceProfile"]["Arn"],
        }

    def destroy(self):
        iam = moto_client("iam")
        for stack in self.stacks:
            name = f"ssm-profile-{stack}"
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
            iam.delete_instance_profile(InstanceProfileName=name)
            iam.delete_role_policy(RoleName=name, PolicyName=name)
            iam.delete_role(RoleName=name)
        self.stacks.clear()
