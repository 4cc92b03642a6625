"""An organization that moto emulates, and the calls that the command makes to AWS."""

import json
from collections.abc import Callable
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.cli.accounts import ACCOUNT, trust
from tests.cli.policies import SCOPED_MINIMUM, document

ASSUME = ("--assume-role", "security/audit")


class Aws:
    """The answers of AWS. A test replaces or refuses an operation: in all accounts, in one, or in a Region of one."""

    def __init__(self, monkeypatch):
        self.requests, self.account_of = [], {}
        self.answers: dict[Any, Any] = {}
        call: Callable[..., Any] = BaseClient._make_api_call

        def answer(client, operation, request):
            region = client.meta.region_name
            key = client._request_signer._credentials.access_key
            account = request["RoleArn"].split(":")[4] if "RoleArn" in request else self.account_of.get(key, ACCOUNT)
            self.requests.append((operation, account, request))
            keys = (operation, account, region), (operation, account), operation
            answered = next((self.answers[each] for each in keys if each in self.answers), None)
            if isinstance(answered, Exception):
                raise answered
            answered = answered(request) if callable(answered) else answered or call(client, operation, request)
            if "Credentials" in answered:
                self.account_of[answered["Credentials"]["AccessKeyId"]] = account
            return answered

        monkeypatch.setattr("botocore.client.BaseClient._make_api_call", answer)

    def refuse(self, code, *operation):
        error = {"Error": {"Code": code, "Message": "The reason."}}
        key = operation if len(operation) > 1 else "".join(operation)
        self.answers[key] = ClientError(error, "x")

    def asked(self, operation):
        return [(account, request) for name, account, request in self.requests if name == operation]


def create_members():
    """The IDs of two accounts of an organization. They and the management account have a role each."""
    organizations = boto3.client("organizations", "us-east-1")
    organizations.create_organization(FeatureSet="ALL")
    add_role(boto3.client("iam"), "management")
    ids = []
    for name in ("dev", "prod"):
        created = organizations.create_account(AccountName=name, Email=f"{name}@example.com")
        ids.append(created["CreateAccountStatus"]["AccountId"])
        role = f"arn:aws:iam::{ids[-1]}:role/admin"
        keys = boto3.client("sts", "us-east-1").assume_role(RoleArn=role, RoleSessionName="admin")["Credentials"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        add_role(session.client("iam"), name)
    return ids


def add_role(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust()))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*SCOPED_MINIMUM))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


def problems(rows):
    return [(row["place"], row["reason"]) for row in rows if row["kind"] == "problem"]
