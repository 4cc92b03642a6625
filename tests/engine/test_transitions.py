"""A change of options never takes permissions from running instances that they have before and after it."""

import json
from itertools import pairwise

import pytest
from pulumi.automation import CommandError

from ssm_profile.preview import GUIDE
from tests.engine.faults import throttling
from tests.engine.stacks import (
    attached_policies,
    create_managed_policy,
    inline_documents,
    resource_changes,
    single_line,
)
from tests.engine.transitions import Recorder, interruptions, is_change, lacking_moments
from tests.expected import DEFAULT, QUIET, TRUST

pytestmark = (
    pytest.mark.fake_provider
)  # the replacement order is the component's; moto's roles are read in this process

PROGRAM = """
from ssm_profile import SsmInstanceProfile

options = pulumi.Config("test").require_object("options")
name = options.pop("component", "web")


def policy_arn(policy):
    statement = {"Effect": "Allow", "Action": f"s3:{policy}", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return aws.iam.Policy(policy, name=policy, policy=document).arn


outputs = {policy: policy_arn(policy) for policy in ("a", "b")}
aliases = {"web": [pulumi.Alias(name="app")], "app": [pulumi.Alias(name="web")]}
arns = [outputs.get(arn, arn) for arn in options.pop("managed_policy_arns", [])]
profile = SsmInstanceProfile(
    name,
    {**options, **({"managed_policy_arns": arns} if arns else {})},
    pulumi.ResourceOptions(aliases=aliases.get(name)),
)
pulumi.export("profile", profile.instance_profile_name)
pulumi.export("role", profile.role_name)
"""

BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
A, B, C = (f"arn:aws:iam::123456789012:policy/{name}" for name in "abc")
NAMES = {"role_name": "fixed-role", "instance_profile_name": "fixed-profile"}

CONFIGURATIONS = {
    "default": {},
    "other permissions": {"quiet_agent": True},
    "managed": {"policy_kind": "managed"},
    "exclusive": {"exclusive": True},
    "managed, exclusive": {"policy_kind": "managed", "exclusive": True},
    "role name": {"role_name": "fixed-role"},
    "other role name, managed": {"role_name": "other-role", "policy_kind": "managed"},
    "profile name": {"instance_profile_name": "fixed-profile"},
    "both names": NAMES,
    "both names, managed": {**NAMES, "policy_kind": "managed"},
    "both names, path": {**NAMES, "path": "/ssm/"},
    "path": {"path": "/ssm/"},
    "path, managed, exclusive": {"path": "/ssm/", "policy_kind": "managed", "exclusive": True},
    "existing role": {"existing_role_name": "existing"},
    "existing role, managed": {"existing_role_name": "existing", "policy_kind": "managed"},
    "existing role, profile name": {"existing_role_name": "existing", "instance_profile_name": "fixed-profile"},
    "boundary": {"permissions_boundary_arn": BOUNDARY},
    "boundary, managed, tags": {
        "permissions_boundary_arn": BOUNDARY,
        "policy_kind": "managed",
        "tags": {"Team": "web"},
    },
    "strings": {"managed_policy_arns": [A, B]},
    "outputs": {"managed_policy_arns": ["a", "b"]},
    "outputs in another order": {"managed_policy_arns": [C, "b", "a"]},
    "one output": {"managed_policy_arns": ["b"]},
    "string and output, exclusive": {"managed_policy_arns": [A, "b"], "exclusive": True},
    "outputs, managed, exclusive": {"managed_policy_arns": ["b", "a"], "policy_kind": "managed", "exclusive": True},
    "outputs, existing role": {"managed_policy_arns": ["a"], "existing_role_name": "existing"},
    "renamed component with alias": {"component": "app"},
    "renamed component with alias, managed": {"component": "app", "policy_kind": "managed"},
    "another component": {"component": "other", "managed_policy_arns": ["a", "b"]},
}
"""Options that differ in what is registered. A managed policy "a" is an output, and its ARN is a string."""

TYPICAL = (
    "strings",
    "outputs in another order",
    "path, managed, exclusive",
    "existing role, managed",
    "both names",
    "both names, path",
)
"""A walk for `make test`."""


INTERRUPTED = [
    ("default", "managed"),
    ("default", "path, managed, exclusive"),
    ("strings", "outputs in another order"),
    ("string and output, exclusive", "outputs, managed, exclusive"),
    ("managed", "renamed component with alias"),
    ("both names", "path"),
    ("outputs", "another component"),
]
"""Changes that leave the role in the profile, or replace the profile."""


