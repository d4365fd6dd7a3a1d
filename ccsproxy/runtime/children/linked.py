"""A child process as seen from inside: it works for the service over one link, until the link ends.

`ccsproxy.runtime.children.child.Child` is the service's side.
"""

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.logger import globalLogBeginner, textFileLogObserver

from ccsproxy.runtime.children.child import LINK_FD
from ccsproxy.runtime.clock import use_monotonic_clock
from ccsproxy.runtime.signals import leave_signals_to_parent
from ccsproxy.runtime.tuning import return_large_pieces


def run_linked(make_end: Callable[[Any], Protocol]) -> None:
    """Run the reactor with our end of the link until that end stops it, then exit.

    Threads are not waited for: they must be doing something that changes nothing, or that is repeated after the next
    start.

    :param make_end: makes our end, given the reactor.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    os.umask(0o077)
    return_large_pieces()
    leave_signals_to_parent()
    use_monotonic_clock(reactor)
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    end = make_end(reactor)
    reactor.adoptStreamConnection(LINK_FD, socket.AF_UNIX, Factory.forProtocol(lambda: end))
    os.close(LINK_FD)
    reactor.run(installSignalHandlers=False)
    os._exit(0)
