"""Programs that several unit tests run under mocks."""

import runpy

import pulumi
import pytest
import yaml

from tests import ROOT, config_text

EXAMPLES = ROOT / "examples"


@pytest.fixture
def run_example(deploy):
    """Runs an example with a stack's config, completed by the defaults of its Pulumi.yaml."""

    def run(name, stack="dev", **config):
        declared = yaml.safe_load((EXAMPLES / name / "Pulumi.yaml").read_text()).get("config", {})
        settings = yaml.safe_load((EXAMPLES / name / f"Pulumi.{stack}.yaml").read_text()).get("config", {})
        complete = {f"{name}:{key}": known["default"] for key, known in declared.items() if "default" in known}
        complete |= settings | {f"{name}:{key}": value for key, value in config.items()}
        # The project is ssm-profile under these mocks, so the keys are as well.
        texts = {key.replace(f"{name}:", "ssm-profile:"): config_text(value) for key, value in complete.items()}
        pulumi.runtime.set_all_config(texts)
        return deploy(lambda: runpy.run_path(str(EXAMPLES / name / "__main__.py"), run_name="__main__"))

    return run
