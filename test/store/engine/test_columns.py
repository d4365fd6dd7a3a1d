"""What is shipped has the same columns wherever it is read or written."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.ship.clickhouse.schema import EXCHANGES as TABLE
from ccsproxy.ship.facts import columns
from ccsproxy.ship.objects.parquet import texts_schema
from ccsproxy.store.engine.columns import EXCHANGES, TEXTS


class ColumnTests(SynchronousTestCase):
    """Rows of facts, columns of a table, of a file, and of the hub's copy."""

    def test_exchanges(self) -> None:
        """A member that is new to a row is nowhere left out."""
        self.assertEqual(set(EXCHANGES), set(columns()))
        self.assertEqual(set(TABLE) - {"version", "is_deleted"}, set(columns()))

    def test_texts(self) -> None:
        """The hub's copy has what a search needs."""
        self.assertLessEqual(set(TEXTS), set(texts_schema().names))
