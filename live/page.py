"""docs/live.md: the results of the last run on a real account."""

import textwrap
from collections.abc import Iterable, Mapping

from sandbox.workspace import ROOT

from .account import masked
from .run import QUESTIONS, Result

PAGE = ROOT / "docs" / "live.md"

PROBLEM_LENGTH = 1000
"""How many characters of a problem are shown: the error of a Pulumi command has its whole output."""

TITLE = """<!-- Written by `make live`. Do not edit. -->

# The last run on a real AWS account

"""

NOT_RUN = f"""{TITLE}**It has not been run yet.** Nothing in this repository has been tried on a real AWS account.

`make live` makes the run, and replaces this page with its results. The page about
[verification](verification.md#on-a-real-aws-account) describes what it proves, what it costs and how to run it.
"""


def page(results: Iterable[Result], about: Mapping[str, str], problems: Iterable[str], account: str) -> str:
    """The whole page, without account numbers and names of people.

    Args:
        results: The results, in their order.
        about: What the page says of the run: the date, the region, and versions, each by its name.
        problems: Why the run has no further results, or what it has left.
        account: The number of the account.
    """
    results = list(results)
    failed = sum(each.outcome == "failed" for each in results)
    summary = f"{failed} of {len(results)} checks failed." if failed else f"None of {len(results)} checks failed."
    stacks = [f"| {each.stack} | {each.check} | {_shown(each)} |" for each in results if each.stack != QUESTIONS]
    answers = [f"| {each.check} | {_shown(each)} |" for each in results if each.stack == QUESTIONS]
    lines = [
        TITLE + "; ".join(f"{name}: {value}" for name, value in about.items()) + ".",
        "",
        summary,
        "",
        *(f"{textwrap.shorten(each, PROBLEM_LENGTH, placeholder=' ...')}\n" for each in problems),
        "| stack | check | result |",
        "| --- | --- | --- |",
        *stacks,
        "",
        "## Questions",
        "",
        "| question | answer |",
        "| --- | --- |",
        *answers,
        "",
    ]
    return masked("\n".join(lines), account)


def _shown(result: Result) -> str:
    detail = " ".join(result.detail.split()).replace("|", "\\|")
    return {"passed": detail, "failed": f"**failed:** {detail}", "skipped": f"skipped: {detail}"}[result.outcome]
