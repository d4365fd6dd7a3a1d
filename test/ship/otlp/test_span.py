"""Ids that stay, and what clients say of their own traces."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.otlp.span import derived_id, trace_context

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class TraceContextTests(SynchronousTestCase):
    """W3C Trace Context, section 3.2."""

    def test_good(self) -> None:
        """Ids, the sampled bit, and what a later version may add."""
        found = trace_context(f"00-{TRACE}-{PARENT}-01", "vendor=1")
        assert found is not None
        self.assertEqual((found.trace_id.hex(), found.parent.hex()), (TRACE, PARENT))
        self.assertEqual((found.sampled, found.state), (True, "vendor=1"))
        later = trace_context(f"cc-{TRACE}-{PARENT}-02-more")
        assert later is not None
        self.assertFalse(later.sampled)

    def test_none(self) -> None:
        """What is no context, is none: the call gets its place in the session."""
        for text in (
            None, 5, "", "redacted", f"ff-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01-more",
            f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{PARENT}-01",
            f"00-{TRACE}-{PARENT}", f"00-{TRACE}-{PARENT}-1",
        ):  # fmt: skip
            self.assertIsNone(trace_context(text), text)


class IdTests(SynchronousTestCase):
    """Ids follow from words alone."""

    def test_derived(self) -> None:
        """The same words are the same id, in any run; other words are another; odd ones raise nothing."""
        self.assertEqual(derived_id(16, "session", "s").hex(), derived_id(16, "session", "s").hex())
        self.assertEqual(derived_id(8, "turn", "s", 1).hex(), "bfdf24b5bdaec69c")
        found = {
            derived_id(8, *words) for words in (("turn", "s", 1), ("turn", "s1"), ("agent", "s", 1), ("\ud800",))
        }
        self.assertEqual(len(found), 4)
        self.assertEqual({len(each) for each in found}, {8})
