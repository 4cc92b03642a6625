"""What a role uses, from evidence of its calls, and what no evidence can show.

:func:`read_evidence` reads files of CloudTrail, the settings of its trails, reports of Access Advisor, and results of
the queries of :func:`athena_sql` and :func:`lake_sql` into an :class:`Evidence`. :func:`uses` gives the verdict on each
action of a role from it, and :func:`feature_uses` the one on each feature.

The modules ``athena``, ``lake``, ``advisor``, ``trail_settings`` and ``bucket`` call AWS. They import boto3, which is
costly, so they are imported only where they are used.
"""

from .evidence import Evidence, RoleKey, role_key
from .features import feature_uses, options_without
from .query import athena_sql, lake_sql
from .reading import read_evidence
from .verdicts import RoleFacts, uses

__all__ = [
    "Evidence",
    "RoleFacts",
    "RoleKey",
    "athena_sql",
    "feature_uses",
    "lake_sql",
    "options_without",
    "read_evidence",
    "role_key",
    "uses",
]
