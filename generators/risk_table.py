"""The table of risks, which cog writes into docs/command.md."""

from collections.abc import Iterator

from ssm_profile.risks import RISKS, Risk


def risk_table() -> str:
    """A Markdown table of what an instance must not be able to do, and of the actions that are enough for it."""
    rows = (f"| `{risk.name}` | {risk.summary} | {'<br>'.join(_actions(risk))} |" for risk in RISKS)
    return "\n".join(["| risk | an instance can | with one of these |", "| --- | --- | --- |", *rows])


def _actions(risk: Risk) -> Iterator[str]:
    for call in risk.calls:
        yield f"`{call.action}`"
    for calls in risk.combinations:
        first, *others = [f"`{call.action}`" for call in calls]
        yield f"{first} with {' and '.join(others)}"
