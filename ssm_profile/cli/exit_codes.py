"""The exit codes of the command. 0 stands for success without findings."""

FINDINGS = 1
"""The policies differ, a policy needs changes, or no option grants what was denied."""
ERROR = 2
"""The usage is wrong, the input cannot be used, or the output cannot be written."""
