"""``python -m sandbox``."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # importing takes a moment, and there is nothing to delete yet

from .command import main  # noqa: E402

sys.exit(main())
