"""Tests of the engine that ``--from`` names."""

import argparse
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.config.shipping import ship_address
from ccsproxy.store.engine.clickhouse import ClickHouseEngine
from ccsproxy.tools.data_dir import CommandError, WrongUsage
from ccsproxy.tools.engine_source import add_source, make_engine, source_reader


class SourceTests(SynchronousTestCase):
    """A command reads what was shipped only where it is asked to, from a target that can be read."""

    def source(self, *argv: str) -> argparse.Namespace:
        """Return the options of a command that reads."""
        parser = argparse.ArgumentParser()
        add_source(parser)
        return parser.parse_args(argv)

    def test_none_named(self) -> None:
        """Without the option a command reads the data directory."""
        self.assertIs(source_reader(self.source()), None)

    def test_no_target_at_all(self) -> None:
        """What is no address of a target is named with its option."""
        said = self.assertRaises(CommandError, source_reader, self.source("--from", "nowhere"))
        self.assertIn("--from", str(said))

    def test_a_target_that_cannot_be_read(self) -> None:
        """A collector takes records and gives none back."""
        address = ship_address("otlp+http://127.0.0.1:4318/v1/traces")
        said = self.assertRaises(WrongUsage, make_engine, address, "", Path(self.mktemp()))
        self.assertIn("otlp cannot be read", str(said))

    def test_a_database(self) -> None:
        """A database is asked where it is, as whom its address names."""
        address = ship_address("clickhouse+http://reader@127.0.0.1:8123/ccsproxy")
        self.assertIsInstance(make_engine(address, "", Path(self.mktemp())), ClickHouseEngine)
