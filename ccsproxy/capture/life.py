"""What makes a process a recorder: its descriptors, its signals, its log, its reactor."""

import os
import signal
import sys
from socket import AF_UNIX
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import globalLogBeginner, textFileLogObserver

from ccsproxy.capture.recorder.inbox import Inbox
from ccsproxy.capture.recorder.process import RecorderProcess, Rooms
from ccsproxy.capture.settings import SPILL_FD
from ccsproxy.runtime.child import LINK_FD
from ccsproxy.runtime.epoll import poll_leanly
from ccsproxy.runtime.tuning import GivingBack, settle_collector
from ccsproxy.runtime.write_batch import Turn

#: When the recorder looks for garbage: rarely, because what it makes are trees without cycles, many and short-lived.
RECORDER_THRESHOLDS = (20000, 20, 100)


class OneInbox(Factory):
    """Answers the one connection there is with the one inbox there is."""

    noisy = False

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def buildProtocol(self, addr: IAddress | None) -> Inbox:
        """Return the inbox."""
        return self._inbox


def spill_descriptor() -> int | None:
    """Return the descriptor of the spill file if the relay gave us one."""
    try:
        os.fstat(SPILL_FD)
    except OSError:
        return None
    return SPILL_FD


def live(reactor: Any, rooms: Rooms) -> None:
    """Run a recorder until its relay is done with it.

    Signals that a terminal or systemd sends to the whole group are the relay's business: it closes the link when all
    is said.

    :param reactor: not running yet.
    """
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr, timeFormat=None)], redirectStandardIO=False)

    giving_back = GivingBack(reactor)

    def stop() -> None:
        giving_back.stop()
        transport = process.inbox.transport
        if transport is not None:
            transport.loseConnection()
        reactor.callLater(0.01, reactor.stop)

    process = RecorderProcess(reactor, spill_descriptor(), rooms, stop)
    reactor.adoptStreamConnection(LINK_FD, AF_UNIX, OneInbox(process.inbox))
    os.close(LINK_FD)  # the reactor works on a copy; the link has to end with it
    giving_back.start()
    settle_collector(RECORDER_THRESHOLDS)
    poll_leanly(reactor, Turn())
    reactor.run(installSignalHandlers=False)
