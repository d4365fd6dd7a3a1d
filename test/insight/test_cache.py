"""The cache verdict against thousands of turns whose cause is known."""

from collections import Counter, defaultdict
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.insight.collect import Collector
from ccsproxy.insight.session import Session
from test.effort import effort
from test.insight.turns import Turns

#: How often a verdict may be wrong, of all that are judged.
WRONG = 0.05


def sessions_of(records: list[dict[str, Any]]) -> dict[str, Session]:
    """Make the sessions of records."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        groups[record["session_id"]].append(record)
    found = {}
    for name, group in groups.items():
        collector = Collector()
        found[name] = Session([collector.collect(record) for record in group])
    return found


#: How many turns are judged.
TURNS = effort(200)


class GeneratedTurns(SynchronousTestCase):
    """Hundreds of turns, each with one cause."""

    def test_verdicts(self) -> None:
        turns = Turns(7)
        turns.make(TURNS)
        sessions = sessions_of(turns.recorder.records)
        wrong: Counter[Any] = Counter()
        for (session, seq), (name, cause) in turns.expected.items():
            got = sessions[session].verdicts[seq]
            told = got.part if name == "changed" else got.cause
            if got.verdict != name or (cause and told != cause):
                wrong[(name, cause), (got.verdict, told)] += 1
        total = len(turns.expected)
        self.assertGreaterEqual(total, TURNS)
        self.assertLess(
            sum(wrong.values()), WRONG * total, f"{sum(wrong.values())} of {total}: {wrong.most_common(20)}"
        )
