"""The default policy beside AmazonSSMManagedInstanceCore, as a diff that cog writes into the README."""

from ssm_profile.cli.sources import aws_policies
from ssm_profile.policy import policy_document

BEFORE = "AmazonSSMManagedInstanceCore"


def policy_diff() -> str:
    """The lines of one statement: what both policies grant, what only the default grants, what only AWS's grants."""
    before = [action for each in aws_policies()[BEFORE].document["Statement"] for action in each["Action"]]
    (statement,) = policy_document({}, {})["Statement"]
    after = statement["Action"]
    removed = [action for action in before if action not in after]
    marks = {action: " " if action in before else "+" for action in after} | dict.fromkeys(removed, "-")
    lines = [f'{mark}    "{action}",{_note(action)}' for action, mark in marks.items()]
    return "\n".join(
        [
            "```diff",
            '   "Effect": "Allow",',
            '   "Action": [',
            *lines,
            "   ],",
            f'   "Resource": "{statement["Resource"]}"',
            "```",
        ]
    )


def _note(action: str) -> str:
    notes = {"ssm:GetParameter": "# reads every parameter", "ssm:GetDocument": "# reads every document"}
    return f"  {notes[action]}" if action in notes else ""
