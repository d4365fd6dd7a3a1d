"""What the gate keeps of an exchange while it lasts: `ccsproxy.capture.recorder.secrets.redaction`."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.capture.recorder.headers import HeaderLines
from ccsproxy.capture.recorder.secrets.redaction import RedactionGate
from ccsproxy.exchange.record import Client, Started
from ccsproxy.redaction import Redactor

LINES = b"Host: x\r\nX-Api-Key: sk-mock-0000000000000000\r\nAccept: a\r\nAccept: b\r\n"


def started() -> Started:
    """Return an announcement."""
    return Started(
        id="i", seq=1, session_id="s", started_at="2026-11-30T00:00:00.000Z", upstream="u", dialect=None,
        category="model", model=None, client=Client(), method="POST", path="/v1/messages", headers={},
    )  # fmt: skip


class HeaderLinesTests(SynchronousTestCase):
    """The header lines are redacted once, and the same whenever they are asked for."""

    def test_a_long_wait_changes_nothing(self) -> None:
        """Packed for a stream's minutes or not, the lines are those that were redacted."""
        lines, gate = HeaderLines(LINES), RedactionGate(Redactor())
        gate.session(None, lines)
        before = gate.started(started(), lines)
        gate.wait_long()
        gate.wait_long()
        self.assertEqual(gate.started(started(), lines), before)
        self.assertEqual(before.headers["accept"], "a, b")
        self.assertNotIn("sk-mock", str(before))

    def test_a_wait_before_anything_is_known(self) -> None:
        """There is nothing to pack then."""
        lines, gate = HeaderLines(LINES), RedactionGate(Redactor())
        gate.wait_long()
        self.assertNotIn("sk-mock", str(gate.started(started(), lines)))
