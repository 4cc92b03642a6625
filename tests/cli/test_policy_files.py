"""Files of real shape, from bytes to roles: what is found in each."""

import json
from urllib.parse import quote

import pytest

from ssm_profile.cli.policy_files import FoundPolicy, FoundRole, decode, find_roles, parse, read_bytes
from ssm_profile.errors import InputError
from tests import ROOT

FILES = ROOT / "tests" / "data" / "policy_files"
EC2_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
CORE = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements, version="2012-10-17"):
    return ({"Version": version} if version else {}) | {"Statement": list(statements)}


def read(name):
    """The roles of a file in tests/data, by name without the file's."""
    roles = find_roles(parse(decode(read_bytes(str(FILES / name)), name), name), name)
    return {role.name.removeprefix(f"{name}, "): role for role in roles}


def find(data):
    return find_roles(data, "it")


def refusal(data):
    with pytest.raises(InputError) as refused:
        find_roles(data, "it")
    return str(refused.value)


class TestTemplate:
    def test_role(self):
        """A role has what its properties and the other resources give it."""
        roles = read("template.yaml")
        place = "template.yaml, resource"

        assert list(roles) == ["resource WebRole", "role bastion", "role ${OtherRole}"]
        assert roles["resource WebRole"] == FoundRole(
            name=f"{place} WebRole",
            policies=(
                FoundPolicy(
                    f"{place} WebRole, policy session-logs",
                    document(
                        allow("s3:PutObject", "arn:${AWS::Partition}:s3:::${LogBucket}/ssm/*"),
                        allow(
                            "kms:Decrypt",
                            "${LogKey.Arn}",
                            Condition={
                                "StringEquals": {
                                    "aws:PrincipalTag/team": "${aws:ResourceTag/team}",
                                    "kms:ViaService": "s3.${AWS::Region}.amazonaws.com",
                                }
                            },
                        ),
                    ),
                    (
                        "Fn::Sub AWS::Partition",
                        "Fn::Sub LogBucket",
                        "Fn::If IsProd",
                        "Fn::GetAtt LogKey.Arn",
                        "Ref AWS::Region",
                    ),
                    ("statement 2 (Fn::If IsProd)",),
                ),
                FoundPolicy(
                    f"{place} ParameterPolicy",
                    document(
                        allow(
                            ["ssm:GetParameter", "ssm:GetParametersByPath"],
                            "arn:aws:ssm:*:*:parameter/web/${aws:PrincipalTag/app}/${Environment}/*",
                        )
                    ),
                    ("Fn::Sub Environment",),
                ),
                FoundPolicy(f"{place} PatchPolicy", document(allow("ssm:PutInventory"), version=None)),
            ),
            managed_policy_arns=("arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore",),
            boundary=FoundPolicy(f"{place} Boundary", document(allow("ssm:*"), version=None)),
            trust={
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": ["sts:AssumeRole"]}
                ],
            },
            instance_profiles=("WebProfile",),
            left_out=(
                f"{place} WebRole, attached policy (Fn::If IsProd)",
                f"{place} ProdPolicy (Condition IsProd)",
            ),
        )

    def test_incomplete(self):
        """What is left out of the role and of its policies is in one place."""
        assert read("template.yaml")["resource WebRole"].incomplete == (
            "template.yaml, resource WebRole, attached policy (Fn::If IsProd)",
            "template.yaml, resource ProdPolicy (Condition IsProd)",
            "template.yaml, resource WebRole, policy session-logs, statement 2 (Fn::If IsProd)",
        )

    def test_other_role(self):
        """A policy whose role is not in the template is a role of its own."""
        assert read("template.yaml")["role bastion"] == FoundRole(
            "template.yaml, role bastion",
            (FoundPolicy("template.yaml, resource OtherPolicy", document(allow("ec2messages:*"), version=None)),),
        )

    @staticmethod
    def template(**resources):
        return {"Resources": {key: {"Type": f"AWS::IAM::{kind}", **rest} for key, (kind, rest) in resources.items()}}

    def test_same_condition(self):
        """A policy under the condition of its role is there if the role is."""
        policy = {"Roles": [{"Ref": "Web"}], "PolicyDocument": document(allow("ssm:*"))}
        (role,) = find(
            self.template(
                Web=("Role", {"Condition": "Create", "Properties": {}}),
                Logs=("Policy", {"Condition": "Create", "Properties": policy}),
            )
        )

        assert (len(role.policies), role.incomplete) == (1, ())

    def test_managed_policy_names_its_role(self):
        """A policy that names its role, and is named by it, counts once."""
        policy = {"Roles": ["web"], "PolicyDocument": document(allow("ssm:*"))}
        (role,) = find(
            self.template(
                Web=("Role", {"Properties": {"RoleName": "web", "ManagedPolicyArns": [{"Ref": "Own"}]}}),
                Own=("ManagedPolicy", {"Properties": policy}),
            )
        )

        assert [each.name for each in role.policies] == ["it, resource Own"]
        assert role.managed_policy_arns == ()

    def test_policy_alone(self):
        (role,) = find(self.template(Own=("ManagedPolicy", {"Properties": {"PolicyDocument": document(allow("*"))}})))

        assert role == FoundRole("it, resource Own", (FoundPolicy("it, resource Own", document(allow("*"))),))

    def test_choice_of_roles(self):
        """A policy of a role that a condition chooses is left out, and both roles say so."""
        choice = {"Fn::If": ["Blue", {"Ref": "A"}, {"Ref": "B"}]}
        roles = find(
            self.template(
                A=("Role", {}),
                B=("Role", {}),
                Own=("Policy", {"Properties": {"Roles": [choice], "PolicyDocument": document(allow("*"))}}),
            )
        )

        assert [role.incomplete for role in roles] == [("it, policies of a role (Fn::If Blue)",)] * 2

    @pytest.mark.parametrize("key", ["Policies", "ManagedPolicyArns"])
    def test_unknown_list(self, key):
        (role,) = find(self.template(Web=("Role", {"Properties": {key: {"Ref": "Arns"}}})))

        assert role.incomplete == (f"it, resource Web, {key} (Arns)",)

    def test_loop(self):
        """The resources of Fn::ForEach are not read, and each role says so."""
        template = self.template(Web=("Role", {}))
        template["Resources"]["Fn::ForEach::Policies"] = ["Name", ["a"], {}]
        (role,) = find(template)

        assert role.incomplete == ("it, resources of Fn::ForEach::Policies",)

    def test_body(self):
        """``aws cloudformation get-template`` prints a template in an object."""
        template = self.template(Web=("Role", {}))

        assert find({"TemplateBody": template, "StagesAvailable": []}) == find(template)
        assert find({"TemplateBody": json.dumps(template)}) == find(template)

    def test_without_roles(self):
        assert refusal({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}) == (
            "it is a CloudFormation template without a role and without a policy of a role. Pass one that has some."
        )


