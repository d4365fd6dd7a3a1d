"""Tests of the variables in which people keep their keys."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.providers.key_variables import key_variables
from ccsproxy.providers.registry import PROVIDERS


class KeyVariableTests(SynchronousTestCase):
    """For every provider at least one, and for names that nobody knows."""

    def test_every_provider(self) -> None:
        for provider in PROVIDERS:
            found = key_variables(provider.name)
            self.assertTrue(found, provider.name)
            for each in found:
                self.assertRegex(each.variable, r"\A[A-Z][A-Z0-9_]*\Z")

    def test_lines(self) -> None:
        anthropic, *_ = key_variables("anthropic")
        self.assertEqual(anthropic.line("k"), ("x-api-key", "k"))
        self.assertEqual([each.line("k") for each in key_variables("openai")], [("authorization", "Bearer k")])

    def test_names_of_ones_own(self) -> None:
        self.assertEqual(key_variables("my.models-2")[0].variable, "MY_MODELS_2_API_KEY")
        self.assertEqual(key_variables("--")[0].variable, "UPSTREAM_API_KEY")
