"""One body as it arrives: its length measured, its content coding removed, its content kept up to a limit."""

import hashlib

import attr

from ccsproxy.capture.recorder.headers import HeaderLines
from ccsproxy.wire import coding

#: The fault of a body that is longer than what is kept.
TRUNCATED = "body_limit"
#: Readers are fed this many times more than is kept, so that the counts at the end of a long stream are still read.
READ_FACTOR = 4
#: Maximum size that is hashed without releasing the interpreter, and the size up to which data is split into such
#: pieces.
_SMALL, _MEDIUM = 2047, 64 << 10
_UNREAD = frozenset((coding.TOO_LARGE, coding.DAMAGED, coding.UNKNOWN))
_BROKEN = frozenset((coding.TRUNCATED, coding.DAMAGED))
_TEXTUAL = ("json", "text/", "event-stream", "xml", "x-www-form-urlencoded")


@attr.define
class MemoryBudget:
    """How many bytes of unfinished bodies may be held in all."""

    left: int

    def take(self, size: int) -> bool:
        """Take an amount, and return whether there was enough."""
        if size > self.left:
            return False
        self.left -= size
        return True

    def give_back(self, size: int) -> None:
        """Return an amount to the budget."""
        self.left += size


def is_textual(lines: HeaderLines) -> bool:
    """Whether the content is text by its type."""
    kind = lines.field("content-type").lower()
    return any(each in kind for each in _TEXTUAL)


class CapturedBody:
    """One body.

    :ivar size: its length on the wire so far.
    :ivar coding: its ``Content-Encoding``, empty if there is none.
    :ivar dropped: how many of its bytes were not kept.
    :ivar gap: bytes are missing from here on, so that neither hash nor content can be known.
    :ivar faults: its anomalies.
    """

    def __init__(self, lines: HeaderLines, limit: int, budget: MemoryBudget) -> None:
        """Start a body.

        :param lines: the header lines of its message.
        :param limit: how many bytes of content are kept.
        """
        self.size = self.dropped = 0
        self.gap = False
        self.faults: list[str] = []
        self.coding = lines.field("content-encoding")
        self._hash = hashlib.sha256()
        # More than what is kept, but bounded: a kilobyte of brotli may expand to a gigabyte of zeros.
        self._decoder = coding.Decoder(self.coding, limit * READ_FACTOR, is_textual(lines))
        self._limit, self._budget = limit, budget
        # One growing piece: large ones are mapped by themselves, and moved by the system without a copy.
        self._kept = bytearray()
        self._kept_size = 0

    @property
    def sha256(self) -> str | None:
        """The hash of the bytes on the wire; None if there were none or some are missing."""
        return None if self.gap or not self.size else self._hash.hexdigest()

    @property
    def full(self) -> bool:
        """Whether nothing more of the content is kept."""
        return TRUNCATED in self.faults

    @property
    def readable(self) -> bool:
        """Return whether the kept bytes are the content, and not in an unknown coding."""
        return self._decoder.readable

    @property
    def unread(self) -> bool:
        """Whether some of the content could not be read although it may have been there."""
        return self.gap or not _UNREAD.isdisjoint(self._decoder.faults)

    @property
    def broken(self) -> str:
        """The fault of a truncated or damaged content coding; empty if it is intact."""
        return next((each for each in self._decoder.faults if each in _BROKEN), "")

    def has_room(self, size: int) -> bool:
        """Return whether this many more bytes will all be kept, so that their division does not matter."""
        return not self.coding and self._kept_size + size <= self._limit and size <= self._budget.left

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes.

        :return: the content that they complete.
        """
        self.size += len(data)
        if self.gap:
            self.dropped += len(data)
            return b""
        self._update(data)
        content = self._decoder.feed(data)
        self._keep(content, len(data))
        return content

    def finish(self) -> bytes:
        """Take the end.

        :return: the content that was held back until now.
        """
        content = b"" if self.gap else self._decoder.finish()
        self._keep(content, 0)
        self.faults += [each for each in self._decoder.faults if each not in self.faults]
        return content

    def lost(self, reason: str) -> None:
        """Note that bytes are missing here."""
        self.gap = True
        self.note(reason)

    def ended(self, size: int) -> None:
        """Process the true length, which exceeds what arrived if bytes were lost."""
        if size > self.size:
            self.dropped += size - self.size
            self.lost("body_lost")
            self.size = size

    def note(self, fault: str) -> None:
        """Note an anomaly, once."""
        if fault not in self.faults:
            self.faults.append(fault)

    def content(self) -> bytes | bytearray:
        """Return the kept bytes, which must not be changed."""
        return self._kept

    def forget(self) -> None:
        """Release the bytes; what was parsed of them remains valid."""
        self._kept = bytearray()

    def release(self) -> None:
        """Release the kept bytes."""
        self._budget.give_back(self._kept_size)
        self._kept, self._kept_size = bytearray(), 0

    def _update(self, data: bytes) -> None:
        """Hash in small pieces: for larger ones hashlib releases the interpreter, which then returns late."""
        if _SMALL < len(data) <= _MEDIUM:
            for at in range(0, len(data), _SMALL):
                self._hash.update(data[at : at + _SMALL])
        else:
            self._hash.update(data)

    def _keep(self, content: bytes, wire_size: int) -> None:
        if TRUNCATED in self.faults:
            self.dropped += wire_size
        elif content:
            # The limit of this body, then the common one: a thousand bodies within their own limits are still too
            # much.
            if self._kept_size + len(content) > self._limit or not self._budget.take(len(content)):
                self.note(TRUNCATED)
                self.dropped += wire_size
                return
            self._kept += content
            self._kept_size += len(content)