class Account:
    """A stack whose options change, and an account in which the existing role and the boundary are made by hand."""

    def __init__(self, sandbox, iam, injector, folder):
        self.sandbox, self.iam, self.injector, self.folder = sandbox, iam, injector, folder
        self.recorder = injector.on_handled = Recorder()
        self.stack, self.outputs, self.options = None, {}, {}
        iam.create_role(RoleName="existing", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(ALL))
        create_managed_policy(iam, "c")

    def configure(self, options):
        """Set the options for the next operation."""
        self.options = options
        self.stack = self.sandbox.stack("test", self.folder, config={"options": options, "aws:maxRetries": 1})

    def up(self):
        """Deploy, and record each moment of it."""
        self.recorder.start()
        self.update()

    def update(self):
        """Deploy, and add to the moments that are recorded already."""
        self.outputs = {name: output.value for name, output in self.stack.up().outputs.items()}

    def failure(self):
        """Deploy, and return the error, or None if there is none."""
        try:
            self.stack.up()
        except CommandError as error:
            return str(error)
        return None

    def preview(self):
        """The warnings and errors of a preview."""
        messages = []

        def note(event):
            if event.diagnostic_event and event.diagnostic_event.severity in ("warning", "error"):
                messages.append(event.diagnostic_event.message)

        try:
            self.stack.preview(on_event=note)
        except CommandError as error:
            messages.append(str(error))
        return single_line(*messages)

    def check_result(self):
        """Check that IAM contains exactly what the options ask for, and that the next update changes nothing."""
        role, profile, options = self.outputs["role"], self.outputs["profile"], self.options
        document = QUIET if options.get("quiet_agent") else DEFAULT
        arns = {{"a": A, "b": B}.get(arn, arn) for arn in options.get("managed_policy_arns", [])}
        own = {policy["Arn"] for policy in self.iam.list_policies(Scope="Local")["Policies"]} - {A, B, C, BOUNDARY}
        managed = options.get("policy_kind") == "managed"

        assert attached_policies(self.iam, role) == arns | own
        assert len(own) == managed
        assert inline_documents(self.iam, role) == ([] if managed else [document])
        assert {each["RoleName"] for each in self.iam.list_roles()["Roles"]} == {"existing", role}
        profiles = self.iam.list_instance_profiles()["InstanceProfiles"]
        assert [(each["InstanceProfileName"], each["Roles"][0]["RoleName"]) for each in profiles] == [(profile, role)]
        if role != "existing":
            assert inline_documents(self.iam, "existing") == []
            assert attached_policies(self.iam, "existing") == set()
        assert resource_changes(self.stack.up()) == {}


ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def account(sandbox, iam, fault_injector, project):
    return Account(sandbox, iam, fault_injector, project(PROGRAM))


def replaces_only_path(before, after):
    """Whether a fixed name stays while the path changes, which IAM does not allow."""
    same = [name for name in NAMES if name in before and before[name] == after.get(name)]
    return same and before.get("path") != after.get("path")


def change(account, configuration):
    """Change the options, and check each moment of the change and its result."""
    before, old, old_role = account.options, account.outputs["profile"], account.outputs["role"]
    after = CONFIGURATIONS[configuration] if isinstance(configuration, str) else configuration
    account.configure(after)
    if replaces_only_path(before, after):
        check_refusal(account)
        account.configure(before)
        return
    stays = before.get("instance_profile_name") == after.get("instance_profile_name")
    account.up()
    problems = list(interruptions(account.recorder.moments, old, account.outputs["profile"]))
    if account.outputs["profile"] == old and account.outputs["role"] != old_role:
        assert stays or "component" in after
        assert problems == [f"iam:RemoveRoleFromInstanceProfile: {old} contains no role"]
    else:
        assert problems == []
    account.check_result()


def check_refusal(account):
    """Check that the preview names the option and the way out, and that an update without a preview changes nothing."""
    said = account.preview()
    assert "while `path` changes" in said
    assert "Change the name as well" in said
    assert GUIDE in said
    if "existing_role_name" in account.options:
        return  # Pulumi forgets the stack's own role if such an update fails: see docs/recovery.md
    old = account.outputs["profile"]
    account.recorder.start()
    with pytest.raises(CommandError, match="EntityAlreadyExists"):
        account.stack.up()
    kept = account.recorder.moments[0].profiles[old]
    assert list(lacking_moments(account.recorder.moments, old, kept)) == []


