"""Proxies that files from the instance show. What is wrong with the network then is not known."""

import json
from pathlib import Path

import pytest

from tests import require
from tests.cli.diagnoses import result_of, results

emulated = require("tests.cli.account")
EXAMPLE = Path(__file__).parent.parent / "data" / "diagnostics" / "example.json"


def output(note):
    """The output of ssm-cli with a note about the proxy."""
    rows = json.loads(EXAMPLE.read_text())["DiagnosticsOutput"]
    rows = [
        row | ({"Status": "Success", "Note": note} if row["Check"] == "Proxy configuration" else {}) for row in rows
    ]
    return json.dumps({"DiagnosticsOutput": rows}).replace("i-0123456789abcdefa", "x")


FOUND = "Detected proxy configuration:"
WITH_PROXY = [
    "2024-06-10 09:10:28 INFO https_proxy: http://proxy:3128\n2024-06-10 09:10:28 INFO [amazon-ssm-agent] x",
    "2019-10-18 20:54:25 INFO Entering SSM Agent hibernate - Post https://ssm.x/: proxyconnect tcp: EOF",
    output(f"{FOUND} https_proxy: http://u:p@proxy:3128 http_proxy: NULL no_proxy: NULL "),
    output(f"{FOUND} no_proxy: NULL https_proxy: NULL http_proxy: proxy:3128 "),
]
WITHOUT_PROXY = [
    "2024-06-10 09:10:28 INFO https_proxy:\n2024-06-10 09:10:28 INFO [amazon-ssm-agent] x",
    EXAMPLE.read_text().replace("i-0123456789abcdefa", "x"),
    output(f"{FOUND} https_proxy: NULL http_proxy: NULL no_proxy: 169.254.169.254 "),
]


@pytest.mark.parametrize(
    ("text", "has_proxy"), [*((each, True) for each in WITH_PROXY), *((each, False) for each in WITHOUT_PROXY)]
)
@pytest.mark.parametrize(
    ("services", "check"), [(("ssm", "ssmmessages"), "route to the internet"), (("ssm",), "VPC endpoint ssm")]
)
def test_no_way_to_aws(account, diagnose, tmp_path, text, has_proxy, services, check):  # noqa: PLR0913, PLR0917
    (tmp_path / "log").write_text(text)
    account.delete_endpoints(*services)
    account.disconnect()

    _, found = diagnose(account.instance, "--log", str(tmp_path / "log"))

    assert result_of(found, check) == ("not known" if has_proxy else "wrong")
    assert results(found) == ([] if has_proxy else [check])


def test_proxy_of_another_instance(account, run, tmp_path):
    """A file that names an instance is from it."""
    account.delete_endpoints("ssm")
    other = account.launch(IamInstanceProfile={"Name": "web"})
    account.disconnect()
    (tmp_path / "log").write_text(f"{WITH_PROXY[0]} {other}\n")

    diagnosed = run(
        "diagnose", account.instance, other, "--region", emulated.REGION, "--json", "--log", str(tmp_path / "log")
    ).json

    assert [result_of(each, "VPC endpoint ssm") for each in diagnosed["instances"]] == ["wrong", "not known"]
    assert diagnosed["logs"][0]["proxyOf"] == [other]
