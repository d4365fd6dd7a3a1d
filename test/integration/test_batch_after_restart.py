"""The results of a batch that a service saw being made are counted by its successor, once."""

import json

from test.integration.harness import Peer, ProxiedTestCase, records_in
from test.integration.messages import Message
from test.integration.writing import JSON, answer, head, post

RESULT = {
    "custom_id": "a",
    "result": {"type": "succeeded", "message": {"model": "m", "usage": {"input_tokens": 7, "output_tokens": 3}}},
}


class RestartTests(ProxiedTestCase):
    """A service, and the one that is started after it in the same data directory."""

    def script(self, peer: Peer, request: Message) -> None:
        lines = b" /v1/messages/batches/" in request.line
        body = json.dumps(RESULT).encode() + b"\n" if lines else b'{"id": "msgbatch_1", "type": "message_batch"}'
        peer.send(answer(body, ("Content-Type", "application/x-jsonl") if lines else JSON))

    async def fetch(self) -> None:
        """Fetch the results."""
        await self.ask(head("GET /v1/messages/batches/msgbatch_1/results HTTP/1.1", [("Host", "localhost")]))

    async def test_counted_once(self) -> None:
        """Fetched before and after two restarts, the tokens of a batch count in exactly one record."""
        await self.start_scripted(self.script)
        await self.ask(post("/v1/messages/batches", b'{"requests": []}', JSON))
        await self.records(1)
        for _ in range(2):
            assert self.running is not None
            await self.running.shutdown()
            await self.start_scripted(self.script, data_dir=self.data_dir)
            for _ in range(2):
                await self.fetch()
            running = self.running
            await self.until(lambda running=running: running.health()["stored"] >= 2, "both records")
        used = [record["usage"] for record in records_in(self.data_dir)]
        self.assertEqual([each and each["input_tokens"] for each in used], [None, 7, None, None, None])
