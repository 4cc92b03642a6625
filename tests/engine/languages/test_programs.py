"""What programs in other languages do with the component, beside passing options."""

import pytest

from tests.engine.stacks import output_values

# The options of a resource in YAML have a list of providers only.
YAML = """
resources:
  other: {type: "pulumi:providers:aws", properties: {region: eu-west-1}}
  byList:
    type: ssm-profile:SsmInstanceProfile
    properties: {stateManager: true}
    options: {providers: ["${other}"]}
  dev: {type: "pulumi:pulumi:StackReference", properties: {name: organization/ssm-profile/dev}}
outputs:
  byList: ${byList.policyJson}
  dev: ${dev.outputs["instanceProfileName"]}
"""
TYPESCRIPT = """
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as ssm from "@pulumi/ssm-profile";

const other = new aws.Provider("other", { region: "eu-west-1" });
const inList = new ssm.SsmInstanceProfile("byList", { stateManager: true }, { providers: [other] });
const inMap = new ssm.SsmInstanceProfile("byMap", { stateManager: true }, { providers: { aws: other } });
export const byList = inList.policyJson;
export const byMap = inMap.policyJson;
export const dev = new pulumi.StackReference("organization/ssm-profile/dev").requireOutput("instanceProfileName");
"""


FILES = {"yaml": {"Main.yaml": YAML}, "typescript": {"index.ts": TYPESCRIPT, "package.json": '{"main": "index.ts"}'}}


@pytest.mark.proof
@pytest.mark.parametrize("language", FILES)
def test_providers_and_stack_reference(project_of, language, dev):
    """Programs in YAML and TypeScript pass providers and read the outputs of another stack."""

    def write(folder):
        for name, text in FILES[language].items():
            (folder / name).write_text(text)

    project = project_of(language, write)
    project.create_stack()

    project.run("up")

    outputs, resources = project.outputs(), project.resources()
    assert outputs["dev"] == output_values(dev.outputs())["instanceProfileName"]
    for name in outputs.keys() - {"dev"}:
        providers = {each["provider"].split("::")[3] for each in resources if f"::{name}-" in each["urn"]}
        assert providers == {"other"}
        assert "arn:aws:ssm:eu-west-1::document/*" in outputs[name]
