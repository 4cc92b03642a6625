// An instance profile for Systems Manager, from TypeScript.
import * as aws from "@pulumi/aws";
import * as ssm from "@pulumi/ssm-profile";

const logs = new aws.s3.Bucket("logs");

const web = new ssm.SsmInstanceProfile("web", {
    ec2Describe: false,
    scopeHeartbeat: true,
    stateManager: true,
    inventory: true,
    parameters: { paths: ["/web"] },
    sessionLogs: { bucket: logs.bucket, prefix: "web" },
    tags: { Team: "web" },
});

export const instanceProfileName = web.instanceProfileName;
export const actions = web.actions;
