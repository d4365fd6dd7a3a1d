"""Whether a request body comes fast enough, judged only by the time in which we were ready for it."""

from ccsproxy.proxy.server.limits import Limits


class BodyPace:
    """Counts what came of a body since the last look.

    :ivar seen: bytes since the last look, negative when the time does not count because we paused the client in it.
    """

    __slots__ = ("_least", "seen")

    def __init__(self, limits: Limits) -> None:
        self._least = limits.body_rate * limits.body_time
        self.seen = 0

    def begin(self) -> None:
        """Begin to count anew."""
        self.seen = 0

    def forgive(self, paused: bool) -> None:
        """Do not judge the time until the next look if the client was paused in it."""
        if paused:
            self.seen = -(1 << 62)

    def too_slow(self, paused: bool) -> bool:
        """Judge the time since the last look.

        :param paused: whether the client is paused now.
        """
        return not paused and 0 <= self.seen < self._least
