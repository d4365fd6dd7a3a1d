"""``POST /api/replay``: sends a recorded call again by running the ``ccsproxy replay`` command as a child process.

This gives it a process label (`replay_of`), its own reactor and its own lifetime; the API only waits for its output.
"""

from __future__ import annotations

import os
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.threads import deferToThreadPool

from ccsproxy.api.answer import ApiResponse, Refused, bad_request
from ccsproxy.api.guard import ASKING
from ccsproxy.api.route import ApiCall, Endpoint
from ccsproxy.exchange.ids import SESSION_ID

#: How many commands run at a time, and their time limit in seconds.
_AT_ONCE, _LIMIT = 2, 900
#: How many calls one request may ask for.
_MOST = 20


class ReplayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be sent again, and which changes to make.

    :ivar session_id: the session of the call.
    :ivar seq: its number; null for the last main call.
    :ivar set: values by place, such as ``messages[0].content``.
    :ivar remove: places to remove.
    :ivar without_tools: names of tools, with ``*`` and ``?``.
    :ivar system: a different system prompt, null for the recorded one.
    :ivar times: how many times.
    """

    session_id: str
    seq: int | None = None
    model: str = ""
    set: dict[str, Any] = {}
    remove: list[str] = []
    without_tools: list[str] = []
    system: str | None = None
    times: int = 1

    def arguments(self) -> list[str]:
        """Return the command's arguments; no value can be mistaken for another option."""
        settings = [f"{place}={msgspec.json.encode(value).decode()}" for place, value in self.set.items()]
        settings += [f"{place}=" for place in self.remove]
        place = self.session_id if self.seq is None else f"{self.session_id}/{self.seq}"
        return [
            f"--model={self.model}",
            f"--times={self.times}",
            *(f"--set={each}" for each in settings),
            *(f"--without-tool={each}" for each in self.without_tools),
            *(["--system=-"] if self.system is not None else []),
            "--",
            place,
        ]


def parse_replay_request(body: bytes) -> ReplayBody:
    """Parse a request.

    :raises Refused: if it is invalid.
    """
    try:
        wanted = msgspec.json.decode(body, type=ReplayBody)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise bad_request(f"This replay request is invalid: {error}.") from None
    if not SESSION_ID.match(wanted.session_id) or (wanted.seq is not None and wanted.seq < 1):
        raise bad_request("Name a call by session_id, and by seq starting at 1.")
    if not 1 <= wanted.times <= _MOST:
        raise bad_request(f"times must be from 1 to {_MOST}.")
    return wanted


class Replaying:
    """Sends calls again.

    Invariant: `_running` commands are in progress, at most `_AT_ONCE`.

    :param reactor: its threads wait for the commands.
    :param data_dir: where the records are.
    """

    def __init__(self, reactor: Any, data_dir: Path) -> None:
        self._reactor, self._data_dir = reactor, data_dir
        self._running = 0

    async def post(self, call: ApiCall) -> ApiResponse:
        """Send the call that a request names, and return the results."""
        wanted = parse_replay_request(call.body)
        if self._running >= _AT_ONCE:
            message = f"{_AT_ONCE} replays are already running; try again later."
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message, {"Retry-After": "5"})
        self._running += 1
        try:
            output = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._run, wanted)
        finally:
            self._running -= 1
        return ApiResponse(output)

    def _run(self, wanted: ReplayBody) -> bytes:
        """Run the command, and return its JSON output.

        :raises Refused: with the command's message if it sends nothing.
        """
        command = [
            sys.executable,
            "-P",
            "-m",
            "ccsproxy.tools",
            "replay",
            "--json",
            "--data-dir",
            str(self._data_dir),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                [*command, *wanted.arguments()],
                input=(wanted.system or "").encode(),
                capture_output=True,
                env=dict(os.environ),
                timeout=_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Refused(
                HTTPStatus.GATEWAY_TIMEOUT, "timeout", f"The replay did not finish within {_LIMIT} s."
            ) from None
        if not done.stdout.startswith(b"{"):
            output = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "not_replayable", output[-1] if output else "It failed.")
        return done.stdout.strip()


def replay_route(replaying: Replaying) -> Endpoint:
    """Return the endpoint by which programs send recorded calls again."""
    return Endpoint(
        "/api/replay",
        "Send a recorded call again, changed or unchanged; it costs as much as any other call.",
        replaying.post,
        {"application/json": "Replayed"},
        (),
        (415, 422, 503, 504),
        ASKING,
        "ReplayAsked",
    )
