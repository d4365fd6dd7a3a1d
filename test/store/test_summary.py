"""The order of lists."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.ids import IdSource, iso_time
from ccsproxy.store.summary import KEY_BITS, milliseconds, order_key

#: A start in seconds since the epoch, in the middle of a millisecond.
NOW = 1_795_000_000.0005


class OrderKeyTests(SynchronousTestCase):
    """The number by which requests are listed."""

    @given(st.lists(st.integers(0, 2500), min_size=2, max_size=40))
    def test_same_start(self, steps: list[int]) -> None:
        """Calls that begin in the same millisecond are listed in the order in which their heads were whole."""
        now = NOW
        source = IdSource(lambda: now)
        keys = []
        for step in sorted(steps):
            now = NOW + step / 1e6
            keys.append(order_key(iso_time(NOW), source.new_id()))
        self.assertEqual(keys, sorted(set(keys)))

    @given(st.lists(st.integers(0, 5000), min_size=2, max_size=40))
    def test_other_starts(self, steps: list[int]) -> None:
        """An earlier start comes first, however late its head was whole."""
        source = IdSource(lambda: NOW)
        rows = [(iso_time(NOW + step / 1000), source.new_id()) for step in steps]
        ordered = sorted(rows, key=lambda row: order_key(*row))
        self.assertEqual([row[0] for row in ordered], sorted(row[0] for row in rows))

    def test_any_id(self) -> None:
        """An id of another making gets a number within its millisecond too, and so does a counter that overflows."""
        when = iso_time(NOW)
        for each in ("", "id1", "f" * 64, f"{milliseconds(when):012x}ffffffaaaaaaaa", "-1", "\u0661" * 20):
            self.assertEqual(order_key(when, each) >> KEY_BITS, milliseconds(when), each)

    def test_before_the_epoch(self) -> None:
        """A start before the epoch is listed first, not refused."""
        self.assertLess(order_key("1969-12-31T23:59:59.000Z", "x"), 1 << KEY_BITS)
