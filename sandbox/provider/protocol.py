"""Pulumi's provider protocol: its constant for unknown values, and its messages without the rest of Pulumi's SDK.

Importing the SDK takes a third of the time that this short-lived process needs to start.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands for a string that is not known in a preview: ``pulumi.runtime.rpc.UNKNOWN``."""


def skip_sdk() -> None:
    """Let ``pulumi.runtime.proto`` be imported alone, in a process that imports nothing else of ``pulumi``."""
    sdk = find_spec("pulumi")
    if sdk is None or sdk.origin is None:  # the import of the messages says what is missing
        return
    folder = Path(sdk.origin).parent
    for name, path in {"pulumi": folder, "pulumi.runtime": folder / "runtime"}.items():
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
