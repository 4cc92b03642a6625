"""Every resource type that the fake provider has."""

from . import ec2, iam, management, network, storage
from .resource import ResourceType

TYPES: tuple[type[ResourceType], ...] = (
    *iam.TYPES,
    *ec2.TYPES,
    *network.TYPES,
    *storage.TYPES,
    *management.TYPES,
)
