"""What the readers of clients take out of a request."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.clients.call import (
    ClientCall,
    embedded,
    first_id,
    first_name,
    first_path,
    instructions,
    member,
    product,
    retry_of,
)


class CallTests(SynchronousTestCase):
    """Headers, members, names."""

    def test_headers(self) -> None:
        """Case, ``-`` and ``_`` do not matter; the first line counts, and the first name that is there."""
        call = ClientCall([(b"X_A", b" one "), (b"x-a", b"two"), (b"b", b"")], b"/", None)
        self.assertEqual((call.header("x-a"), call.header("b", "x-a"), call.header("c")), ("one", "one", ""))

    def test_members(self) -> None:
        """A path that does not lead anywhere is None, whatever stands on it."""
        body = {"a": {"b": 0}}
        self.assertEqual(member(body, "a", "b"), 0)
        for path in (("a", "c"), ("a", "b", "c"), ("x",)):
            self.assertIsNone(member(body, *path))

    def test_products(self) -> None:
        """Name and version of the first product; long agents are read, and not remembered."""
        self.assertEqual(product("codex_exec/0.169.0 (Debian)"), ("codex_exec", "0.169.0"))
        self.assertEqual(product("curl"), ("curl", None))
        self.assertEqual(product(""), ("", None))
        self.assertEqual(product("a/1 " + "x" * 10_000), ("a", "1"))

    def test_embedded(self) -> None:
        """JSON in a string is an object, or nothing."""
        self.assertEqual(embedded(' {"a": 1}'), {"a": 1})
        for text in ("", "[1]", "{", None, 5):
            self.assertEqual(embedded(text), {})

    def test_retries(self) -> None:
        """A count is a short number; anything else is not known."""
        for said, count in ((b"0", 0), (b"12", 12), (b"-1", None), (b"1e3", None), (b"99999", None), (b"", None)):
            self.assertEqual(retry_of(ClientCall([(b"x-stainless-retry-count", said)], b"/", None)), count)

    def test_candidates(self) -> None:
        """The first that may be one: an id, a name, a path."""
        self.assertEqual(first_id("../x", None, "s-1", "s-2"), "s-1")
        self.assertEqual(first_name(" ", "a\nb", "x" * 200, " build "), "build")
        self.assertEqual(first_path(5, "", "/a\0b", "/w "), "/w")
        self.assertEqual((first_id(), first_name(), first_path()), (None, None, None))

    def test_instructions(self) -> None:
        """System prompts first, then the first messages, and not the whole conversation."""
        body = {"system": [{"text": "s"}], "messages": [{"content": f"m{number}"} for number in range(20)]}
        self.assertEqual(list(instructions(body)), ["s", *(f"m{number}" for number in range(6))])
        self.assertEqual(list(instructions({"request": {"contents": [{"parts": [{"text": "g"}]}]}})), ["g"])
        self.assertEqual(list(instructions(None)), [])
