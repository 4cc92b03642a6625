"""``make docs``: writes fleet-role.yaml, a CloudFormation template of the role that ``fleet`` assumes."""

import sys
from pathlib import Path

from ssm_profile.cli.fleet import account_instances
from ssm_profile.cli.fleet.permissions import READ
from ssm_profile.cli.usage import advisor, trail_settings

PAGE = Path(__file__).parent.parent / "docs" / "fleet-role.yaml"

_TEMPLATE = """\
# Generated from generators/fleet_role.py by `make docs`. Do not edit.
AWSTemplateFormatVersion: "2010-09-09"
Description: >-
  The role that ssm-profile fleet assumes in this account with --accounts and --organization. It can only read.
Parameters:
  Reader:
    Type: String
    Description: >-
      The ARN of the role or user that runs ssm-profile fleet. The ID of an account trusts all its identities whose
      policies allow them to assume the role.
    AllowedPattern: "[0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+"
    ConstraintDescription: Pass the ARN of a role or user, or the ID of an account.
  RoleName:
    Type: String
    Description: The name of the role, for --assume-role. It must be the same in every account.
    Default: ssm-profile-fleet
    AllowedPattern: "[\\\\w+=,.@-]{1,64}"
  ExternalId:
    Type: String
    Description: The external ID, for --external-id. Empty if the role requires none.
    Default: ""
    AllowedPattern: "([\\\\w+=,.@:/-]{2,1224})?"
Conditions:
  HasExternalId: !Not [!Equals [!Ref ExternalId, ""]]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref RoleName
      Description: Lets ssm-profile fleet read the roles and instances of this account.
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              AWS: !Ref Reader
            Action: sts:AssumeRole
            Condition: !If
              - HasExternalId
              - StringEquals:
                  sts:ExternalId: !Ref ExternalId
              - !Ref AWS::NoValue
      Policies:
        - PolicyName: read
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action:
{actions}
                Resource: "*"
"""


def page() -> str:
    """The template. The role has the permissions of the flags, too, of which its sessions get what they need."""
    actions = (READ, *account_instances.ACTIONS, *advisor.READ_ACTIONS, *trail_settings.READ_ACTIONS)
    return _TEMPLATE.replace("{actions}", "\n".join(f"{' ' * 18}- {each}" for each in actions))


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE.name}: {PAGE.write_text(page())} characters\n")
