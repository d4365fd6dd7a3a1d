"""The ways of architecture.md, traced: how many files a piece of a response and a question for a list pass."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent

import ccsproxy
from ccsproxy.api.guard import Guard
from ccsproxy.api.queries import Queries
from test.api.scene import BASE, make_scene
from test.capture.relay.rig import LogCase
from test.proxy.relay_rig import Client, Rig
from test.store.index.test_index import StoreCase

PACKAGE = Path(ccsproxy.__file__).parent
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
MARK = b"a mark"

#: Files through whose hands it goes, and those that are asked on the side.
PIECE = [
    *("proxy/upstream/connection.py", "proxy/framing.py", "proxy/upstream/response.py", "proxy/tee.py"),
    *("proxy/server/request.py", "proxy/server/connection.py"),
    *("proxy/capture_guard.py", "capture/relay/tap.py", "capture/relay/log_writer.py", "proxy/transport.py"),
]
PIECE_ASIDE = [
    *("proxy/deadlines.py", "proxy/server/channel.py", "proxy/upstream/response_body.py", "runtime/write_batch.py"),
]
QUESTION = [
    *("api/site.py", "api/guard.py", "api/route.py", "api/endpoints.py", "api/queries.py", "store/query.py"),
    *("store/reader/reader.py", "store/reader/source.py", "store/reader/pages.py", "store/index/rows.py"),
    *("store/summary.py", "api/deliver.py"),
]
QUESTION_ASIDE = [
    *(
        "api/openapi/parameters.py",
        "insight/query.py",
        "store/index/file.py",
        "store/narrowing.py",
        "exchange/ids.py",
    ),
]


class Traced:
    """Notes the files of ours that functions are called in, in their order, as a context."""

    def __init__(self, carrying: bytes = b"") -> None:
        self.files: list[str] = []
        self._carrying = carrying

    def __enter__(self) -> "Traced":
        sys.setprofile(self._note)
        return self

    def __exit__(self, *failure: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, argument: Any) -> None:
        file = Path(frame.f_code.co_filename)
        if event != "call" or not file.is_relative_to(PACKAGE):
            return
        name = str(file.relative_to(PACKAGE))
        if name not in self.files and (not self._carrying or self._carries(frame)):
            self.files.append(name)

    def _carries(self, frame: FrameType) -> bool:
        code = frame.f_code
        return any(self._is_in(frame.f_locals.get(name)) for name in code.co_varnames[: code.co_argcount])

    def _is_in(self, value: Any) -> bool:
        if isinstance(value, bytes | bytearray | memoryview):
            return self._carrying in bytes(value)
        return isinstance(value, list | tuple) and any(map(self._is_in, value))


class PieceTests(LogCase):
    """A piece of a streamed response, on its way to the client and into the log."""

    def setUp(self) -> None:
        """Have an exchange of which the first piece has gone by."""
        super().setUp()
        self.now = 1000.0  # as the rig has it
        self.rig = Rig(capture=self.capture)
        self.client = Client(self.rig)
        self.client.send(b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        self.rig.upstream.send(ANSWER)

    def test_ten_files_hand_it_on(self) -> None:
        """From socket to socket and log, ten files have the bytes in their hands."""
        with Traced(MARK) as traced:
            self.rig.upstream.send(b"6\r\n" + MARK + b"\r\n")
        self.assertIn(MARK, self.client.got)
        self.assertEqual(traced.files, PIECE)
        self.assertLessEqual(len(traced.files), 10)

    def test_others_are_asked_beside_its_way(self) -> None:
        """Four more are asked without seeing the bytes, and no fifth."""
        with Traced() as traced:
            self.rig.upstream.send(b"6\r\n" + MARK + b"\r\n")
        self.assertEqual(sorted(set(traced.files) - set(PIECE)), PIECE_ASIDE)


class QuestionTests(StoreCase):
    """A question for a list, from the API to SQLite and back."""

    def test_twelve_files_deal_with_it(self) -> None:
        """Twelve files deal with it, and five are asked on the side for one small thing."""
        self.segments.fill(3)
        self.feed()
        server, _ = make_scene(Guard(frozenset()), Queries(self.reader))
        self.agent = RequestTraversalAgent(server.root)
        self.ask()  # what is made at the first question is no part of the way of each
        with Traced() as traced:
            self.ask()
        self.assertEqual(sorted(set(traced.files) - set(QUESTION_ASIDE)), sorted(QUESTION))
        self.assertLessEqual(len(QUESTION), 12)
        self.assertLessEqual(set(QUESTION_ASIDE), set(traced.files))

    def ask(self) -> None:
        waiting = HTTPClient(self.agent).get(BASE + "/api/requests?limit=2")
        self.agent.flush()
        response = self.successResultOf(waiting)
        self.assertEqual(len(self.successResultOf(response.json())["requests"]), 2)