FUNCTIONS = [
    ({"Ref": "Bucket"}, "${Bucket}", ["Ref Bucket"]),
    ({"Fn::GetAtt": "Bucket.Arn"}, "${Bucket.Arn}", ["Fn::GetAtt Bucket.Arn"]),
    ({"Fn::GetAtt": ["Bucket", "Arn"]}, "${Bucket.Arn}", ["Fn::GetAtt Bucket.Arn"]),
    ({"Fn::Sub": "a${Bucket}b${AWS::Region}"}, "a${Bucket}b${AWS::Region}", ["Fn::Sub Bucket", "Fn::Sub AWS::Region"]),
    ({"Fn::Sub": "${!aws:username}${aws:userid}${!x}"}, "${aws:username}${aws:userid}${x}", []),
    ({"Fn::Sub": ["a${B}${C}", {"B": "x", "C": {"Ref": "D"}}]}, "ax${D}", ["Ref D"]),
    ({"Fn::Sub": ["${B}", {"B": {"Fn::Split": [",", {"Ref": "D"}]}}]}, "${Fn::Split ,}", ["Fn::Split ,"]),
    ({"Fn::Join": [":", ["a", {"Ref": "B"}, {"Ref": "AWS::NoValue"}, 1]]}, "a:${B}:1", ["Ref B"]),
    ({"Fn::Join": [":", {"Ref": "List"}]}, "${Fn::Join :}", ["Fn::Join :"]),
    ({"Fn::Select": [1, ["a", "b"]]}, "b", []),
    ({"Fn::Select": ["0", {"Ref": "List"}]}, "${Fn::Select 0}", ["Fn::Select 0"]),
    ({"Fn::If": ["IsProd", "a", "b"]}, "${Fn::If IsProd}", ["Fn::If IsProd"]),
    ({"Fn::FindInMap": ["Map", "a", "b"]}, "${Fn::FindInMap Map}", ["Fn::FindInMap Map"]),
    (
        {"Fn::ImportValue": {"Fn::Sub": "${Net}-a"}},
        "${Fn::ImportValue Fn::Sub Net-a}",
        ["Fn::ImportValue Fn::Sub ${Net}-a"],
    ),
    ("${aws:PrincipalTag/x}${*}${?}${$}", "${aws:PrincipalTag/x}${*}${?}${$}", []),
    ("${bucket_arn}/*", "${bucket_arn}/*", ["${bucket_arn}"]),
    ("${AWS::AccountId}", "${AWS::AccountId}", ["${AWS::AccountId}"]),
]


