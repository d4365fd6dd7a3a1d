"""The response of an exchange being assembled: head, body as the dialect reads it, and arrival times."""

import base64

import msgspec
from twisted.logger import Logger

from ccsproxy.capture.recorder.arrivals import Arrivals
from ccsproxy.capture.recorder.bodies import CapturedBody, MemoryBudget
from ccsproxy.capture.recorder.headers import HeaderLines, text_of
from ccsproxy.capture.recorder.interfaces import Reader
from ccsproxy.capture.recorder.request import BINARY_LIMIT
from ccsproxy.dialects.answer import DecodedResponse
from ccsproxy.dialects.protocol import StreamWatcher
from ccsproxy.exchange.record import Pairs, Response, Stream
from ccsproxy.exchange.relayed import ResponseHead

#: The fault of a reader that raised: its result is not trusted.
READER_FAILED = "reassemble_failed"
#: Pieces whose individual times do not matter are read together once they have this size, or at the end.
TOGETHER = 16 << 10


class ResponseInMaking:
    """Collects a response.

    :ivar head: as received.
    :ivar lines: its header lines.
    :ivar body: as far as it arrived.
    """

    _log = Logger()

    def __init__(self, head: ResponseHead, limit: int, budget: MemoryBudget) -> None:
        """Start with the head.

        :param limit: how many bytes of the body are kept.
        """
        self.head = head
        self.lines = HeaderLines(head.lines)
        self.body = CapturedBody(self.lines, limit, budget)
        self._arrivals = Arrivals()
        self._overflowed = False
        self._reader: Reader | None = None
        self._watcher: StreamWatcher | None = None
        self._read_size = 0
        self._unread: list[bytes] = []
        self._unread_times: list[int] = []
        self._unread_size = 0

    def read_with(self, reader: Reader, watcher: StreamWatcher | None = None) -> None:
        """Pass the body to a reader as it arrives.

        :param watcher: observes the events of a stream.
        """
        self._reader = reader
        reader.borrow(self.body.content)
        if watcher is not None:
            self._watcher = watcher
            reader.watch(watcher)

    @property
    def chunks(self) -> list[tuple[float, int]]:
        """For each piece, milliseconds since the exchange began and bytes on the wire."""
        return self._arrivals.chunks

    def feed(self, data: bytes, at: int) -> None:
        """Process the next piece of the body, and its arrival in microseconds."""
        self._unread.append(data)
        self._unread_times.append(at)
        self._unread_size += len(data)
        if self._unread_size >= TOGETHER:
            self.read()

    @property
    def size(self) -> int:
        """How many bytes of the body have arrived, on the wire."""
        return self.body.size + self._unread_size

    def read(self) -> None:
        """Read the pieces since the last call: one by one while their times matter."""
        if not self._unread:
            return
        unread, times = self._unread, self._unread_times
        self._unread, self._unread_times, self._unread_size = [], [], 0
        if not self.body.gap:
            self._arrivals.add(times, map(len, unread))
        done = 0
        # Until the first token is timed each piece counts by itself; afterwards reading many as one costs far less.
        while done < len(unread) and self._reader is not None and not self._reader.timed:
            self._read_pieces(unread[done : done + 1], times[done] / 1e3)
            done += 1
        if done < len(unread):
            self._read_pieces(unread[done:], times[-1] / 1e3)

    def _read_pieces(self, pieces: list[bytes], at_ms: float) -> None:
        """Read pieces as if they had arrived with the last of them."""
        if len(pieces) > 1 and self.body.has_room(sum(map(len, pieces))):
            pieces = [b"".join(pieces)]
        for piece in pieces:
            content = self.body.feed(piece)
            if self.body.full and not self._overflowed:
                self._overflow()
            if not self.body.gap:
                self._read(content, at_ms)

    def _overflow(self) -> None:
        """Continue only for counts and ending: what arrives from here on is not kept."""
        self._overflowed = True
        if self._reader is None:
            return
        try:
            self._reader.overflow()
        except Exception:
            self._fail()

    def lost(self, reason: str) -> None:
        """Note that bytes are missing here."""
        self.read()
        self.body.lost(reason)

    def ended(self, size: int) -> None:
        """Process the true length of the body, which exceeds what arrived if bytes were lost."""
        self.read()
        self.body.ended(size)

    def finish(self, whole: bool, last_byte: int | None = None) -> DecodedResponse | None:
        """Process the end of the body.

        :param whole: it arrived to its end, by its own framing.
        :param last_byte: when its last piece arrived, in microseconds.
        :return: the decoded response; None if the reader failed.
        """
        self.read()
        if last_byte:
            self._arrivals.end(last_byte)
        self._end_ms = last_byte / 1e3 if last_byte else None
        last = self._arrivals.last
        self._read(self.body.finish(), last or 0.0)
        if self._reader is None:
            return None
        try:
            answer = self._bounded(self._reader.finish(whole and not self.body.unread, last))
        except Exception:
            self._fail()
            return None
        self._reader = None
        if not answer.is_stream and not answer.binary:
            self.body.forget()  # the value that was read of it is all that is needed
        return answer

    def _bounded(self, answer: DecodedResponse) -> DecodedResponse:
        first, end = answer.first_token_ms, self._end_ms
        late = first is not None and end is not None and first > end
        return msgspec.structs.replace(answer, first_token_ms=end) if late else answer

    @property
    def max_gap(self) -> float | None:
        """The longest pause between two pieces in milliseconds; None if unknown."""
        return None if self.body.gap else self._arrivals.max_gap

    def record(self, answer: DecodedResponse | None, keep_body: bool, trailers: Pairs) -> Response:
        """Return the response as records hold it, not redacted yet."""
        return Response(
            status=self.head.status,
            reason=text_of(self.head.reason),
            http_version=self.head.version,
            headers=self.lines.mapping,
            headers_raw=self.lines.pairs,
            body_reassembled=answer.body if answer is not None and keep_body else None,
            body_base64=self._binary(answer) if keep_body else msgspec.UNSET,
            body_bytes=self.body.size,
            body_sha256=self.body.sha256,
            content_encoding=self.body.coding or None,
            raw_sse_frames_count=answer.frames if answer is not None else 0,
            stream=self._stream(answer) if keep_body else msgspec.UNSET,
            trailers=trailers or msgspec.UNSET,
        )

    def _read(self, content: bytes, at_ms: float) -> None:
        if self._reader is None or not content:
            return
        if not self._overflowed:
            self._read_size += len(content)
        try:
            self._reader.feed(content, at_ms)
        except Exception:
            self._fail()

    def _fail(self) -> None:
        self._log.failure("the reader of a response failed")
        self._reader = None
        self.body.note(READER_FAILED)

    def _binary(self, answer: DecodedResponse | None) -> str | msgspec.UnsetType:
        if answer is None or not answer.binary or not self.body.content():
            return msgspec.UNSET
        return base64.b64encode(self.body.content()[:BINARY_LIMIT]).decode("ascii")

    def _stream(self, answer: DecodedResponse | None) -> Stream | msgspec.UnsetType:
        if answer is None or not answer.is_stream:
            return msgspec.UNSET
        content, text = self.body.content(), answer.stream_text
        if text is None:
            text = content.decode("utf-8", "replace")
        size = len(content)
        # The kept bytes and their text would otherwise be in memory at the same time, for a stream of 30 MB twice
        # over.
        del content
        self.body.forget()
        # What is kept is not what was read, but for half a character at its end, where it was cut.
        if self._watcher is not None and (self._read_size != size or text.find("\ufffd", 0, -1) >= 0):
            self._watcher.unusual = True
        chunks = self.chunks
        joined = self._arrivals.count if self._arrivals.count != len(chunks) else msgspec.UNSET
        return Stream(text=text, chunks=chunks, pieces=joined)
