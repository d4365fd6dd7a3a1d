"""How much is tried of what can be tried for ever: the quick suite a little of it, ``make test-long`` all of it."""

import os

#: By how much more the long run tries; 1 in the suite that every change is to pass.
FACTOR = int(os.environ.get("CCSPROXY_EFFORT", "1"))


def effort(quick: int) -> int:
    """Return how many examples of a random test are tried.

    :param quick: how many in the quick suite.
    """
    return quick * FACTOR
