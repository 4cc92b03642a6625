"""``make docs``: writes schema.json, the component package's schema as Pulumi infers it."""

import json
import runpy
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "schema.json"
PACKAGE = Path(__file__).parent.parent / "ssm_profile"


def page() -> str:
    """The schema as JSON."""
    path = list(sys.path)
    try:
        plugin = runpy.run_path(str(PACKAGE), run_name="plugin")["Plugin"]()
    finally:
        sys.path[:] = path  # which the plugin sets for a process of its own
    return json.dumps(json.loads(plugin.schema), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE.name}: {PAGE.write_text(page())} characters\n")
