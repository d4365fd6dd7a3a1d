"""``ccsproxy tail``: the last ones, and those to come."""

import io
import json

from ccsproxy.tools.main import build_parser
from ccsproxy.tools.records import tail
from test.store.corpus import Corpus, started
from test.tools.answering import AnsweringCase
from test.tools.commands import CommandCase


class TailTests(CommandCase):
    """It shows the last ones and follows."""

    def test_follows_what_is_written(self) -> None:
        """A record that is written while it waits appears once."""
        more = list(Corpus(seed=9).records(2))
        rounds = iter([more[:1], more[1:], None])

        def between(_: float) -> None:
            new = next(rounds)
            if new is None:
                raise KeyboardInterrupt
            for record in new:
                self.segments.write(started(record), record)

        self.patch(tail.time, "sleep", between)
        out = io.StringIO()
        args = build_parser(["tail"]).parse_args(["tail", "-n", "3", "--json", "--data-dir", str(self.dir)])
        self.assertRaises(KeyboardInterrupt, args.command.run, args, out, io.StringIO())
        ids = [json.loads(line)["id"] for line in out.getvalue().splitlines()]
        self.assertEqual(ids[-2:], [record["id"] for record in more])
        self.assertEqual(len(ids), 5)


class QueryTests(AnsweringCase):
    """It takes a query."""

    def test_tail_takes_a_query(self) -> None:
        lines = self.said("tail", "--no-follow", "errors:yes", "--json").splitlines()
        self.assertEqual({json.loads(line)["status"] for line in lines}, {529, 429, 200})
        self.assertEqual(self.run_command("tail", "--no-follow", "modle:x")[0], 2)
