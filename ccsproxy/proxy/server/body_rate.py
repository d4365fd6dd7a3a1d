"""The minimum rate of a request body, measured only over the time in which we were reading it."""

from ccsproxy.proxy.server.limits import Limits


class BodyRate:
    """Counts the bytes of a request body that arrived since the last check.

    :ivar seen: bytes since the last check; hugely negative when the interval does not count because we paused the
    client.
    """

    __slots__ = ("_least", "seen")

    def __init__(self, limits: Limits) -> None:
        self._least = limits.body_rate * limits.body_time
        self.seen = 0

    def begin(self) -> None:
        """Start counting from zero."""
        self.seen = 0

    def ignore_interval(self, paused: bool) -> None:
        """Exclude the current interval if the client was paused during it."""
        if paused:
            self.seen = -(1 << 62)

    def too_slow(self, paused: bool) -> bool:
        """Tell whether the client sent too little since the last check.

        :param paused: whether we are not reading from the client at the moment.
        """
        return not paused and 0 <= self.seen < self._least