class TestUnknown:
    """A policy document can have functions and placeholders, as a part of a template has."""

    @pytest.mark.parametrize(("written", "read", "unknown"), FUNCTIONS)
    def test_value(self, written, read, unknown):
        (role,) = find(document(allow("s3:GetObject", written)))
        (policy,) = role.policies

        assert policy.document == document(allow("s3:GetObject", read))
        assert list(policy.unknown) == unknown
        assert policy.left_out == ()

    @pytest.mark.parametrize(
        ("statement", "left_out"),
        [
            ({"Ref": "Statement"}, " (Statement)"),
            (allow("s3:*") | {"Effect": {"Ref": "Effect"}}, " (Effect: Effect)"),
            (allow("s3:*", Condition={"Fn::If": ["C", {}, {}]}), " (Condition: Fn::If C)"),
            (allow({"Ref": "Actions"}), " (Action: Actions)"),
            (allow(["${action}"]), " (Action: action)"),
            ({"Effect": "Deny", "NotAction": ["iam:*", {"Ref": "More"}], "Resource": "*"}, " (NotAction: More)"),
        ],
    )
    def test_statement(self, statement, left_out):
        """A statement is left out if it is not certain what it does."""
        (role,) = find(document(allow("ssm:*"), statement))

        assert role.policies[0].document == document(allow("ssm:*"))
        assert role.incomplete == (f"it, statement 2{left_out}",)

    def test_action(self):
        """The known actions of a statement stay."""
        (role,) = find(document(allow(["ssm:*", {"Ref": "More"}])))

        assert role.policies[0].document == document(allow(["ssm:*"]))
        assert role.incomplete == ("it, statement 1, Action More",)

    def test_nothing_known(self):
        assert refusal(document({"Ref": "A"})).startswith("it (statement 1 (A)) cannot be read. Pass a policy document")

    def test_absent(self):
        """``AWS::NoValue`` removes what has it."""
        none = {"Ref": "AWS::NoValue"}
        (role,) = find(document(allow(["ssm:*", none], Condition=none), none))

        assert role.policies[0].document == document(allow(["ssm:*"]))
        assert role.incomplete == ()


class TestDocument:
    POLICY = document(allow("ssm:*"))

    @pytest.mark.parametrize(
        "data",
        [
            POLICY,
            json.dumps(POLICY),
            quote(json.dumps(POLICY)),
            json.dumps(json.dumps(POLICY)),
            {"RoleName": "web", "PolicyName": "one", "PolicyDocument": POLICY},
            {"RoleName": "web", "PolicyName": "one", "PolicyDocument": quote(json.dumps(POLICY))},
            {"PolicyVersion": {"Document": POLICY, "VersionId": "v1", "IsDefaultVersion": True}},
            {"UserName": "web", "PolicyName": "one", "PolicyDocument": POLICY},
            {"InlinePolicy": json.dumps(POLICY)},
        ],
    )
    def test_one(self, data):
        """A document, also as the AWS CLI prints it."""
        assert find(data) == [FoundRole("it", (FoundPolicy("it", self.POLICY),))]

    def test_list(self):
        """Several documents are one role."""
        other = document(allow("s3:*"))
        roles = find([self.POLICY, {"PolicyDocument": other}])

        assert roles == [FoundRole("it", (FoundPolicy("it, item 1", self.POLICY), FoundPolicy("it, item 2", other)))]

    def test_one_statement(self):
        (role,) = find({"Statement": allow("ssm:*")})

        assert role.policies[0].document == {"Statement": [allow("ssm:*")]}

    def test_not_a_statement(self):
        """The evaluator refuses what is not a statement."""
        (role,) = find({"Statement": ["x", None, 3]})

        assert role.policies[0].document == {"Statement": ["x", None, 3]}


