"""A target for OTLP over HTTP: the spans of each batch, and periodically the metrics of everything accepted.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP". A partial success is a success whose rejected spans are counted
and never sent again; what a server rejects for its size is split by the pump.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ccsproxy.insight.collect import milliseconds
from ccsproxy.ship.content import without_content
from ccsproxy.ship.delivery.batch import Batch, BatchLimits, LineBatch
from ccsproxy.ship.http import TargetClient
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

#: Maximum size of a request before compression: the collector accepts 20 MiB, others 4.
MOST = 4 << 20
#: Seconds between two reports of the metrics.
METRICS_EVERY = 10.0
#: Status codes of servers that do not accept metrics.
_NO_METRICS = frozenset({404, 405, 415, 501})


class OtlpTarget:
    """Sends spans and metrics to one address (see `ccsproxy.ship.target.Target`)."""

    whole_segments = False
    limits = BatchLimits(rows=200, size=4 << 20)
    _log = Logger()

    def __init__(self, around: TargetContext, clock: Callable[[], float] = time.time) -> None:
        """Create the target.

        :param clock: returns the time, in seconds since the epoch.
        """
        self._reactor = around.reactor
        self._client = TargetClient(around.reactor, around.address)
        # Some users give the full path for traces, others the base URL.
        self._url, self._where = around.address.url.removesuffix("/v1/traces"), around.address.authority
        self._headers, self._content, self._clock = around.credentials.headers, around.content, clock
        self._encoder = SpanEncoder(around.content, Reader(Path(around.data_dir)).calls)
        self._metrics = CallMetrics(clock())
        self._resource = {names.SERVICE_NAME: "ccsproxy", names.SERVICE_INSTANCE: around.host}
        self._takes_metrics, self._metrics_at = True, around.reactor.seconds()

    async def open(self) -> None:
        """Do nothing: the first batch shows whether the server responds."""

    async def send(self, batch: Batch) -> BatchReceipt:
        """Send the spans that are complete with a batch."""
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
        """Log that it has to be done manually: OTLP has no request for it."""
        self._encoder.history.drop(session_id)
        sentence = "session {session} was removed here; OTLP cannot delete, so delete it at {where} by hand"
        self._log.warn(sentence, session=session_id, where=self._where)

    async def close(self) -> None:
        """Send the metrics once more, and close the connections."""
        await self._send_metrics()
        await self._client.close()

    def _encoded(self, batch: LineBatch) -> tuple[list[Record], int, list[bytes]]:
        """Encode a batch, in a thread: return its records, the number of unreadable ones, and the request bodies."""
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
        return await self._client.post(self._url + path, body, headers)

    def _refused(self, reply: Reply, read: Callable[[bytes], tuple[int, str]]) -> int:
        """Return how many parts of a request were rejected, and log why."""
        try:
            refused, why = read(reply.body)
        except ValueError:  # a server may answer 200 with anything; the batch is taken
            return 0
        if refused or why:
            self._log.warn("{where} refused {n}: {why}", where=self._where, n=refused, why=why[:300])
        return refused

    async def _send_metrics(self) -> None:
        """Send the metrics; a failure never delays a batch, because they are cumulative and are sent again."""
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
                self._log.info("{where} does not accept metrics, so only spans are sent", where=self._where)
                return
            judge(reply, self._where)
            self._refused(reply, refused_points)
        except ShipError as error:
            level = self._log.warn if isinstance(error, Rejected) else self._log.debug
            level("metrics were not taken: {error}", error=error)


def check_times(record: Record) -> None:
    """Check that a span can represent the times of a record.

    :raises ValueError: if not.
    """
    begun = milliseconds(record.get("started_at"))
    if not 0 <= begun <= begun + (record.get("duration_ms") or 0.0) <= LAST_MS:
        raise ValueError("its times are out of range")


def bodies(spans: Sequence[Span], most: int = MOST) -> Iterator[bytes]:
    """Yield request bodies for spans, each within the limit unless a single span exceeds it."""
    body = trace_request(spans) if spans else b""
    if len(body) <= most or len(spans) == 1:
        if body:
            yield body
        return
    middle = len(spans) // 2
    yield from bodies(spans[:middle], most)
    yield from bodies(spans[middle:], most)
