"""Least-privilege EC2 instance profiles for AWS Systems Manager."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .component import SsmInstanceProfile, SsmInstanceProfileArgs
    from .errors import OptionsError
    from .reference import SsmInstanceProfileReference
    from .settings import read_settings

__all__ = [
    "OptionsError",
    "SsmInstanceProfile",
    "SsmInstanceProfileArgs",
    "SsmInstanceProfileReference",
    "read_settings",
]

_MODULES = {
    "OptionsError": "errors",
    "SsmInstanceProfile": "component",
    "SsmInstanceProfileArgs": "component",
    "SsmInstanceProfileReference": "reference",
    "read_settings": "settings",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # On first use, since importing Pulumi takes longer than all that the command does.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
