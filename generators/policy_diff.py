"""The default policy and AmazonSSMManagedInstanceCore, as a diff that cog writes into the README."""

from collections.abc import Iterable
from textwrap import wrap

from ssm_profile.cli.sources import aws_policies
from ssm_profile.policy import policy_document

BEFORE = "AmazonSSMManagedInstanceCore"

_NOTES = {
    ("ssm:GetParameter", "ssm:GetParameters"): "reads every parameter in the account",
    ("ssm:GetDocument", "ssm:DescribeDocument"): "reads every document in the account",
}
"""What a reader should know of some actions that the default policy does not grant."""


def policy_diff() -> str:
    """The lines of one statement: the actions of both policies, those of the default only, those of AWS's only."""
    before = [action for each in aws_policies()[BEFORE].document["Statement"] for action in each["Action"]]
    (statement,) = policy_document({}, {})["Statement"]
    after = statement["Action"]
    removed = [action for action in before if action not in after]
    noted = [action for actions in _NOTES for action in actions if action in removed]
    lines = [
        *(f'{" " if action in before else "+"}    "{action}",' for action in after),
        *(f"-    {_quoted(actions)}  # {note}" for actions, note in _NOTES.items()),
        *(f"-    {line}" for line in wrap(_quoted(action for action in removed if action not in noted), 100)),
    ]
    head, tail = ['   "Effect": "Allow",', '   "Action": ['], ["   ],", f'   "Resource": "{statement["Resource"]}"']
    return "\n".join(["```diff", *head, *lines, *tail, "```"])


def _quoted(actions: Iterable[str]) -> str:
    return " ".join(f'"{action}",' for action in actions)
