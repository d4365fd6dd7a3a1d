"""Records of requests that were refused before an exchange began."""

from __future__ import annotations

import re

from ccsproxy.exchange.ids import IdSource
from ccsproxy.exchange.outcome import Outcome
from ccsproxy.exchange.relayed import Ending, RequestHead, ResponseHead, Timing
from ccsproxy.proxy.capture_guard import GuardedCapture
from ccsproxy.proxy.refusal import LocalResponse, Refusal
from ccsproxy.proxy.server.parsing.request_head import ParsedRequestHead

_BEGINNING = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) ([\x21-\x7e]{1,16384})[ \r]")


class RefusedRecorder:
    """Reports refused requests to capture, as far as their heads could be parsed.

    :ivar ids: the source of exchange ids.
    """

    def __init__(self, capture: GuardedCapture, ids: IdSource) -> None:
        self._capture = capture
        self.ids = ids

    def report(
        self,
        refusal: Refusal,
        answer: LocalResponse,
        block: bytes,
        head: ParsedRequestHead | None,
        peer: str,
        started_at: float,
        at: int,
    ) -> None:
        """Report a refused request.

        :param block: the bytes received of the head.
        :param head: the head, if it could be parsed.
        :param started_at: when its first byte arrived, in seconds since the epoch.
        :param at: microseconds from then until now.
        """
        tap = self._capture.begin(self._request_head(block, head, peer, started_at))
        tap.response_head(ResponseHead(answer.status, answer.reason, "1.1", answer.lines))
        bodiless = head is not None and head.method == b"HEAD"
        if not bodiless:
            tap.response_body(answer.body)
        tap.end(
            Ending(
                outcome=str(Outcome.REQUEST_TOO_LARGE if refusal.status == 413 else Outcome.REFUSED),
                kind=refusal.kind,
                message=refusal.message,
                at=at,
                timing=Timing(),
                request_whole=False,
                response_whole=False,
            )
        )

    def _request_head(
        self, block: bytes, head: ParsedRequestHead | None, peer: str, started_at: float
    ) -> RequestHead:
        if head is not None:
            method, target, version, lines = head.method, head.target, head.version, head.lines
        else:
            match = _BEGINNING.match(block)
            method, target = match.groups() if match else (b"", b"")
            version, lines = "1.1", b""
        return RequestHead(self.ids.new_id(), started_at, "", "", method, target, b"", version, lines, peer)
