"""Plans and states of Terraform."""

import json

import pytest

from ssm_profile.cli.policy_files import FoundPolicy, FoundRole, find_roles
from tests.cli.test_policy_files import CORE, EC2_TRUST, allow, document, read


class TestPlan:
    ROLE = 'module.role["web"].aws_iam_role.this'

    def test_role(self):
        """Unknown documents are those of data sources, through module inputs and merged documents."""
        place = 'plan.json, module.role["web"]'

        assert read("plan.json")[self.ROLE] == FoundRole(
            name=f"{place}.aws_iam_role.this",
            policies=(
                FoundPolicy(
                    f"{place}.aws_iam_role_policy.logs",
                    document(
                        {"Sid": "Logs", **allow(["s3:PutObject"], ["${aws_s3_bucket.logs.arn}"])},
                        {
                            "Effect": "Deny",
                            "Action": ["s3:GetEncryptionConfiguration"],
                            "Resource": ["*"],
                            "Condition": {"StringNotEquals": {"aws:ResourceAccount": ["111122223333"]}},
                        },
                        {"Sid": "Messages", **allow("ssmmessages:*")},
                    ),
                    ("aws_s3_bucket.logs.arn (known after apply)",),
                ),
                FoundPolicy(
                    f"{place}.aws_iam_policy.parameters",
                    document(allow(["ssm:GetParameter"], "arn:aws:ssm:*:*:parameter/web/*")),
                ),
            ),
            managed_policy_arns=(CORE,),
            trust=EC2_TRUST,
            instance_profiles=("web",),
            left_out=(f"{place}.aws_iam_role_policy.encoded (aws_kms_key.logs.arn, known after apply)",),
        )

    def test_unused_document(self):
        """A policy document that no resource uses is a role of its own, and the others are not."""
        roles = read("plan.json")

        assert list(roles) == [self.ROLE, "data.aws_iam_policy_document.unused"]
        assert roles["data.aws_iam_policy_document.unused"].policies == (
            FoundPolicy("plan.json, data.aws_iam_policy_document.unused", document(allow("ec2messages:*"))),
        )


def resource(address, values, index=None):
    kind, name = address.removeprefix("data.").split("[")[0].split(".")
    mode = "data" if address.startswith("data.") else "managed"
    return {"address": address, "mode": mode, "type": kind, "name": name, "values": values, "index": index}


def plan(resources, expressions=None, **more):
    """A plan of resources by address, with the references of their attributes."""
    configured = [
        {"address": address, "expressions": {key: _expression(each) for key, each in arguments.items()}}
        for address, arguments in (expressions or {}).items()
    ]
    return {
        "planned_values": {"root_module": {"resources": [resource(*each) for each in resources]}},
        "configuration": {"root_module": {"resources": configured}},
        **more,
    }


def _expression(value):
    return {"references": value} if isinstance(value, list) and all(isinstance(each, str) for each in value) else value


def find(*arguments, **more):
    return find_roles(plan(*arguments, **more), "it")


TEXT = json.dumps(document(allow("ssm:*")))


