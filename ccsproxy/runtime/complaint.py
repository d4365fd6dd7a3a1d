"""Reports why a program cannot start, where the person who started it reads it."""

import os
import sys


def complain(sentence: str) -> bool:
    """Write to standard error why we cannot start.

    Under twistd ``sys.stderr`` goes to the log, and so, with ``-n``, to standard output: the real one is used.

    :return: whether anybody can read it there; for a daemon the log has to contain it.
    """
    if sys.__stderr__ is None:
        return False
    sys.__stderr__.write(sentence + "\n")
    sys.__stderr__.flush()
    return os.fstat(2).st_rdev != os.stat(os.devnull).st_rdev
