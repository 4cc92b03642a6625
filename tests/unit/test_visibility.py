"""For each action, how its use can be seen in CloudTrail."""

from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.visibility import ASKED_FOR_BY_SESSIONS, CALLED_ONCE, VISIBILITY, Kind, visibility_of

GRANTS = [grant for capability in CAPABILITIES for grant in capability.grants]
ACTIONS = {grant.action for grant in GRANTS}
FEATURES = {grant.needs or capability.name for capability in CAPABILITIES for grant in capability.grants}


def test_every_action_of_the_catalogue_has_one():
    missing = ACTIONS - set(VISIBILITY)

    assert not missing, "ssm_profile/visibility.py has no entry for these"
    assert set(VISIBILITY) == ACTIONS


def test_source_is_a_page_of_aws():
    assert {each.source.partition(".com/")[0] for each in VISIBILITY.values()} == {"https://docs.aws.amazon"}


def test_wording_is_from_a_closed_list():
    assert [kind.value for kind in Kind] == ["management event", "data event, off by default", "never"]


def test_sessions_leave_no_management_event():
    session = {action: visibility.kind for action, visibility in VISIBILITY.items() if action.startswith("ssmmessages")}

    assert session == {
        "ssmmessages:CreateDataChannel": Kind.NEVER,
        "ssmmessages:OpenDataChannel": Kind.NEVER,
        "ssmmessages:CreateControlChannel": Kind.DATA,
        "ssmmessages:OpenControlChannel": Kind.DATA,
    }


def test_no_action_is_of_a_global_service():
    """CloudTrail files their events under one Region, so that a day of another Region would say nothing of them."""
    services = {action.partition(":")[0] for action in VISIBILITY}

    assert services & {"cloudfront", "iam", "route53", "signin", "sts"} == set()


def test_every_action_of_ec2_is_a_management_event():
    assert visibility_of("ec2:DescribeVpcs") == VISIBILITY["ec2:Describe*"]


def test_other_actions_are_not_known():
    assert visibility_of("ssm:SendCommand") is None


def test_features_exist():
    assert set(CALLED_ONCE) <= FEATURES
    assert set(ASKED_FOR_BY_SESSIONS) <= {name.partition(".")[0] for name in FEATURES}