class TestLinks:
    def test_instances(self):
        """Of roles with an index, a policy belongs to that with the same index."""
        roles = find(
            [
                ('aws_iam_role.web["a"]', {}, "a"),
                ('aws_iam_role.web["b"]', {}, "b"),
                ('aws_iam_role_policy.web["b"]', {"policy": TEXT, "name": "x"}, "b"),
            ],
            {"aws_iam_role_policy.web": {"role": ["aws_iam_role.web", "each.key"]}},
        )

        assert [len(role.policies) for role in roles] == [0, 1]
        assert [role.incomplete for role in roles] == [(), ()]

    def test_index_in_reference(self):
        roles = find(
            [
                ("aws_iam_role.web[0]", {}, 0),
                ("aws_iam_role.web[1]", {}, 1),
                ("aws_iam_role_policy.one", {"policy": TEXT}),
            ],
            {
                "aws_iam_role_policy.one": {
                    "role": ["aws_iam_role.web[1].id", "aws_iam_role.web[1]", "aws_iam_role.web"]
                }
            },
        )

        assert [len(role.policies) for role in roles] == [0, 1]

    def test_one_of_several(self):
        """A policy of one of several roles is left out, and the roles say so."""
        roles = find(
            [("aws_iam_role.a", {}), ("aws_iam_role.b", {}), ("aws_iam_role_policy.one", {"policy": TEXT})],
            {"aws_iam_role_policy.one": {"role": ["aws_iam_role.a.id", "aws_iam_role.b.id"]}},
        )

        assert [role.incomplete for role in roles] == [
            ("it, aws_iam_role_policy.one, which names one of several roles",)
        ] * 2

    def test_one_of_several_policies(self):
        (role,) = find(
            [
                ("aws_iam_role.a", {"name": "a"}),
                ("aws_iam_policy.x", {"policy": TEXT}),
                ("aws_iam_policy.y", {"policy": TEXT}),
                ("aws_iam_role_policy_attachment.a", {"role": "a"}),
            ],
            {"aws_iam_role_policy_attachment.a": {"policy_arn": ["aws_iam_policy.x.arn", "aws_iam_policy.y.arn"]}},
        )

        assert (role.policies, role.managed_policy_arns) == ((), ())
        assert role.incomplete == (
            "it, aws_iam_role_policy_attachment.a, which attaches one or more of aws_iam_policy.x, aws_iam_policy.y",
        )

    def test_boundary(self):
        (role,) = find(
            [("aws_iam_role.a", {"name": "a"}), ("aws_iam_policy.b", {"policy": TEXT})],
            {"aws_iam_role.a": {"permissions_boundary": ["aws_iam_policy.b.arn", "aws_iam_policy.b"]}},
        )

        assert role.boundary == FoundPolicy("it, aws_iam_policy.b", document(allow("ssm:*")))

    def test_unknown_boundary(self):
        (role,) = find([("aws_iam_role.a", {})], {"aws_iam_role.a": {"permissions_boundary": ["module.b.arn"]}})

        assert role.boundary == "${module.b.arn}"

    def test_unknown_attachment(self):
        (role,) = find(
            [("aws_iam_role.a", {"name": "a"}), ("aws_iam_role_policy_attachment.a", {"role": "a"})],
            {"aws_iam_role_policy_attachment.a": {"policy_arn": ["aws_x.y.arn", "aws_x.y"]}},
        )

        assert role.managed_policy_arns == ("${aws_x.y.arn}",)

    @pytest.mark.parametrize("actions", [["delete"], ["delete", "create"]])
    def test_deleted(self, actions):
        """A role's computed attributes still have what the plan deletes."""
        inline = [{"name": "old", "policy": TEXT}, {"name": "kept", "policy": TEXT}]
        change = {"actions": actions, "before": {"role": "a", "name": "old"}, "after": None}
        (role,) = find(
            [("aws_iam_role.a", {"name": "a", "inline_policy": inline})], resource_changes=[{"change": change}]
        )

        assert [each.name for each in role.policies] == ["it, aws_iam_role.a, policy kept"]

    def test_module_output(self):
        """A reference to a module's output leads to the resource in the module."""
        data = plan([("aws_iam_role_policy.one", {"policy": TEXT})])
        data["planned_values"]["root_module"]["child_modules"] = [
            {
                "address": "module.r",
                "resources": [resource("aws_iam_role.a", {}) | {"address": "module.r.aws_iam_role.a"}],
            }
        ]
        data["configuration"]["root_module"] = {
            "resources": [
                {
                    "address": "aws_iam_role_policy.one",
                    "expressions": {"role": {"references": ["module.r.id", "module.r"]}},
                }
            ],
            "module_calls": {
                "r": {"module": {"outputs": {"id": {"expression": {"references": ["aws_iam_role.a.id"]}}}}}
            },
        }
        (role,) = find_roles(data, "it")

        assert (role.name, len(role.policies)) == ("it, module.r.aws_iam_role.a", 1)

    def test_module_instances(self):
        """In a module with several instances, a policy belongs to the role in the same instance."""
        data = plan([])
        data["planned_values"]["root_module"]["child_modules"] = [
            {
                "address": f"module.r[{number}]",
                "resources": [
                    resource(kind, values) | {"address": f"module.r[{number}].{kind}"}
                    for kind, values in (("aws_iam_role.a", {}), ("aws_iam_role_policy.a", {"policy": TEXT}))
                ],
            }
            for number in (0, 1)
        ]
        configured = {
            "address": "aws_iam_role_policy.a",
            "expressions": {"role": {"references": ["aws_iam_role.a.id"]}},
        }
        data["configuration"]["root_module"] = {"module_calls": {"r": {"module": {"resources": [configured]}}}}

        assert [[each.name for each in role.policies] for role in find_roles(data, "it")] == [
            ["it, module.r[0].aws_iam_role_policy.a"],
            ["it, module.r[1].aws_iam_role_policy.a"],
        ]


