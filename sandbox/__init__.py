"""An AWS emulated on this machine for the real Pulumi engine, without an AWS account and without Docker."""


class SandboxError(Exception):
    """A problem that stops the sandbox. The message says what is wrong and what to do."""


class UsageError(SandboxError):
    """An argument or a stack file that is wrong."""
