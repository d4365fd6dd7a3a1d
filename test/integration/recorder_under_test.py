"""A recorder process whose store is a plain file of lines and whose dialect is made up."""

import os
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed

from ccsproxy.capture.main import run
from ccsproxy.capture.recorder.interfaces import Interpreters
from ccsproxy.capture.recorder.process import RecorderParts, Recovered
from ccsproxy.capture.settings import RecorderSettings
from ccsproxy.exchange.record import Client, Record, Started
from ccsproxy.exchange.relayed import RawHeaders
from ccsproxy.providers.price_book import PriceBook
from ccsproxy.store.maintenance.unclean import unclean_record
from test.capture.recorder.fake_interfaces import MemoryUncounted, Stars, detect
from test.capture.recorder.fake_interfaces import identify as fake_identify


def identify(headers: RawHeaders, target: bytes, body: Any) -> Client:
    """Know who calls, unless the call is poison: then die as only a crash can."""
    if target == b"/poison":
        os._exit(11)
    return fake_identify(headers, target, body)


class LineStore:
    """Appends each line to one file, and recovers from it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        self._path = path
        self._last: dict[str, int] = {}

    def open(self, alive: Any) -> Deferred[Recovered]:
        whole = self._path.read_bytes().rpartition(b"\n")
        os.truncate(self._path, len(whole[0]) + len(whole[1]))  # a kill in the middle of a write leaves half a line
        numbered, stored = {}, []
        for line in self._path.read_bytes().splitlines():
            value = msgspec.json.decode(line)
            self._last[value["session_id"]] = max(self.last_seq(value["session_id"]), value["seq"])
            if "event" in value:
                numbered[value["id"]] = msgspec.convert(value, Started)
            else:
                stored.append(value["id"])
                numbered.pop(value["id"], None)
        return succeed(Recovered({key: numbered[key] for key in numbered if key in alive}, stored))

    @property
    def uncounted(self) -> MemoryUncounted:
        return MemoryUncounted()

    def last_seq(self, session_id: str) -> int:
        return self._last.get(session_id, 0)

    def started(self, started: Started) -> None:
        os.write(self._file, msgspec.json.encode(started) + b"\n")

    def append(self, record: Record) -> Deferred[None]:
        os.write(self._file, msgspec.json.encode(record) + b"\n")
        return succeed(None)

    def health(self) -> dict[str, Any]:
        return {"state": "ok"}

    def close(self) -> Deferred[None]:
        os.close(self._file)
        return succeed(None)


def make_store(settings: RecorderSettings, reactor: Any, prices: PriceBook) -> LineStore:
    """Make the store."""
    return LineStore(Path(settings.data_dir, "lines.jsonl"))


if __name__ == "__main__":
    from twisted.internet import reactor

    run(
        reactor,
        RecorderParts(
            make_store, lambda recovered: recovered, unclean_record, Interpreters(detect, identify), lambda _: Stars
        ),
    )