class TestBlocks:
    """A data source aws_iam_policy_document whose JSON is unknown."""

    @staticmethod
    def policy(values, expressions):
        (role,) = find(
            [
                ("aws_iam_role.a", {"name": "a"}),
                ("aws_iam_role_policy.a", {"role": "a"}),
                ("data.aws_iam_policy_document.d", values),
            ],
            {
                "aws_iam_role_policy.a": {"policy": ["data.aws_iam_policy_document.d.json"]},
                "data.aws_iam_policy_document.d": expressions,
            },
        )
        return role

    def test_unknown_list(self):
        """An argument that is wholly unknown is not in the values."""
        role = self.policy(
            {"statement": [{"actions": ["s3:*"], "effect": "Allow"}]},
            {"statement": [{"actions": {}, "resources": {"references": ["aws_s3_bucket.b.arn", "aws_s3_bucket.b"]}}]},
        )

        assert role.policies[0].document == document(allow(["s3:*"], ["${aws_s3_bucket.b.arn}"]))

    def test_unknown_actions(self):
        role = self.policy(
            {"statement": [{"actions": ["s3:*"], "resources": ["*"]}, {"resources": ["*"], "effect": "Deny"}]},
            {"statement": [{"actions": {}}, {"actions": {"references": ["random_x.y.result"]}}]},
        )

        assert role.policies[0].document == document(allow(["s3:*"], ["*"]))
        assert role.incomplete == ("it, aws_iam_role_policy.a, statement 2 (Action: random_x.y.result)",)

    def test_unknown_condition(self):
        role = self.policy(
            {"statement": [{"actions": ["s3:*"], "resources": ["*"]}, {"actions": ["s3:*"], "effect": "Deny"}]},
            {"statement": [{}, {"condition": [{"test": {"references": ["var.test"]}}]}]},
        )

        assert role.incomplete == ("it, aws_iam_role_policy.a, statement 2 (Condition: var.test)",)

    def test_unknown_statements(self):
        """A dynamic block over unknown values."""
        role = self.policy({}, {"statement": {"references": ["random_x.y.result"]}})

        assert role.policies == ()
        assert role.incomplete == ("it, aws_iam_role_policy.a (statement 1 (random_x.y.result))",)

    def test_dynamic(self):
        """The values of a dynamic block do not say which block of the configuration they come from."""
        statements = [{"actions": ["s3:*"], "resources": [None], "effect": "Allow"}] * 2
        role = self.policy({"statement": statements}, {"statement": [{"resources": {"references": ["each.value"]}}]})

        assert [each["Resource"] for each in role.policies[0].document["Statement"]] == [["${each.value}"]] * 2

    def test_uncertain_source(self):
        """If not all of the merged documents are known, the policy says so."""
        role = self.policy(
            {"statement": [{"actions": ["s3:*"], "resources": ["*"]}], "source_policy_documents": [None]},
            {"source_policy_documents": {"references": ["local.other"]}},
        )

        assert role.policies[0].document == document(allow(["s3:*"], ["*"]))
        assert role.incomplete == ("it, aws_iam_role_policy.a, statement 1 (local.other)",)

    def test_choice_of_sources(self):
        """Of two unknown documents, a condition chooses one."""
        other = {"statement": [{"actions": ["s3:*"], "resources": ["*"]}]}
        (role,) = find(
            [
                ("aws_iam_role.a", {"name": "a"}),
                ("aws_iam_role_policy.a", {"role": "a"}),
                ("data.aws_iam_policy_document.d", other | {"source_policy_documents": [None]}),
                ("data.aws_iam_policy_document.x", other),
                ("data.aws_iam_policy_document.y", other),
            ],
            {
                "aws_iam_role_policy.a": {"policy": ["data.aws_iam_policy_document.d.json"]},
                "data.aws_iam_policy_document.d": {
                    "source_policy_documents": [
                        "data.aws_iam_policy_document.x.json",
                        "data.aws_iam_policy_document.y.json",
                    ]
                },
            },
        )

        documents = "data.aws_iam_policy_document.x.json or data.aws_iam_policy_document.y.json"
        assert role.incomplete == (f"it, aws_iam_role_policy.a, statement 1 ({documents})",)

    def test_override(self):
        """A statement of an override replaces the one with the same Sid."""
        over = json.dumps(document({"Sid": "A", "Effect": "Deny", "Action": "*", "Resource": "*"}))
        role = self.policy(
            {
                "statement": [{"sid": "A", "actions": ["s3:*"]}, {"sid": "B", "actions": ["s3:*"]}],
                "override_policy_documents": [over],
            },
            {},
        )

        assert [each["Effect"] for each in role.policies[0].document["Statement"]] == ["Deny", "Allow"]


