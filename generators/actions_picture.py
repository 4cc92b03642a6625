"""``make docs``: draws actions.svg, how many actions each option and each of AWS's policies grants, and how widely."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from ssm_profile.catalogue import CAPABILITIES
from ssm_profile.cli.action_list import data_date, takes_resources
from ssm_profile.cli.evaluator import Policy, statements_of
from ssm_profile.cli.sources import aws_policies
from ssm_profile.options import OPTIONS
from ssm_profile.policy import Options, policy_document

PICTURE = Path(__file__).parent.parent / "docs" / "actions.svg"

LOCATION = {"partition": "aws", "region": "eu-central-1", "account": "123456789012"}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd"
FULL_VALUES: Options = {
    "ec2_describe_actions": ["DescribeInstances", "DescribeTags"],
    "parameters": {"paths": ["/app"], "recursive": True, "kms_key_arn": KEY},
    "session_kms_key_arn": KEY,
    "session_logs": {
        "bucket": "logs",
        "kms_key_arn": KEY,
        "cross_account": True,
        "log_group": "/ssm",
    },
    "cloudwatch_agent": {"log_groups": ["/app"]},
    "domain_join": {"directory_id": "d-1234567890"},
}
"""All keys of the options that take values."""
LEAST: Options = {"ec2_describe": False, "scope_heartbeat": True}

LABEL, BAR, UNIT, ROW, MOST = 350, 14, 14, 21, 34
WIDTH = LABEL + MOST * UNIT + 60

STYLE = """
    text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }
    .heading { font-weight: 600 }
    .code { font-family: ui-monospace, monospace }
    .scoped { fill: #1a7f37 } .only-star { fill: #8c959f } .star { fill: #d1242f }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .scoped { fill: #3fb950 } .only-star { fill: #6e7681 } .star { fill: #f85149 }
    }
"""
LEGEND = {
    "star": "on *, although it could be narrower",
    "only-star": "on *, since AWS knows no resources for the action",
    "scoped": "on certain resources, or under a condition",
}


@dataclass(frozen=True)
class Bar:
    """One line of the picture."""

    label: str
    counts: dict[str, int]
    """How many actions there are of each kind of the legend."""
    is_added: bool = False
    """Whether they come on top of the five that are always granted."""

    @property
    def total(self) -> int:
        """How many actions there are."""
        return sum(self.counts.values())


def picture() -> str:
    """The whole picture."""
    lines: list[str] = []
    y = 30
    for heading, bars in _groups():
        lines.append(f'<text class="heading" x="12" y="{y}">{escape(heading)}</text>')
        y += ROW
        for bar in bars:
            lines += _drawn(bar, y)
            y += ROW
        y += ROW // 2
    for kind, meaning in LEGEND.items():
        lines.append(f'<rect class="{kind}" x="12" y="{y - 11}" width="{BAR}" height="{BAR}"/>')
        lines.append(f'<text x="32" y="{y}">{escape(meaning)}</text>')
        y += ROW
    lines.append(f'<text x="12" y="{y}">Wildcards are expanded by AWS\'s actions as of {data_date()}.</text>')
    height = y + 12
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    title = "Actions granted by the default, by each option and by AWS's managed policies"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>',
            "  <!-- Drawn by `make docs` from ssm_profile/catalogue.py. Do not edit. -->",
            f"  <title>{title}</title>",
            f"  <style>{STYLE}  </style>",
            *(f"  {line}" for line in lines),
            "</svg>",
            "",
        ]
    )


def _groups() -> Iterator[tuple[str, list[Bar]]]:
    yield (
        "This component",
        [
            Bar("the default", _counts(_policy({}))),
            Bar("the least: no EC2, heartbeat on instances", _counts(_policy(LEAST))),
        ],
    )
    options = [each.name for each in CAPABILITIES if each.name in OPTIONS and each.name not in {"ec2_describe", *LEAST}]
    yield (
        "Each option, on top of the least",
        [
            Bar(
                name,
                _counts(_policy({**_beneath(name), name: FULL_VALUES.get(name, True)}), _policy(_beneath(name))),
                is_added=True,
            )
            for name in options
        ],
    )
    yield (
        "AWS's managed policies",
        [Bar(f"{copy.name} {copy.version}", _counts(copy.policy)) for copy in aws_policies().values()],
    )


def _beneath(name: str) -> Options:
    """The least with which an option can be switched on."""
    required = OPTIONS[name].requires
    return {**LEAST, required: True} if required else LEAST


def _policy(options: Options) -> Policy:
    return Policy("", statements_of(policy_document(options, LOCATION), ""))


def _counts(policy: Policy, beneath: Policy | None = None) -> dict[str, int]:
    already = beneath.actions() if beneath else set[str]()
    kinds = [_kind(policy, action) for action in sorted(policy.actions() - already)]
    return {kind: kinds.count(kind) for kind in LEGEND}


def _kind(policy: Policy, action: str) -> str:
    if not any(statement.is_everywhere() and not statement.condition for statement in policy.granting(action)):
        return "scoped"
    return "star" if takes_resources(action) else "only-star"


def _drawn(bar: Bar, y: int) -> Iterator[str]:
    yield f'<text class="code" x="24" y="{y}">{escape(bar.label)}</text>'
    x, left = LABEL, MOST
    for kind, count in bar.counts.items():
        if shown := min(count, left):
            yield f'<rect class="{kind}" x="{x}" y="{y - 11}" width="{shown * UNIT - 1}" height="{BAR}"/>'
            x, left = x + shown * UNIT, left - shown
    cut = "… " if bar.total > MOST else ""
    yield f'<text x="{x + 6}" y="{y}">{cut}{"+" if bar.is_added else ""}{bar.total}</text>'


if __name__ == "__main__":
    sys.stdout.write(f"{PICTURE.name}: {PICTURE.write_text(picture())} characters\n")
