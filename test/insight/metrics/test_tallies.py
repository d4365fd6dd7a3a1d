"""Metrics of calls: what one adds, what is unknown, and labels that clients cannot multiply."""

import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange.record import RecordTiming
from ccsproxy.exchange.usage import Usage
from ccsproxy.insight.metrics import families
from ccsproxy.insight.metrics.calls import tally
from ccsproxy.insight.metrics.tallies import OTHER, Sample, Tallies
from ccsproxy.providers.cost import Cost
from test.store.records import record

#: What a sample is known by, and what it says.
Seen = dict[tuple[str, ...], tuple[float, dict[int, int]]]


def seen(samples: list[Sample]) -> Seen:
    return {(each.family.removeprefix("ccsproxy_"), *each.labels): (each.value, each.buckets) for each in samples}


def counted(cost: Cost | None = None, **said: Any) -> Tallies:
    tallies = Tallies()
    tally(tallies, msgspec.structs.replace(record(1), **said), cost or Cost(None, "usage"))
    return tallies


class CallTests(SynchronousTestCase):
    """What one call adds."""

    def test_whole(self) -> None:
        """Tokens by kind, reasoning beside them, dollars, and each time in the bucket that it belongs to."""
        usage = Usage(
            input_tokens=10, output_tokens=50, cache_read_input_tokens=7, cache_creation_input_tokens=3,
            reasoning_tokens=20,
        )  # fmt: skip
        timing = RecordTiming(overhead_us=300)
        tallies = counted(Cost(0.25), usage=usage, ttft_ms=640.0, duration_ms=700_000.0, timing=timing)
        whose = ("anthropic", "m")
        self.assertEqual(
            seen(tallies.changes()),
            {
                ("exchanges", *whose, "model", "complete"): (1.0, {}),
                ("tokens", *whose, "input"): (10.0, {}),
                ("tokens", *whose, "cache_read"): (7.0, {}),
                ("tokens", *whose, "cache_write"): (3.0, {}),
                ("tokens", *whose, "output"): (50.0, {}),
                ("reasoning_tokens", *whose): (20.0, {}),
                ("cost_dollars", *whose): (0.25, {}),
                ("time_to_first_token_seconds", *whose): (0.64, {families.WAITS.index(0.64): 1}),
                ("exchange_duration_seconds", *whose): (700.0, {len(families.WAITS): 1}),
                ("relay_overhead_seconds", "anthropic"): (0.0003, {2: 1}),
            },
        )
        self.assertEqual(tallies.changes(), [])

    def test_unknown(self) -> None:
        """A count that is not known adds no sample, and a call without a price is counted as one."""
        usage = Usage(input_tokens=10, output_tokens=None, output_tokens_at_least=4)
        got = seen(counted(Cost(None, "output", at_least=0.1), usage=usage).changes())
        self.assertNotIn(("tokens", "anthropic", "m", "output"), got)
        self.assertEqual(got["unpriced_exchanges", "anthropic", "m", "output"], (1.0, {}))
        self.assertEqual(got["cost_dollars", "anthropic", "m"], (0.1, {}))

    def test_no_model_call(self) -> None:
        """Counting tokens is no answer to wait for, and has no price to lack."""
        got = seen(counted(category="count_tokens", duration_ms=5.0).changes())
        self.assertEqual(list(got), [("exchanges", "anthropic", "m", "count_tokens", "complete")])

    def test_half_a_letter(self) -> None:
        """A model whose name is half of a surrogate pair spoils the metrics of nobody."""
        tallies = counted(model="\ud83d\n" + "m" * 500, response_model=None, category="other")
        (each,) = [sample for sample in tallies.samples() if sample.family == families.EXCHANGES.name]
        self.assertEqual(each.labels[1][:3], "?\nm")
        self.assertLessEqual(len(each.labels[1]), 100)
        self.assertIn(b"?", msgspec.json.encode(tallies.changes()))

    def test_tunnel(self) -> None:
        """The host of a tunnel is no label."""
        got = seen(counted(transport="tunnel", upstream="some.host", model=None, category="other").changes())
        self.assertEqual(list(got), [("exchanges", "tunnel", "", "other", "complete")])


class JoinTests(SynchronousTestCase):
    """Sums that are kept elsewhere than where calls are counted."""

    def join(self, kept: Tallies, **said: Any) -> list[Sample]:
        usage = said.pop("usage", Usage(input_tokens=1))
        return kept.join(counted(usage=usage, duration_ms=1.0, **said).changes())

    def test_sums(self) -> None:
        """What is joined again adds up, also in buckets; what has changed is told as it is now."""
        kept = Tallies()
        self.join(kept)
        changed = seen(self.join(kept))
        self.assertEqual(changed, seen(kept.samples()))
        self.assertEqual(changed["exchange_duration_seconds", "anthropic", "m"], (0.002, {0: 2}))

    def test_names_without_end(self) -> None:
        """Ten thousand models and upstreams that clients make up are few samples, and no call less."""
        kept, size = Tallies(5, 3), random.Random(5)
        for number in range(10_000):
            self.join(kept, model=f"m{number}", upstream=f"u{size.randrange(number + 1)}")
        got = seen(kept.samples())
        calls = {labels[1:3]: value for labels, (value, _) in got.items() if labels[0] == "exchanges"}
        self.assertEqual(sum(calls.values()), 10_000)
        self.assertLessEqual(len(calls), 5 + 4)
        self.assertEqual(sum(value for labels, (value, _) in got.items() if labels[0] == "tokens"), 10_000)

    def test_refused_models(self) -> None:
        """A model that the upstream refuses takes no place; its upstream is named all the same."""
        kept = Tallies(1)
        for number in range(5):
            self.join(kept, model=f"typo{number}", outcome="http_error")
        self.join(kept, model="real")
        got = seen(kept.samples())
        self.assertEqual(got["exchanges", "anthropic", OTHER, "model", "http_error"], (5.0, {}))
        self.assertEqual(got["exchanges", "anthropic", "real", "model", "complete"], (1.0, {}))

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["complete", "http_error"])), max_size=30))
    def test_any_cut(self, calls: list[tuple[str, str]]) -> None:
        """Told one by one or all at once, over a link or not, the calls are the same sum."""
        together, kept, sent = Tallies(), Tallies(), Tallies()
        for model, outcome in calls:
            tally(together, msgspec.structs.replace(record(1), model=model, outcome=outcome), Cost(1.0))
            changed = self.join(kept, model=model, outcome=outcome, cost=Cost(1.0), usage=None)
            line = msgspec.json.encode(changed)
            sent.replace(msgspec.convert(msgspec.json.decode(line), list[Sample], str_keys=True))
        self.assertEqual(seen(sent.samples()), seen(kept.samples()))
        totals = [
            sum(each.value for each in one.samples() if each.family == families.EXCHANGES.name)
            for one in (together, kept)
        ]
        self.assertEqual(totals, [len(calls), len(calls)])
