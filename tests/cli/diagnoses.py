"""What tests read in a diagnosis."""

SYMPTOMS = {"ping status", "connection to Session Manager"}


def results(diagnosis, result="wrong"):
    """The checks with a result, without the symptoms."""
    return [row["check"] for row in diagnosis["checks"] if row["result"] == result and row["check"] not in SYMPTOMS]


def result_of(diagnosis, check):
    (row,) = [row for row in diagnosis["checks"] if row["check"] == check]
    return row["result"]


def finding(diagnosis, check):
    (row,) = [row for row in diagnosis["checks"] if row["check"] == check]
    return row["finding"]
