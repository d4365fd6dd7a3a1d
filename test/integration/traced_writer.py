"""A program that keeps some exchanges with index, syncs, rotation and compression; to be killed at a system call.

It says what it begins before it does (``+``), what was acknowledged (``=``), and whether it came to its end.
"""

import os
import sys
from pathlib import Path

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred, gatherResults

from ccsproxy.capture.main import IndexedStore
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.settings import StoreSettings
from test.store.records import record, started

#: Exchanges in one run, and how many of them at a time.
COUNT, TOGETHER = 48, 4


async def write(data_dir: Path) -> None:
    """Write exchanges with rising numbers."""
    settings = StoreSettings(rotate_size=12_000, sync="record", min_free=0)
    store = IndexedStore(data_dir, settings, reactor, PriceBook())
    await store.open({})
    first = store.last_seq("s") + 1
    for number in range(first, first + COUNT, TOGETHER):
        await gatherResults([exchange(store, each) for each in range(number, number + TOGETHER)])
    await store.forget("other")
    await store.close()
    say("end")


def exchange(store: IndexedStore, number: int) -> Deferred[None]:
    """Write one exchange."""
    say(f"+{number}")
    store.started(started(number))
    done = store.append(record(number, body={"messages": [{"role": "user", "content": f"text {number} " * 99}]}))
    return done.addCallback(lambda _: say(f"={number}"))


def say(word: str) -> None:
    """Tell the parent, by another system call than those that it counts."""
    os.writev(1, [word.encode(), b"\n"])


def main(_: object) -> Deferred[None]:
    """Run to the end."""
    return Deferred.fromCoroutine(write(Path(sys.argv[1])))


if __name__ == "__main__":
    task.react(main)
