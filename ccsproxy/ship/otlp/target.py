"""A target that takes OTLP over HTTP: spans of each batch, and now and then the metrics of all that were taken.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP". A partial success is a success whose refused spans are counted
and never sent again; what a server refuses for its size is divided by the pump.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ccsproxy.insight.collect import milliseconds
from ccsproxy.ship.content import without_content
from ccsproxy.ship.delivery.batch import Batch, BatchLimits, LineBatch
from ccsproxy.ship.http import HttpDoor
from ccsproxy.ship.otlp import names
from ccsproxy.ship.otlp.calls import Record
from ccsproxy.ship.otlp.encoder import SpanEncoder
from ccsproxy.ship.otlp.metrics import FAMILIES, CallMetrics
from ccsproxy.ship.otlp.protobuf import LAST_MS, metrics_request, refused_points, refused_spans, trace_request
from ccsproxy.ship.otlp.span import Span
from ccsproxy.ship.packing import gzipped
from ccsproxy.ship.reply import Reply, judge
from ccsproxy.ship.target import BatchReceipt, Rejected, ShipError, TargetContext
from ccsproxy.store.reader.reader import Reader

#: Bytes of one request before it is compressed: the collector takes 20 MiB, others 4.
MOST = 4 << 20
#: Seconds between two reports of the metrics.
METRICS_EVERY = 10.0
#: Answers of servers that take no metrics at all.
_NO_METRICS = frozenset({404, 405, 415, 501})


class OtlpTarget:
    """Sends spans and metrics to one address (see `ccsproxy.ship.target.Target`)."""

    whole_segments = False
    limits = BatchLimits(rows=200, size=4 << 20)
    _log = Logger()

    def __init__(self, around: TargetContext, clock: Callable[[], float] = time.time) -> None:
        """Make it.

        :param clock: tells the time, in seconds since the epoch.
        """
        self._reactor = around.reactor
        self._door = HttpDoor(around.reactor, around.address)
        # Some write down where spans go, others what stands before that.
        self._url, self._where = around.address.url.removesuffix("/v1/traces"), around.address.authority
        self._headers, self._content, self._clock = around.credentials.headers, around.content, clock
        self._encoder = SpanEncoder(around.content, Reader(Path(around.data_dir)).calls)
        self._metrics = CallMetrics(clock())
        self._resource = {names.SERVICE_NAME: "ccsproxy", names.SERVICE_INSTANCE: around.host}
        self._takes_metrics, self._metrics_at = True, around.reactor.seconds()

    async def open(self) -> None:
        """Do nothing: the first batch shows whether somebody is there."""

    async def send(self, batch: Batch) -> BatchReceipt:
        """Send the spans that are over with a batch."""
        assert isinstance(batch, LineBatch)  # noqa: S101  (whole_segments says so)
        records, unread, bodies = await deferToThread(self._encoded, batch)
        refused = 0
        for body in bodies:
            reply = await self._post("/v1/traces", body)
            judge(reply, self._where)
            refused += self._refused(reply, refused_spans)
        for record in records:
            self._metrics.add(record)
        if self._reactor.seconds() - self._metrics_at >= METRICS_EVERY:  # a clock may be set back by years
            await self._send_metrics()
        return BatchReceipt(refused + unread)

    async def delete(self, session_id: str) -> None:
        """Say that it has to be done by hand: OTLP has no word for it."""
        self._encoder.history.drop(session_id)
        sentence = "session {session} is removed here; OTLP cannot delete it at {where}, so do it there"
        self._log.warn(sentence, session=session_id, where=self._where)

    async def close(self) -> None:
        """Send the metrics once more, and close the connections."""
        await self._send_metrics()
        await self._door.close()

    def _encoded(self, batch: LineBatch) -> tuple[list[Record], int, list[bytes]]:
        """Make the requests of a batch, in a thread: its records, how many cannot be read, and the bodies."""
        records: list[Record] = []
        whole: list[Record] = []
        for line in batch.lines:
            try:
                read = line.whole()
                check_times(read)
                records.append(read if self._content else without_content(read))
                if not self._content:
                    whole.append(read)
            except ValueError as reason:
                sentence = "a record is not shipped: {at} of {of}: {reason}"
                self._log.warn(sentence, at=line.offset, of=batch.segment, reason=str(reason)[:200])
        spans = self._encoder.spans(records, whole)
        return records, len(batch.lines) - len(records), [gzipped(body) for body in bodies(spans)]

    async def _post(self, path: str, body: bytes) -> Reply:
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **self._headers}
        return await self._door.post(self._url + path, body, headers)

    def _refused(self, reply: Reply, read: Callable[[bytes], tuple[int, str]]) -> int:
        """Return how many parts of a request were refused, and log why."""
        try:
            refused, why = read(reply.body)
        except ValueError:  # a server may answer 200 with anything; the batch is taken
            return 0
        if refused or why:
            self._log.warn("{where} refused {n}: {why}", where=self._where, n=refused, why=why[:300])
        return refused

    async def _send_metrics(self) -> None:
        """Report the metrics; that this fails never holds a batch up, as they are sums and come again."""
        self._metrics_at = self._reactor.seconds()
        samples = self._metrics.samples()
        if not samples or not self._takes_metrics:
            return
        families, since = list(FAMILIES.values()), self._metrics.since_s
        body = metrics_request(self._resource, families, samples, since, max(self._clock(), since))
        try:
            reply = await self._post("/v1/metrics", gzipped(body))
            if reply.status in _NO_METRICS:
                self._takes_metrics = False
                self._log.info("{where} takes no metrics, so it gets spans alone", where=self._where)
                return
            judge(reply, self._where)
            self._refused(reply, refused_points)
        except ShipError as error:
            level = self._log.warn if isinstance(error, Rejected) else self._log.debug
            level("metrics were not taken: {error}", error=error)


def check_times(record: Record) -> None:
    """See that a span can have the times of a record.

    :raises ValueError: when it cannot: they would be bent.
    """
    begun = milliseconds(record.get("started_at"))
    if not 0 <= begun <= begun + (record.get("duration_ms") or 0.0) <= LAST_MS:
        raise ValueError("its times cannot be held")


def bodies(spans: Sequence[Span], most: int = MOST) -> Iterator[bytes]:
    """Yield requests for spans, none of them longer than so many bytes where a single span is not."""
    body = trace_request(spans) if spans else b""
    if len(body) <= most or len(spans) == 1:
        if body:
            yield body
        return
    middle = len(spans) // 2
    yield from bodies(spans[:middle], most)
    yield from bodies(spans[middle:], most)
