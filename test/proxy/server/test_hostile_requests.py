"""Every request of `hostile_requests`, fed whole, byte by byte and split anywhere."""

import re

from twisted.trial.unittest import SynchronousTestCase

from test.effort import THOROUGH
from test.proxy.hostile_requests import BODIES, CHUNKED, CHUNKS, FINE, HEADS
from test.proxy.relay_rig import Client, Rig

SMALL = 160
#: Of the places to cut at, every so many is tried; the long run tries them all.
STEP = 1 if THOROUGH else 8


def feed(data: bytes, *cuts: int) -> tuple[Rig, Client]:
    """Send bytes to a new relay, in pieces."""
    rig = Rig()
    client = Client(rig)
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        if not client.channel.ending:
            client.send(data[start:end])
    rig.settle()
    return rig, client


def ways(data: bytes) -> list[tuple[int, ...]]:
    """Return the ways in which some bytes are cut: not at all, at every place, and for few bytes at single places."""
    cuts: list[tuple[int, ...]] = [(), tuple(range(1, len(data)))]
    if len(data) <= SMALL:
        cuts += [(place,) for place in range(1 + len(data) % STEP, len(data), STEP)]
    return cuts


def dechunked(body: bytes) -> bytes:
    """Join the chunks of a body that we wrote ourselves."""
    joined = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        joined += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return joined


class RefusalTests(SynchronousTestCase):
    """What must be refused."""

    def _refused(self, name: str, status: int, rig: Rig, client: Client) -> None:
        self.assertEqual(client.status, status, name)
        self.assertTrue(client.transport.closed, name)
        self.assertRegex(
            client.got, re.compile(rb'\r\n\r\n\{"error":\{"type":"[a-z_]+","message":"[^"]+\."\}\}\Z'), name
        )
        (heard,) = rig.heard
        self.assertEqual(heard.ending.outcome, "request_too_large" if status == 413 else "refused", name)
        self.assertEqual(heard.answer.status, status, name)
        self.assertEqual(rig.site.in_flight, 0, name)

    def test_there_are_enough_of_them(self) -> None:
        """The table stays a table of more than 150 distinct requests."""
        self.assertGreater(len({data for _, data, _ in HEADS + BODIES}), 150)

    def test_bad_heads_are_refused_and_nothing_is_forwarded(self) -> None:
        """However they arrive: the status, one record, the end of the connection, and no byte upstream."""
        for name, data, status in HEADS:
            for cuts in ways(data):
                rig, client = feed(data, *cuts)
                self._refused(f"{name} cut at {cuts[:3]}", status, rig, client)
                self.assertEqual(rig.forwarded, [], name)

    def test_bad_bodies_that_are_there_are_refused_and_nothing_is_forwarded(self) -> None:
        """A body that is bad as far as it has come with the head keeps the head from being forwarded."""
        for name, data, status in BODIES:
            rig, client = feed(data)
            self._refused(name, status, rig, client)
            self.assertEqual(rig.forwarded, [], name)

    def test_bad_bodies_that_come_later_break_the_upstream_off(self) -> None:
        """What has begun is never ended as if it were whole."""
        for name, data, status in BODIES:
            for cuts in ways(data)[1:]:
                rig, client = feed(data, *cuts)
                self._refused(f"{name} cut at {cuts[:3]}", status, rig, client)
                for upstream in rig.client.upstreams:
                    self.assertTrue(upstream.transport.aborted, name)
                    self.assertNotIn(b"0\r\n\r\n", upstream.got, name)


class AcceptanceTests(SynchronousTestCase):
    """What looks odd and is right."""

    def test_odd_requests_are_forwarded(self) -> None:
        """However they arrive, the same bytes go upstream."""
        for name, data, expected in FINE:
            for cuts in ways(data):
                rig, client = feed(data, *cuts)
                forwarded = [sent.replace(b"Host: api.anthropic.com\r\n", b"", 1) for sent in rig.forwarded]
                self.assertEqual(forwarded, [expected], (name, cuts, client.got))

    def test_chunked_bodies_are_forwarded(self) -> None:
        """Chunks may be joined or divided, the body is the same; extensions and trailers stay here."""
        for sent, body in CHUNKS:
            data = CHUNKED + sent
            for cuts in ways(data):
                rig, client = feed(data, *cuts)
                (forwarded,) = rig.forwarded
                head, _, rest = forwarded.partition(b"\r\n\r\n")
                self.assertTrue(head.endswith(b"\r\nTransfer-Encoding: chunked"), (sent, client.got))
                self.assertTrue(rest.endswith(b"0\r\n\r\n"), (sent, rest))
                self.assertEqual(dechunked(rest), body)
                self.assertEqual(rig.heard[0].request, body)
