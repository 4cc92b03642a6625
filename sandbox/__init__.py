"""An AWS on this machine, for the real Pulumi engine: no account, no Docker."""


class SandboxError(Exception):
    """Something that stops the sandbox; the text says what happened and what to do."""
