"""Throw bytes at the server side, and check what must hold whatever they are.

Run ``python -m test.fuzz.fuzz_server --seed 1 --rounds 100000``, or under atheris with ``--atheris``. What must hold:

- nothing raises, nothing is logged, no exchange is left open when the client has gone;
- what is forwarded is read by h11 and by llhttp as the same requests, with the same bodies;
- a connection that was refused has got one answer of ours as its last one, and is closed.
"""

import argparse
import random
import sys
from typing import Any

import h11
import httptools
from twisted.logger import LogLevel, globalLogPublisher

from test.proxy.hostile_requests import BODIES, CHUNKED, CHUNKS, FINE, HEADS, get, post
from test.proxy.relay_rig import Client, Rig

SEEDS = [data for _, data, _ in HEADS + BODIES if len(data) < 2000]
SEEDS += (
    [data for _, data, _ in FINE] + [CHUNKED + sent for sent, _ in CHUNKS] + [get(), post(b"Content-Length: 5\r\n")]
)
TOKENS = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"0",
    b"5",
    b"chunked",
    b"Content-Length: 5\r\n",
]
TOKENS += [
    b"Transfer-Encoding: chunked\r\n",
    b"Host: localhost\r\n",
    b"\r\n\r\n",
    b"HTTP/1.0",
    b"\xff",
    b"0\r\n\r\n",
    b"\x7f",
]

Message = tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]


class Complaints:
    """Keeps what is logged as wrong."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, event: Any) -> None:
        if event.get("log_level", LogLevel.info) >= LogLevel.error:
            self.events.append(event)


def by_h11(data: bytes) -> Message | None:
    """Read one whole request as h11 does; None when it is not whole."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    request, body = None, b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None and not connection.trailing_data[0], "more than one request was forwarded"
            pairs = [(name.lower(), value) for name, value in request.headers.raw_items()]
            return request.method, request.target, pairs, body
        else:
            return None


class Llhttp:
    """Reads one request as llhttp does."""

    def __init__(self, data: bytes) -> None:
        self.url, self.body, self.pairs = b"", b"", []
        self.whole = 0
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name.lower(), value.strip(b" \t")))

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.whole += 1

    def message(self) -> Message | None:
        assert self.whole < 2, "more than one request was forwarded"
        return (self.parser.get_method(), self.url, self.pairs, self.body) if self.whole else None


def check_forwarded(data: bytes) -> Message | None:
    """Check that two other readers agree on what was forwarded.

    :return: what they read; None when it is not whole.
    """
    ours = by_h11(data)
    try:
        theirs = Llhttp(data).message()
    except httptools.HttpParserInvalidMethodError:
        return ours  # llhttp knows its own methods only
    assert ours == theirs, (ours, theirs)
    return ours


def try_one(data: bytes, cuts: list[int], answer: bool = True) -> Rig:
    """Send bytes in pieces, answer what arrives, leave, and check."""
    rig = Rig()
    client = Client(rig)
    answered = 0
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        if client.transport.closed:
            break
        client.send(data[start:end])
        while answer and len(rig.client.upstreams) > answered:
            upstream = rig.client.upstreams[answered]
            answered += 1
            if not upstream.transport.closed:
                upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        rig.settle()
    rig.settle(0.1)
    for upstream in rig.client.upstreams + rig.other.upstreams:
        whole = check_forwarded(upstream.got)
        assert whole or upstream.transport.closed or not client.transport.closed, "half a request was left"
    if not client.transport.closed:
        client.leave()
    rig.settle(200)
    assert rig.site.in_flight == 0 and rig.site.connections == 0, "something was left"
    assert all(len(heard.endings) == 1 for heard in rig.heard), "an exchange has not exactly one ending"
    return rig


def mutated(random_: random.Random) -> bytes:
    """Make a request, or several, that is nearly one of the known ones."""
    data = bytearray(b"".join(random_.choice(SEEDS) for _ in range(random_.choice((1, 1, 1, 2)))))
    for _ in range(random_.randrange(4)):
        place = random_.randrange(len(data) + 1)
        what = random_.randrange(4)
        if what == 0:
            data[place:place] = random_.choice(TOKENS)
        elif what == 1:
            del data[place : place + random_.randrange(1, 8)]
        elif what == 2:
            data[place : place + 1] = bytes([random_.randrange(256)])
        else:
            data[place:place] = data[place : place + random_.randrange(1, 40)]
    return bytes(data)


def run(seed: int, rounds: int) -> None:
    """Try so many requests.

    :raises AssertionError: with the request in it, for the first one with which something does not hold.
    """
    complaints = Complaints()
    globalLogPublisher.addObserver(complaints)
    try:
        random_ = random.Random(seed)
        for number in range(rounds):
            data = mutated(random_)
            cuts = sorted(random_.randrange(len(data) + 1) for _ in range(random_.choice((0, 1, 3))))
            try:
                try_one(data, cuts, answer=random_.random() < 0.8)
                assert not complaints.events, complaints.events
            except Exception as error:
                raise AssertionError(f"round {number} of seed {seed}: {data!r} cut at {cuts}: {error!r}") from error
    finally:
        globalLogPublisher.removeObserver(complaints)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10000)
    parser.add_argument("--atheris", action="store_true")
    options, rest = parser.parse_known_args()
    if options.atheris:
        import atheris  # an optional tool

        def one(data: bytes) -> None:
            cut = data[0] % len(data) if data else 0
            try_one(data[1:], [cut] if cut < len(data) else [])

        atheris.instrument_all()
        atheris.Setup([sys.argv[0], *rest], one)
        atheris.Fuzz()
    run(options.seed, options.rounds)
    print(f"{options.rounds} rounds, nothing found")


if __name__ == "__main__":
    main()
