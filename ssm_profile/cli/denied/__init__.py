"""``audit --denied``: the options that grant denied calls, or the reason why none does.

:mod:`.input` reads text into denials, with :mod:`.messages`, :mod:`.events` and :mod:`.key_uses`. :mod:`.log_lines`
is data. :mod:`.proposals` finds the options for one denial. :mod:`.answers` groups and explains them, :mod:`.stacks`
merges them, :mod:`.data` prepares both for JSON, and :mod:`.report` formats them.
"""

from .data import answer_denials, is_granted, plain
from .input import read_denials, read_source
from .report import format_answers

__all__ = ["answer_denials", "format_answers", "is_granted", "plain", "read_denials", "read_source"]
