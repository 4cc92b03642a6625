"""The proof on a real AWS account: deploys the component, uses every option with real instances, and removes it all."""


class LiveError(Exception):
    """A problem that stops the run. The message says what is wrong and what to do."""


class TimeBoxError(BaseException):
    """The time box has ended. botocore turns each Exception into an error of the connection, and tries again."""


class CheckError(Exception):
    """AWS answered differently from what the check expects. The message says how."""


class SkippedError(Exception):
    """A check that cannot be made. The message says why, and what it needs."""
