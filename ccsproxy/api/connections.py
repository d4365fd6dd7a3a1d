"""How many readers there may be: connections are counted, and those that are too many are told so.

The desk is a process of its own, so its readers never take a descriptor from the relay; the bound keeps their number
from using up the desk's own descriptors and memory.
"""

import resource
from http import HTTPStatus

from ccsproxy.api.answer import Refused

#: File descriptors that connections never get: listeners, log, link, and what the reading threads have open.
RESERVED_DESCRIPTORS = 64
#: More connections than this are refused even where the system would allow them.
MOST_CONNECTIONS = 1000
#: So many connections beyond the cap are answered with 503; further ones are closed at once.
GRACE = 32


def connection_cap(descriptors: int | None = None) -> int:
    """Return how many connections fit below the limit of open files.

    :param descriptors: the limit of open files; the process's own when left out.
    """
    if descriptors is None:
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if descriptors == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(2, min(MOST_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS - GRACE))


class Crowd:
    """The connections that are open.

    :ivar most: how many are served at a time. Half of them may be live event streams; the rest are left for pages.
    :ivar refused: how many were turned away so far.
    """

    def __init__(self, most: int | None = None) -> None:
        """Begin with none.

        :param most: how many are served; as many as the limit of open files allows when left out.
        """
        self.most = connection_cap() if most is None else most
        self.refused = 0
        self._here: set[object] = set()
        self._surplus: set[object] = set()

    def __len__(self) -> int:
        return len(self._here)

    @property
    def most_watchers(self) -> int:
        """How many live event streams there may be."""
        return max(1, self.most // 2)

    def has_room(self) -> bool:
        """Tell whether one more may at least be told that it is one too many."""
        if len(self._here) < self.most + GRACE:
            return True
        self.refused += 1
        return False

    def enter(self, connection: object) -> None:
        """Count a connection."""
        self._here.add(connection)
        if len(self._here) > self.most:
            self._surplus.add(connection)
            self.refused += 1

    def leave(self, connection: object) -> None:
        """Count a connection no more."""
        self._here.discard(connection)
        self._surplus.discard(connection)

    def admit(self, connection: object) -> None:
        """Let the request of a connection pass.

        :raises Refused: when the connection is one too many.
        """
        if connection in self._surplus:
            message = f"All {self.most} connections to the API are in use; close pages or programs that read it."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_connections", message, {"Retry-After": "5"})