class TestState:
    def test_role(self):
        """A role's attributes repeat policies that are resources of their own. They count once."""
        place = "terraform.tfstate,"

        assert read("terraform.tfstate")['aws_iam_role.web["blue"]'] == FoundRole(
            name=f'{place} aws_iam_role.web["blue"]',
            policies=(
                FoundPolicy(f"{place} module.policies.aws_iam_role_policy.messages", document(allow("ssmmessages:*"))),
                FoundPolicy(f"{place} aws_iam_policy.parameters", document(allow("ssm:GetParameter"))),
                FoundPolicy(f'{place} aws_iam_role.web["blue"], policy by-hand', document(allow("s3:*"), version=None)),
            ),
            managed_policy_arns=(CORE,),
            boundary="arn:aws:iam::111122223333:policy/boundary",
            trust=EC2_TRUST,
            instance_profiles=("web-profile",),
        )

    def test_others(self):
        """A policy document that a resource uses is not a role of its own."""
        assert list(read("terraform.tfstate")) == ['aws_iam_role.web["blue"]', "role elsewhere"]

    @pytest.mark.parametrize("key", ["name", "id", "arn"])
    def test_shown(self, key):
        """``terraform show -json`` of a state."""
        resources = [
            resource("aws_iam_role.a", {"name": "a", key: "this"}),
            resource("aws_iam_role_policy.a", {"role": "this", "policy": TEXT}),
        ]
        (role,) = find_roles({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}, "it")

        assert role.policies == (FoundPolicy("it, aws_iam_role_policy.a", document(allow("ssm:*"))),)

    def test_aws_policy_data_source(self):
        """A policy that the file has as a data source is known."""
        resources = [
            resource("aws_iam_role.a", {"name": "a", "managed_policy_arns": [CORE]}),
            resource("data.aws_iam_policy.core", {"arn": CORE, "policy": TEXT}),
        ]
        (role,) = find_roles({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}, "it")

        assert [each.name for each in role.policies] == ["it, data.aws_iam_policy.core"]
        assert role.managed_policy_arns == ()
