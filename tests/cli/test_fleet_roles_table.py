"""The table of the roles, and what the report says around it."""

from tests.cli.accounts import role
from tests.cli.policies import MINIMUM, SCOPED_MINIMUM, allow
from tests.cli.test_fleet_output import ATTACHED


def columns(shown):
    return list(shown.tables["Roles"][0])


class TestColumns:
    def test_only_those_with_content(self, fleet):
        shown = fleet(roles=[role("a", allow(MINIMUM))])

        assert columns(shown) == ["Role", "Level", "Systems Manager", "Risks", "Actions", "Proposed", "Config"]

    def test_accounts(self, fleet):
        """One account is in the first line, and several are in a column."""
        shown = fleet(roles=[role("a"), role("b", account="210987654321")])

        assert [row["Account"] for row in shown.tables["Roles"]] == ["123456789012", "210987654321"]

    def test_last_used(self, fleet):
        used = {"RoleLastUsed": {"LastUsedDate": "2026-11-01T08:00:00+00:00", "Region": "eu-central-1"}}
        shown = fleet(roles=[role("a", **used), role("b", RoleLastUsed={}), role("c")])

        assert [row["Last used"] for row in shown.tables["Roles"]] == ["2026-11-01", "no use recorded", ""]

    def test_policies_to_replace(self, fleet):
        (row,) = fleet(roles=[role("a", **ATTACHED)]).tables["Roles"]

        assert row["Notes"].startswith("replace AmazonSSMManagedInstanceCore")


class TestSystemsManager:
    def test_several_conditions(self, fleet):
        """Only the first sentence continues the verdict."""
        needed = [
            allow(actions, Condition={"StringEquals": {f"aws:PrincipalTag/{tag}": "x"}})
            for actions, tag in ((MINIMUM[:4], "a"), (MINIMUM[4], "b"))
        ]
        team = {"StringNotEquals": {"aws:PrincipalTag/team": "web"}}
        deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": team}
        both = fleet(roles=[role("a", *needed, deny)]).tables["Roles"][0]["Systems Manager"]
        one = fleet(roles=[role("a", allow(MINIMUM), deny)]).tables["Roles"][0]["Systems Manager"]

        assert one.startswith("works unless ")
        assert both == (
            "may work: messaging works if StringEquals aws:PrincipalTag/a x holds (statement 1 of policy inline). "
            "It works unless StringNotEquals aws:PrincipalTag/team web applies (statement 3 of policy inline denies). "
            "And 1 more reason."
        )


class TestLevels:
    def test_meanings(self, fleet):
        """Only the levels that occur have one."""
        shown = fleet(roles=[role("a", *SCOPED_MINIMUM), role("b", *SCOPED_MINIMUM, allow("ssm:SendCommand"))])

        assert [(row["Level"], row["Roles"]) for row in shown.tables["Levels"]] == [("risky", "1"), ("clean", "1")]

    def test_possible_danger(self, fleet):
        """A role is risky with a danger that depends on a condition, too."""
        tagged = allow("ssm:SendCommand", Condition={"StringEquals": {"aws:PrincipalTag/team": "web"}})
        (level,) = fleet(roles=[role("a", *SCOPED_MINIMUM, tagged)]).tables["Levels"]

        assert (level["Level"], level["Meaning"][:22]) == ("risky", "An instance can or may")


class TestNextStep:
    def test_config(self, fleet):
        assert "write a config to the file of a stack, Pulumi.<stack>.yaml" in fleet(roles=[role("a")]).out

    def test_nothing_to_replace(self, fleet):
        assert "Pulumi.<stack>.yaml" not in fleet(roles=[role("a", *SCOPED_MINIMUM)]).out
