"""``fleet``: one row for every role of EC2 instances in an account or an organization.

:func:`read_files` reads the roles, :class:`Judges` judges each distinct policy once, and :func:`fleet_rows` joins both.
"""
