"""Least-privilege EC2 instance profiles for AWS Systems Manager."""

from .component import SsmInstanceProfile, SsmInstanceProfileArgs
from .reference import SsmInstanceProfileReference

__all__ = ["SsmInstanceProfile", "SsmInstanceProfileArgs", "SsmInstanceProfileReference"]
