"""Looking at an idle connection's socket before it is trusted with a request."""

import select
from typing import Any

from ccsproxy.proxy.transport import unsent


class Peek:
    """Looks at one connection's socket.

    :param transport: a TCP transport, or TLS over one; one without a socket (in memory) is taken as quiet.
    """

    __slots__ = ("_poll", "_tcp", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        while (inner := getattr(transport, "transport", None)) is not None:
            transport = inner
        self._tcp = transport
        self._poll = None
        peer = getattr(transport, "socket", None)
        if peer is not None:
            self._poll = select.poll()
            self._poll.register(peer, select.POLLIN)

    def is_quiet(self) -> bool:
        """Tell whether the connection is open and its peer has sent nothing that is still unread.

        The end of a connection, or a byte nobody asked for, may wait in the kernel when the reactor has not come
        round to it yet. A request written then would be lost, and nobody could tell whether it had been acted upon.
        """
        if getattr(self._transport, "disconnecting", False) or unsent(self._tcp):
            return False
        try:
            return self._poll is None or not self._poll.poll(0)
        except (OSError, ValueError):
            return False