class TestAccount:
    def test_role(self):
        assert read("account.json")["role web"] == FoundRole(
            name="account.json, role web",
            policies=(
                FoundPolicy("account.json, role web, policy messages", document(allow("ssmmessages:*"))),
                FoundPolicy(
                    "account.json, role web, policy arn:aws:iam::123456789012:policy/parameters",
                    document(allow("ssm:GetParameter"), version=None),
                ),
            ),
            managed_policy_arns=(CORE,),
            boundary="arn:aws:iam::123456789012:policy/boundary",
            trust={"Version": "2012-10-17", "Statement": [{"Sid": "", **EC2_TRUST["Statement"][0]}]},
            instance_profiles=("web-profile",),
            arn="arn:aws:iam::123456789012:role/web",
            read_arns=("arn:aws:iam::123456789012:policy/parameters",),
        )

    def test_encoded(self):
        """IAM's API gives documents URL-encoded."""
        role = read("account.json")["role encoded"]

        assert role.policies[0].document == document(allow("*"), version=None)
        assert role.trust == document()
        assert role.instance_profiles == ()

    def test_pages(self):
        """A policy can be on another page than its role, and the pages can follow each other as in JSON lines."""
        whole = json.loads((FILES / "account.json").read_text())
        pages = [{"RoleDetailList": whole["RoleDetailList"]}, {"Policies": whole["Policies"], "RoleDetailList": []}]

        assert find(parse("\n".join(map(json.dumps, pages)), "it")) == find(whole)

    def test_boundary(self):
        policy = {
            "Arn": "arn:aws:iam::1:policy/b",
            "PolicyVersionList": [{"IsDefaultVersion": True, "Document": document(allow("ssm:*"))}],
        }
        role = {"RoleName": "web", "PermissionsBoundary": {"PermissionsBoundaryArn": policy["Arn"]}}
        (found,) = find({"RoleDetailList": [role], "Policies": [policy]})

        assert found.boundary == FoundPolicy("it, role web, policy arn:aws:iam::1:policy/b", document(allow("ssm:*")))
        assert found.instance_profiles is None

    def test_without_roles(self):
        assert refusal({"UserDetailList": []}).startswith("it is an account's authorization details without a role")


class TestPulumi:
    def test_role(self):
        assert read("stack.json") == {
            "aws:iam/role:Role web": FoundRole(
                name="stack.json, aws:iam/role:Role web",
                policies=(
                    FoundPolicy(
                        "stack.json, aws:iam/role:Role web, policy one", document(allow("ssm:*"), version=None)
                    ),
                ),
                managed_policy_arns=(CORE,),
                trust=document(),
                instance_profiles=("web-5d6e7f8",),
            )
        }


REFUSED = [
    (None, "it has no policy (it is null). Pass a policy document"),
    (3, "it has no policy (it is a number)."),
    (True, "it has no policy (it is a boolean)."),
    ([], "it is an empty list."),
    ({}, "it has no policy: it has no Statement (it is an empty object)."),
    ({"statement": []}, "it has no policy: it has no Statement (its keys are statement)."),
    ([allow("ssm:*")], "it, item 1 is a statement. Pass a policy document"),
    ("text", "it is text without a policy. Pass a policy document"),
    ('resource "aws_iam_role" "x" {', "it is text without a policy. It seems to be a Terraform configuration."),
    (EC2_TRUST, "it is a trust policy: it has a Principal"),
    (document({**allow("s3:*"), "Principal": "*"}), "it is a resource-based policy: it has a Principal"),
    ({"Policy": json.dumps(EC2_TRUST)}, "it has a resource-based policy."),
    ({"Role": {"AssumeRolePolicyDocument": EC2_TRUST}}, "it is the output of `aws iam get-role`"),
    ({"Policy": {"DefaultVersionId": "v1"}}, "it is the output of `aws iam get-policy`"),
    ({"PolicyNames": ["a"]}, "it has the names of policies only."),
    ({"AttachedPolicies": [{"PolicyArn": CORE}]}, "it has the names of policies only."),
    ({"resource": {"aws_iam_role": {}}}, "it is a Terraform configuration in JSON."),
    ([{"@level": "info"}], "it, item 1 is the log of `terraform plan -json`."),
    ({"version": 3, "modules": []}, "it is a state of Terraform 0.11 or older."),
    ({"app": "npx ts-node bin/app.ts"}, "it belongs to a CDK app. Run `cdk synth`"),
    ({"version": "36", "artifacts": {}}, "it belongs to a CDK app."),
    ({"name": "web", "runtime": "python"}, "it is a project of Pulumi. Pass the output of `pulumi stack export`."),
    ({"planned_values": {"root_module": {}}}, "it is a plan of Terraform without a role"),
]


class TestRefused:
    @pytest.mark.parametrize(("data", "message"), REFUSED, ids=range(len(REFUSED)))
    def test_data(self, data, message):
        """The message names what it is and what can be used."""
        refused = refusal(data)

        assert refused.startswith(message)
        assert refused.endswith(".")
        assert "pass " in refused.lower()
