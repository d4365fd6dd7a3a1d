"""Shipping to a strict S3: conditional puts, keys and checksums that are looked at, and a server that is killed."""

import json
import random
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from twisted.internet.threads import deferToThread

from ccsproxy.config.shipping import ship_address
from ccsproxy.ship.credentials import Credentials
from ccsproxy.ship.delivery.backoff import Backoff
from ccsproxy.ship.delivery.ledger import Ledger
from ccsproxy.ship.delivery.pump import Pump
from ccsproxy.ship.delivery.source import RecordSource
from ccsproxy.ship.objects.store import Exists, ObjectChanged, ObjectStore
from ccsproxy.ship.objects.target import ObjectTarget
from ccsproxy.ship.target import TargetContext, Unavailable
from ccsproxy.store.segments.segment import segment_name
from ccsproxy.store.state.shipments import Position
from ccsproxy.store.state.state import State
from test.engines.engine import EngineTestCase, engine, free_port
from test.ship.segments import Segments
from test.ship.test_faults import records_of

KEYS = {"access_key_id": "synthetic", "secret_access_key": "synthetic-secret"}
IDENTITY = {
    "name": "t",
    "credentials": [{"accessKey": KEYS["access_key_id"], "secretKey": KEYS["secret_access_key"]}],
    "actions": ["Admin", "Read", "Write", "List"],
}
#: Its parts, each of which has a second port.
PARTS = ("master", "volume", "filer", "s3")


class SeaweedTests(EngineTestCase):
    """One server, one bucket."""

    timeout = 280

    async def server(self) -> None:
        """Start it, or start it again on what it has kept."""
        if not hasattr(self, "command"):
            home, ports = self.folder(), {part: free_port() for part in PARTS}
            (home / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
            self.endpoint = f"http://127.0.0.1:{ports['s3']}"
            self.command = [
                engine("weed"), "server", f"-dir={home}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer=true",
                "-s3=true", f"-s3.config={home / 's3.json'}", "-volume.max=20", "-master.volumeSizeLimitMB=128",
                *(f"-{part}.port={port}" for part, port in ports.items()),
                *(f"-{part}.port.grpc={free_port()}" for part in PARTS),
            ]  # fmt: skip
        self.process = await self.serving(self.command, self.endpoint, 403)
        address = ship_address(f"s3://calls/team?region=us-east-1&endpoint={self.endpoint}")
        self.store, self.address = ObjectStore(address, KEYS), address
        await self.answers()

    async def answers(self) -> None:
        """Wait for the first put: volumes are made for it."""
        for _ in range(300):
            try:
                return await deferToThread(self.store.replace, "ready", b"x", None)
            except Unavailable:
                await self.pause(0.2)
        raise AssertionError(f"it takes nothing: {self.process.said}")

    async def test_conditions(self) -> None:
        """Neither what is there nor what another has changed is overwritten, also when it goes in several parts."""
        await self.server()
        await deferToThread(self.conditions)

    def conditions(self) -> None:
        large = random.Random(1).randbytes(6 << 20)
        self.store.create("a", b"1")
        self.assertRaises(Exists, self.store.create, "a", b"2")
        self.assertRaises(Exists, self.store.create, "a", large)
        self.store.create("large", large)
        self.assertEqual((self.store.read("large") or (b"", ""))[0], large)
        self.assertEqual(self.store.read_end("large", 10), (len(large), large[-10:]))
        _, tag = self.store.read("a") or (b"", None)
        self.store.replace("a", b"3", tag)
        self.assertRaises(ObjectChanged, self.store.replace, "a", b"4", tag)
        self.assertEqual((self.store.read("a") or (b"", ""))[0], b"3")
        self.store.delete("a")
        self.assertIsNone(self.store.read("a"))

    async def test_keys_and_checksums(self) -> None:
        """It looks at both, so that what we send with every put is right; wrong keys are waited for and named."""
        await self.server()
        await deferToThread(self.keys_and_checksums)

    def keys_and_checksums(self) -> None:
        for wrong in ({**KEYS, "secret_access_key": "other"}, {**KEYS, "access_key_id": "nobody"}):
            error = self.assertRaises(Unavailable, ObjectStore(self.address, wrong).create, "b", b"1")
            self.assertNotIn("other", str(error))
        self.assertIsNone(self.store.read("b"))
        client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=KEYS["access_key_id"],
            aws_secret_access_key=KEYS["secret_access_key"], config=Config(retries={"max_attempts": 0}),
        )  # fmt: skip
        put = {"Bucket": "calls", "Key": "bad", "Body": b"text"}
        for more in ({"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"ChecksumSHA256": "A" * 43 + "="}):
            self.assertRaises(ClientError, client.put_object, **put, **more)

    async def test_killed(self) -> None:
        """Server and shipper are killed at odd moments: every record there once, in order; a removal reaches it."""
        await self.server()
        segments, chance, kept = Segments(Path(self.mktemp()).absolute()), random.Random(7), dict[str, list[int]]()
        for number in range(24):
            name = segment_name(1_796_032_800.0 + number * 10, chance.randbytes(4))
            for session in ("s0", f"s{chance.randrange(1, 4)}"):
                last = max(map(max, kept.values()), default=0)
                numbers = [*range(last + 1, last + 40)]
                segments.add(name, numbers, session)
                kept.setdefault(session, []).extend(numbers)
            segments.close(name)
        for _ in range(4):
            pump = self.pump(segments)
            done = ensureDeferred(pump.run(Position(), until="9"))
            await self.pause(0.3 + chance.random())
            self.process.signal(9)
            await self.process.ended()
            await self.pause(chance.random() / 2)
            pump.stop()
            await done
            await self.server()
        await self.pump(segments).run(Position(), until="9")
        self.assertEqual(await deferToThread(self.found), kept)
        state = State(segments.data_dir)
        self.addCleanup(state.close)
        state.forget("s0")
        pump = self.pump(segments)
        await pump.run(Position(), until="9")
        self.assertEqual((pump.status.trouble, state.deletions()), ("", []))
        del kept["s0"]
        self.assertEqual(await deferToThread(self.found), kept)

    def pump(self, segments: Segments) -> Pump:
        """Make a pump, as a process does that has just begun."""
        around = TargetContext(reactor, self.address, Credentials(store=KEYS), "h", str(segments.data_dir))
        ledger = Ledger(segments.data_dir)
        self.addCleanup(ledger.close)
        source = RecordSource(segments.data_dir, "h")
        return Pump(reactor, "t", ObjectTarget(around), source, ledger, backoff=Backoff(lambda: 0.0))

    def found(self) -> dict[str, list[int]]:
        """Return the numbers of each session as the segments in the bucket hold them."""
        found: dict[str, list[int]] = {}
        for path in sorted(self.store.paths()):
            if path.endswith(".jsonl.zst"):
                for line in records_of((self.store.read(path) or (b"", None))[0]):
                    found.setdefault(line["session_id"], []).append(line["seq"])
        return found
