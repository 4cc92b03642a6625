"""Verdicts on features: what could be dropped, and what must stay."""

import json
from datetime import timedelta

import pytest

from ssm_profile.cli.reverse_lookup import FEATURES
from ssm_profile.cli.usage import Evidence, feature_uses, options_without, read_evidence, uses
from ssm_profile.options import OPTIONS
from ssm_profile.validation import find_mistakes

from .trails import DAYS, NOW, OLD, WEB, background, event, events_of, write_log

NAMES = [feature.name for feature in FEATURES]


def advice(tmp_path, events, names=NAMES, **arguments):
    """The verdicts on features, by name, from a trail with further events."""
    evidence = read_evidence([write_log(tmp_path, [*background(), *events])], **arguments)
    actions = sorted({action for feature in FEATURES for action in feature.actions()})
    rows = feature_uses(names, uses(actions, evidence, OLD, days=DAYS, now=NOW))
    assert [row["capability"] for row in rows] == list(names)
    return {row["capability"]: row for row in rows}


def dropped(rows):
    return {name for name, row in rows.items() if row["advice"] == "could be dropped"}


class TestRecordedAgent:
    """Trails made from the calls of the real agent."""

    def test_only_sessions(self, tmp_path):
        """The session actions stay, although no trail shows them."""
        rows = advice(tmp_path, events_of("A"))

        assert rows["messaging"]["advice"] == "keep"
        assert rows["heartbeat"]["advice"] == "keep"
        assert set(rows) - dropped(rows) == {
            "cloudwatch_agent",
            "cloudwatch_agent.log_group_prefixes",
            "cloudwatch_agent.log_groups",
            "cloudwatch_agent.retention",
            "cloudwatch_agent.traces",
            "distributor",
            "domain_join",
            "domain_join.kms_key_arn",
            "domain_join.owner_directory_id",
            "heartbeat",
            "legacy_messaging",
            "managed_buckets",
            "messaging",
            "patch_baseline_tags",
            "patch_policy",
            "patching",
            "quiet_agent",
            "read_buckets",
            "read_buckets.folders",
            "session_kms_key_alias",
            "session_kms_key_arn",
            "session_logs.bucket",
            "session_logs.kms_key_arn",
            "session_logs.log_group",
            "state_manager",
        }
        assert rows["state_manager"]["why"] == "`patch_policy` requires it, and is not known to be unused."

    def test_association_that_gathers_inventory(self, tmp_path):
        rows = advice(tmp_path, events_of("association"), ["state_manager", "inventory", "parameters.paths"])

        assert [row["advice"] for row in rows.values()] == ["keep", "keep", "could be dropped"]

    def test_session_logs(self, tmp_path):
        rows = advice(tmp_path, events_of("features"), ["session_logs.bucket", "session_logs.log_group"])

        assert {row["advice"] for row in rows.values()} == {"keep"}

    @pytest.mark.parametrize("scenario", ["features", "association"])
    def test_nothing_that_was_used_is_dropped(self, tmp_path, scenario):
        used = {
            "features": {"session_logs.bucket", "session_logs.log_group", "session_kms_key_arn", "parameters.paths"},
            "association": {"state_manager", "inventory", "documents"},
        }[scenario]

        assert dropped(advice(tmp_path, events_of(scenario))) & {*used, "distributor", "messaging"} == set()


