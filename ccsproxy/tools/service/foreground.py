"""Runs the service in the foreground without twistd, for ``ccsproxy serve`` and ``ccsproxy demo``."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.python.failure import Failure

from ccsproxy.config.model import Config
from ccsproxy.errors import StartError
from ccsproxy.launch.leases import is_wanted
from ccsproxy.run import RunHandle
from ccsproxy.service import CcsproxyService

#: Seconds between two checks for leases, and how many consecutive ones must find none.
LOOK_EVERY, LOOKS = 1.0, 3


def log_warnings() -> None:
    """Log warnings and errors to standard error, and nothing less."""
    predicate = LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)
    observer = FilteringLogObserver(textFileLogObserver(sys.stderr), [predicate])
    # What a command prints is its result, and would otherwise become log lines.
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def run_until_stopped(
    config: Config,
    reactor: Any,
    ready: Callable[[RunHandle], object],
    read_again: Callable[[], Config] | None = None,
) -> int:
    """Run the service until it gets a signal.

    :param ready: called once every port is bound and the recorder is running.
    :param read_again: reads the current configuration, for SIGHUP.
    :return: the exit status.
    :raises StartError: if it cannot start.
    """
    log_warnings()
    service = CcsproxyService(config, reactor, read_again=read_again)
    # Before the reactor runs: a port in use is then reported in one sentence with an exit status.
    service.bind()
    failed: list[Failure] = []
    stopping: list[bool] = []

    def begin() -> None:
        started: Deferred[RunHandle] = service.begin()
        started.addCallback(ready)
        started.addErrback(give_up)

    def give_up(failure: Failure) -> None:
        # What was started and finds the service stopped has not failed: it was interrupted.
        if not stopping:
            failed.append(failure)
            reactor.stop()

    def stop() -> object:
        stopping.append(True)
        return service.stopService()

    reactor.addSystemEventTrigger("before", "shutdown", stop)
    reactor.callWhenRunning(begin)
    reactor.run()
    if not failed:
        return 0
    if isinstance(failed[0].value, StartError):
        raise failed[0].value
    failed[0].printTraceback(sys.stderr)
    return 1


def end_when_unwanted(reactor: Any, data_dir: Path) -> None:
    """Stop the service, as SIGTERM does, when nobody has a lease on it any more (`ccsproxy.launch.leases`).

    One check without a lease is not enough: the launcher that has started us may be about to take its own.
    """
    unwanted = 0

    def look() -> None:
        nonlocal unwanted
        unwanted = 0 if is_wanted(data_dir) else unwanted + 1
        if unwanted == LOOKS:
            os.kill(os.getpid(), signal.SIGTERM)

    looking = LoopingCall(look)
    looking.clock = reactor
    looking.start(LOOK_EVERY, now=False)