def start(account, name):
    account.configure(CONFIGURATIONS[name])
    account.up()
    account.check_result()


def test_typical_changes_keep_permissions(account):
    start(account, TYPICAL[0])
    for _, name in pairwise(TYPICAL):
        change(account, name)


class TestWarning:
    def test_another_role_is_announced(self, account, iam):
        """The preview warns if the profile stays and gets another role."""
        iam.create_role(RoleName="another", AssumeRolePolicyDocument=json.dumps(TRUST))
        account.configure(CONFIGURATIONS["existing role"])
        account.up()

        for after in (CONFIGURATIONS["boundary"], CONFIGURATIONS["role name"], {"existing_role_name": "another"}):
            account.configure(after)
            assert "This instance profile is about to get another role." in (said := account.preview()), after
            assert GUIDE in said

    @pytest.mark.proof
    def test_other_changes_are_not_announced(self, account):
        """A change that leaves the role in the profile shows no warning in the preview."""
        start(account, "default")

        for name in ("managed, exclusive", "path", "profile name", "strings"):
            account.configure(CONFIGURATIONS[name])
            assert account.preview() == "", name


def test_renamed_component_keeps_role_and_profile(account):
    """With an alias, a new name of the component replaces the inline policy only, the new one first."""
    start(account, "default")
    before = account.outputs
    account.configure(CONFIGURATIONS["renamed component with alias"])

    account.up()

    assert account.outputs == before
    assert [moment.call for moment in account.recorder.moments[1:]] == ["iam:PutRolePolicy", "iam:DeleteRolePolicy"]
    account.check_result()


def test_own_role_becomes_existing_role(account, iam):
    """Pulumi keeps a role that it has created when the role is given as an existing one."""
    start(account, "both names")

    change(account, {**CONFIGURATIONS["existing role, profile name"], "existing_role_name": "fixed-role"})

    account.stack.destroy()
    assert iam.get_role(RoleName="fixed-role")


def test_failed_change_keeps_permissions(account):
    """If a change fails, running instances keep their permissions, and the next update completes it."""
    start(account, "default")

    assert fail_change(account, "managed", 2)


def test_refresh_completes_a_failed_change_of_role(account):
    """If the profile has lost the old role and did not get the new one, `pulumi up --refresh` adds it."""
    start(account, "default")
    account.configure(CONFIGURATIONS["role name"])
    account.injector.fault_for = lambda call, _: throttling if call == "iam:AddRoleToInstanceProfile" else None
    assert "Throttling" in account.failure()
    account.injector.reset()

    account.stack.up(refresh=True)

    account.update()
    account.check_result()


@pytest.mark.proof
@pytest.mark.parametrize(("before", "after"), INTERRUPTED)
def test_every_failed_change_keeps_permissions(account, before, after):
    """If a change fails at any call, running instances keep their permissions, and the next update completes it."""
    start(account, before)
    number = 1
    while fail_change(account, after, number):
        change(account, before)
        number += 1
    assert number > 1


def fail_change(account, name, number):
    """Make a change that fails at the n-th call that changes IAM, and complete it. Returns whether it has failed."""
    old = account.outputs["profile"]
    account.configure(CONFIGURATIONS[name])
    account.recorder.start()
    account.injector.fault_for = fault_from(number, account.recorder)

    error = account.failure()

    assert not error or "Throttling" in error
    account.injector.reset()
    account.update()
    assert list(interruptions(account.recorder.moments, old, account.outputs["profile"])) == []
    account.check_result()
    return error is not None


def fault_from(number, recorder):
    """A fault at the n-th call that changes IAM, and at every later one."""

    def fault_for(call, _number):
        return throttling if is_change(call) and len(recorder.moments) >= number else None

    return fault_for


@pytest.mark.proof
@pytest.mark.parametrize("name", list(CONFIGURATIONS)[:-1])
def test_every_change_keeps_permissions(account, name):
    """Between any two configurations, the role of a running instance always grants what both of them grant."""
    start(account, name)
    names = list(CONFIGURATIONS)
    for other in names[names.index(name) + 1 :]:
        change(account, other)
        if account.options != CONFIGURATIONS[name]:
            change(account, name)
