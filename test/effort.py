"""How much is tried of what can be tried for ever: the quick suite a little of it, ``make test-long`` all of it.

Generated tests draw other examples in every run, so that few in each of many runs find what many in one would.
"""

import os

#: By how much more than usual the long run tries; 1 in the suite that every change is to pass.
FACTOR = int(os.environ.get("CCSPROXY_EFFORT", "1"))
#: Whether this is the long run: what is tried at some places in the quick suite is tried at every one.
THOROUGH = FACTOR > 1


def effort(usual: int) -> int:
    """Return how many examples of a random test are tried: half of the usual number, or many times it.

    :param usual: how many are enough to try once, when the code or the test has changed.
    """
    return usual * FACTOR if THOROUGH else max(1, usual // 2)
