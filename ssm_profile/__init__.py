"""Least-privilege EC2 instance profiles for AWS Systems Manager."""

from .component import SsmInstanceProfile, SsmInstanceProfileArgs

__all__ = ["SsmInstanceProfile", "SsmInstanceProfileArgs"]
