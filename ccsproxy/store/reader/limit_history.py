"""What the newest responses reported about limits; each block of facts is read once as long as it does not change."""

import sqlite3
import threading
from collections import OrderedDict

from ccsproxy.insight.limits.readings import LimitReading, readings
from ccsproxy.store.index.facts.blocks import LIMITS, calls, read_block
from ccsproxy.store.summary import KEY_BITS

#: How many readings are returned at most, and the readings of how many blocks are cached.
MOST, HELD = 20_000, 256
_BLOCKS = (
    "SELECT block, first_key, last_key, calls, size FROM call_blocks WHERE flags & ? AND last_key >= ? "
    "ORDER BY last_key DESC"
)
#: What identifies one state of a block: its row without the facts themselves.
_State = tuple[int, ...]


class LimitHistory:
    """Reads and caches readings of limits. May be used by several threads.

    Invariant: cached readings are those of the block in the state that is their key; calls are only ever added to a
    block or taken out of it, so that another content has another state.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[_State, tuple[LimitReading, ...]] = OrderedDict()

    def readings(self, connection: sqlite3.Connection, since_ms: int) -> list[LimitReading]:
        """Return the newest readings in the order of their time.

        :param since_ms: earliest start of a call, milliseconds since the epoch.
        """
        found: list[LimitReading] = []
        for state in connection.execute(_BLOCKS, (LIMITS, since_ms << KEY_BITS)).fetchall():
            found += (each for each in self._of_block(connection, state) if each.at_ms >= since_ms)
            if len(found) >= MOST:
                break
        return sorted(found, key=lambda reading: reading.at_ms)

    def _of_block(self, connection: sqlite3.Connection, state: _State) -> tuple[LimitReading, ...]:
        with self._lock:
            held = self._held.get(state)
            if held is not None:
                self._held.move_to_end(state)
                return held
        limited = [each for each in read_block(connection, state[0]) if each.flags & LIMITS]
        held = tuple(readings(calls.decode(each.facts) for each in limited))
        with self._lock:
            self._held[state] = held
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return held
