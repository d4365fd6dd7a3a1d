"""Tests of what ``ccsproxy hub`` refuses before it serves; test/integration/test_hub.py tries it as it serves."""

import io

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.errors import ConfigError
from ccsproxy.tools.data_dir import CommandError
from ccsproxy.tools.main import build_parser
from ccsproxy.tools.service.hub import run


class RefusalTests(SynchronousTestCase):
    """A hub whose options do not fit each other does not begin to serve."""

    def refused(self, *argv: str) -> str:
        """Return what the command says of options that it refuses."""
        args = build_parser(["hub"]).parse_args(["hub", *argv])
        return str(self.assertRaises((CommandError, ConfigError), run, args, io.StringIO(), io.StringIO()))

    def test_no_target_at_all(self) -> None:
        """What is no address of a target is named with its option."""
        self.assertIn("--from", self.refused("--from", "nowhere"))

    def test_roles_without_names(self) -> None:
        """Roles are of people, whom the hub knows by a header alone."""
        said = self.refused("--from", "file:///tmp", "--roles", "roles.toml")
        self.assertIn("--auth-header", said)

    def test_a_target_that_cannot_be_read(self) -> None:
        """A collector takes records and gives none back."""
        said = self.refused("--from", "otlp+http://127.0.0.1:4318/v1/traces")
        self.assertIn("otlp cannot be read", said)
