"""``python -m benchmarks.fleet ROLES DISTINCT``: `ssm-profile fleet` on a synthetic file of accounts.

Prints as JSON: the seconds, the seconds of all processors, the largest resident memory in MB, and the size of the file.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .accounts import write_fleet
from .processes import measured

COMMAND = (sys.executable, "-c", "from ssm_profile.cli import main; main()", "fleet", "--json", "--fail-on", "never")
"""The command without the sources."""


def main(roles: int, distinct: int) -> None:
    """Measure the command once."""
    with TemporaryDirectory() as folder:
        source, output = Path(folder) / "accounts.json", Path(folder) / "rows.json"
        with source.open("w") as file:
            write_fleet(file, roles, distinct)
        result = measured([*COMMAND, str(source)], output)
        with output.open() as file:
            listed = sum('"kind": "role"' in line for line in file)
        if listed != roles:
            raise RuntimeError(f"The command lists {listed:,} roles, and the file has {roles:,}.")
        print(json.dumps(result | {"input_mb": source.stat().st_size / 1e6, "output_mb": output.stat().st_size / 1e6}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
