"""A target that accepts batches of JSON lines by POST: one record per line, compressed, signed, identified by a
token.

A receiver that has seen a token has the whole batch: repeats have the same token. A line with ``event`` ``deleted``
asks it to delete a session.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from ccsproxy.exchange.ids import iso_time
from ccsproxy.ship.delivery.batch import Batch, BatchLimits, LineBatch, ShippedLine
from ccsproxy.ship.delivery.hosts import ShippedHosts
from ccsproxy.ship.http import TargetClient
from ccsproxy.ship.jsonl.signature import HEADER, sign
from ccsproxy.ship.packing import gzipped
from ccsproxy.ship.reply import Reply, judge
from ccsproxy.ship.target import BatchReceipt, TargetContext, Unavailable

#: The header with the token of a batch.
TOKEN = "X-Ccsproxy-Batch"  # noqa: S105  (a name, not a secret)


class JsonLinesTarget:
    """Sends JSON lines to one address (see `ccsproxy.ship.target.Target`)."""

    whole_segments = False
    limits = BatchLimits(rows=500, size=2 << 20)
    _log = Logger()

    def __init__(self, around: TargetContext, clock: Callable[[], float] = time.time) -> None:
        self._client = TargetClient(around.reactor, around.address)
        self._url, self._where = around.address.url or "/", around.address.authority
        self._hosts = ShippedHosts(Path(around.data_dir), around.host)
        self._credentials, self._host, self._clock = around.credentials, around.host, clock

    async def open(self) -> None:
        """Do nothing: the first batch shows whether the receiver answers."""

    async def send(self, batch: Batch) -> BatchReceipt:
        """Send a batch of records."""
        assert isinstance(batch, LineBatch)  # noqa: S101  (whole_segments says so)
        await deferToThread(self._hosts.note)
        body, unread = await deferToThread(packed, batch)
        if len(unread) < len(batch.lines):
            await self._post(batch.token, body)
        for line, reason in unread:
            sentence = "a line that is not a record is not shipped: {at} of {of}: {reason}"
            self._log.warn(sentence, at=line.offset, of=batch.segment, reason=reason)
        return BatchReceipt(len(unread))

    async def delete(self, session_id: str) -> None:
        """Announce that a session must be deleted; the receiver has to do it."""
        now = self._clock()
        note = {
            "event": "deleted",
            "session_id": session_id,
            "labels": {"host": self._host},
            "hosts": await deferToThread(self._hosts.every),
            "deleted_at": iso_time(now),
        }
        # A session may be removed, continue, and be removed again: each removal has its own token.
        await self._post(f"{self._host}/deleted/{session_id}/{now:.3f}", gzipped(msgspec.json.encode(note) + b"\n"))

    async def close(self) -> None:
        """Close the connections to the receiver."""
        await self._client.close()

    async def _post(self, token: str, body: bytes) -> None:
        headers = {
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
            TOKEN: token,
            **self._credentials.headers,
        }
        if self._credentials.secret:
            headers[HEADER] = sign(self._credentials.secret, int(self._clock()), body)
        reply = await self._client.post(self._url, body, headers)
        judge(reply, self._where)
        if says_error(reply):
            raise Unavailable(f"{self._where} answered {reply.status} with an error in the body")


def says_error(reply: Reply) -> bool:
    """Tell whether a response reports an error in its body, whatever its status.

    Functions behind some gateways do (``errorMessage``), so do bulk endpoints (``errors``) and custom ones.
    """
    try:
        members = msgspec.json.decode(reply.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        return False
    denied = members.get("success", True) is False or members.get("ok", True) is False
    return denied or any(members.get(name) for name in ("error", "errors", "errorMessage"))


def packed(batch: LineBatch) -> tuple[bytes, list[tuple[ShippedLine, str]]]:
    """Return the body to post for a batch, and its unreadable lines with the reasons."""
    texts: list[bytes] = []
    unread: list[tuple[ShippedLine, str]] = []
    for line in batch.lines:
        try:
            texts.append(line.json() + b"\n")
        except ValueError as reason:
            unread.append((line, str(reason)[:200]))
    return gzipped(b"".join(texts)), unread