class TestEvidence:
    def test_data_is_plain(self, tmp_path):
        rows = list(advice(tmp_path, events_of("A")).values())

        assert json.loads(json.dumps(rows)) == rows

    def test_without_any(self):
        rows = feature_uses(NAMES, uses(["ssm:GetDocument"], Evidence(), OLD, days=DAYS, now=NOW))

        assert {row["advice"] for row in rows} == {"keep", "cannot be seen"}
        assert [row["capability"] for row in rows if row["advice"] == "keep"] == ["messaging", "heartbeat"]

    @pytest.mark.parametrize("name", ["messaging", "heartbeat"])
    def test_required_features_are_never_dropped(self, tmp_path, name):
        assert advice(tmp_path, [], [name])[name]["advice"] == "keep"

    def test_action_that_every_agent_calls_tells_nothing(self, tmp_path):
        poll = [event("ssm:ListInstanceAssociations", NOW)]

        assert advice(tmp_path, poll, ["state_manager"])["state_manager"]["advice"] == "could be dropped"

    def test_denied_calls_keep_a_feature(self, tmp_path):
        row = advice(tmp_path, [event("ssm:GetDocument", NOW, errorCode="AccessDenied")], ["documents"])["documents"]

        assert (row["advice"], row["why"]) == ("keep", "`ssm:GetDocument` is called, although every call was denied.")

    def test_shared_action_can_be_of_another_feature(self, tmp_path):
        calls = [event("ssm:GetDocument", NOW), event("ssm:UpdateInstanceAssociationStatus", NOW)]
        rows = advice(tmp_path, calls, ["state_manager", "documents"])

        assert rows["state_manager"]["advice"] == "keep"
        assert (rows["documents"]["advice"], rows["documents"]["reason"]) == (
            "cannot be seen",
            "used, perhaps by another feature",
        )

    @pytest.mark.parametrize(
        "name", ["legacy_messaging", "distributor", "read_buckets", "cloudwatch_agent", "quiet_agent"]
    )
    def test_feature_with_actions_that_cannot_be_seen(self, tmp_path, name):
        assert advice(tmp_path, [], [name])[name]["advice"] == "cannot be seen"

    def test_declared_data_events(self, tmp_path):
        others = [event("s3:GetObject", NOW - timedelta(days=number), WEB + "2") for number in range(DAYS)]
        row = advice(tmp_path, others, ["read_buckets"], data_events=["s3"])["read_buckets"]

        assert row["advice"] == "could be dropped"

    @pytest.mark.parametrize("name", ["session_kms_key_arn", "session_logs.bucket"])
    def test_asked_for_by_session_preferences(self, tmp_path, name):
        """The next session can need it, however long ago the last one was."""
        row = advice(tmp_path, [], [name])[name]

        assert row["advice"] == "cannot be seen"

    def test_used_once_by_each_instance(self, tmp_path):
        row = advice(tmp_path, [], ["domain_join"])["domain_join"]

        assert (row["advice"], row["reason"]) == ("cannot be seen", "used once by each instance")

    def test_feature_that_another_one_requires(self, tmp_path):
        rows = advice(tmp_path, [event("ssm:GetParametersByPath", NOW)], ["parameters.paths", "parameters.recursive"])

        assert rows["parameters.recursive"]["advice"] == "keep"
        assert rows["parameters.paths"]["reason"] == "required by another feature"


class TestOptions:
    def test_key_of_an_option_that_is_not_there(self):
        """The proposal has no option of a capability that works only under a condition."""
        rows = [{"capability": name, "advice": "could be dropped"} for name in ("read_buckets", "read_buckets.folders")]

        assert options_without({"scope_heartbeat": True}, rows) == {"scope_heartbeat": True}

    @pytest.mark.parametrize(
        ("options", "drop", "left"),
        [
            ({"inventory": True, "state_manager": True}, ["inventory"], {"state_manager": True}),
            ({}, ["ec2_describe"], {"ec2_describe": False}),
            (
                {"session_logs": {"bucket": "b", "prefix": "p", "log_group": "/g"}},
                ["session_logs.bucket"],
                {"session_logs": {"log_group": "/g"}},
            ),
            ({"session_logs": {"bucket": "b-1", "prefix": "p"}}, ["session_logs.bucket"], {}),
            (
                {"read_buckets": [{"bucket": "b-1", "folders": True}, {"bucket": "b-2"}]},
                ["read_buckets.folders"],
                {"read_buckets": [{"bucket": "b-1"}, {"bucket": "b-2"}]},
            ),
            ({"parameters": {"paths": ["/a"], "recursive": True}}, ["parameters.recursive", "parameters.paths"], {}),
        ],
    )
    def test_without(self, options, drop, left):
        rows = [{"capability": name, "advice": "could be dropped"} for name in drop]

        assert options_without(options, rows) == left
        assert find_mistakes(left) == []

    def test_option_that_grants_what_another_feature_needs(self):
        """The audit leaves out an option if another one grants the same."""
        rows = [
            {"capability": "state_manager", "advice": "could be dropped"},
            {"capability": "quiet_agent", "advice": "cannot be seen"},
        ]
        covered = [{"capability": "quiet_agent", "by": ["state_manager", "legacy_messaging"]}]

        assert options_without({"state_manager": True, "legacy_messaging": True}, rows, covered) == {
            "legacy_messaging": True,
            "quiet_agent": True,
        }

    def test_option_that_grants_what_a_feature_with_values_needs(self):
        """The values are not known, so that the option stays."""
        rows = [
            {"capability": "parameters.paths", "advice": "could be dropped"},
            {"capability": "parameters.shared_arns", "advice": "keep"},
        ]
        options = {"parameters": {"paths": ["/a"]}}

        covered = [{"capability": "parameters.shared_arns", "by": ["parameters.paths"]}]

        assert options_without(options, rows, covered) == options

    def test_actions_of_ec2_that_are_used(self, tmp_path):
        rows = advice(tmp_path, [event("ec2:DescribeTags", NOW, readOnly=True)], ["ec2_describe"])
        options = options_without({}, rows.values())

        assert options == {"ec2_describe_actions": ["DescribeTags"]}
        assert find_mistakes(options) == []

    def test_actions_of_ec2_are_not_narrowed_without_evidence(self):
        rows = feature_uses(["ec2_describe"], [{"action": "ec2:DescribeTags", "use": "used"}])

        assert options_without({}, rows) == {}

    def test_kept(self):
        rows = [{"capability": "inventory", "advice": each} for each in ("keep", "cannot be seen")]

        assert options_without({"inventory": True}, rows) == {"inventory": True}
        assert "inventory" in OPTIONS
