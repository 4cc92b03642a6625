"""Calls of the agent, judged by the evaluator of this project: action, resource and condition."""

import json
from functools import cache

from ssm_profile.iam.conditions import ABSENT, Several
from ssm_profile.iam.documents import statements_of
from ssm_profile.iam.evaluator import NO_RESOURCE, Evaluator, Need, Outcome, Policy
from ssm_profile.iam.instance import instance_context


def encryption_keys_of(context):
    """The keys of the encryption context in the condition keys of a call, as KMS has them in a key of its own."""
    prefix = "kms:EncryptionContext:"
    return tuple(key.removeprefix(prefix) for key in context if key.startswith(prefix))


@cache
def evaluator(document, context):
    statements = statements_of(json.loads(document), "recorded")
    values = json.loads(context)
    known = {key.lower(): (value,) for key, value in values.items()}
    known["kms:encryptioncontextkeys"] = (
        Several(encryption_keys_of(values)) if encryption_keys_of(values) else ABSENT,
    )
    return Evaluator(Policy("recorded", statements), {**instance_context(), **known})


def decisions(call, document):
    """What a policy decides about each resource of a call."""
    judge = evaluator(json.dumps(document), json.dumps(call.get("context", {})))
    resources = call["resource"] if isinstance(call["resource"], list) else [call["resource"]]
    needs = [NO_RESOURCE if resource == "*" else Need((resource,), whole=True) for resource in resources]
    return [judge.decide(call["action"], need) for need in needs]


def is_allowed(call, document):
    """Whether a policy allows a call. It must be known."""
    outcomes = {decision.outcome for decision in decisions(call, document)}
    assert Outcome.CONDITIONAL not in outcomes, call
    return outcomes == {Outcome.ALLOWED}
