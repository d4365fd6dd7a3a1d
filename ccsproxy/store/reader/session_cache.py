"""A cache of what is derived from whole sessions, valid as long as a session does not change."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from ccsproxy.store.reader.calls import Stamp

T = TypeVar("T")


class SessionCache(Generic[T]):
    """Keeps one derived value for each of the most recently read sessions. May be used by several threads.

    Invariant: a value was derived from the state that its stamp identifies.

    :param limit: the maximum number of sessions kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[str, tuple[Stamp, T]] = OrderedDict()

    def get(self, session_id: str, stamp: Stamp | None, derive: Callable[[str], T]) -> T:
        """Return the value of a session in a certain state, deriving it if it is not cached.

        :param stamp: of that state, read before; None for an unknown session, whose value is not cached.
        """
        with self._lock:
            held = self._values.get(session_id)
            if held is not None and held[0] == stamp:
                self._values.move_to_end(session_id)
                return held[1]
        # Outside the lock: two threads may both derive a value, rather than one wait for another's session.
        value = derive(session_id)
        if stamp is not None:
            with self._lock:
                self._values[session_id] = (stamp, value)
                self._values.move_to_end(session_id)
                while len(self._values) > self._limit:
                    self._values.popitem(last=False)
        return value
