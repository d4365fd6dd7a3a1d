"""The reader over ClickHouse's tables answers as the local one does."""

import atexit
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.clickhouse.target import ClickHouseTarget
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import Pump
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.target import TargetContext
from ccsproxy.store.engine.clickhouse import ClickHouseEngine
from ccsproxy.store.engine.reader import EngineReader
from ccsproxy.store.reader.reader import Reader
from ccsproxy.store.state.shipments import Position
from test.engines.clickhouse import ClickHouse
from test.ship.reader_contract import ReaderContract, fill, folder
from test.ship.segments import Segments


class ClickHouseReaderTests(ReaderContract, TestCase):
    """The contract, over chdb behind a door."""

    timeout = 600
    _made: Any = None

    async def setUp(self) -> None:  # type: ignore[override]
        """Make the records once, and ship them."""
        if ClickHouseReaderTests._made is None:
            ClickHouseReaderTests._made = await self._make()
        self.made, self.local, self.address = self._made
        self.engine = EngineReader(ClickHouseEngine(self.address, {}))

    async def _make(self) -> Any:
        kept = tempfile.TemporaryDirectory()
        engine = ClickHouse(Path(kept.name))
        address = ship_address(f"clickhouse+http://127.0.0.1:{engine.start()}/llm?ttl_days=0")
        atexit.register(kept.cleanup)
        atexit.register(engine.kill)
        segments = Segments(folder(self.mktemp()))
        made = fill(segments)
        target = ClickHouseTarget(TargetContext(reactor, address, Credentials(), "h", str(segments.data_dir)))
        ledger = Ledger(segments.data_dir)
        pump = Pump(reactor, "t", target, RecordSource(segments.data_dir, "h"), ledger)
        await pump.run(Position(), until="9")
        ledger.close()
        self.assertEqual((pump.status.sent, pump.status.refused), (len(made), 0))
        return made, Reader(segments.data_dir), address
