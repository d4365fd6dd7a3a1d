"""Tests of ``POST /api/replay``; that it sends a call is tried in `test.integration.test_replay`."""

from pathlib import Path

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from ccsproxy.api.answer import Refused
from ccsproxy.api.answers.replaying import ReplayBody, Replaying, parse_replay_request
from ccsproxy.api.route import ApiCall
from ccsproxy.tools.main import build_parser


class AskedTests(TestCase):
    """What may be asked for, and how the command is told of it."""

    def test_words(self) -> None:
        """Whatever stands in a request, none of it becomes another option of the command."""
        asked = ReplayBody(
            "--json", 3, "--model", {"a.b": {"c": 1}, "d": "--x"}, ["e"], ["--y"], "Be brief.", times=2
        )
        args = build_parser(["replay"]).parse_args(["replay", *asked.arguments()])
        self.assertEqual((args.place, args.model, args.times, args.json), ("--json/3", "--model", 2, False))
        self.assertEqual((args.settings, args.without_tool), (['a.b={"c":1}', 'd="--x"', "e="], ["--y"]))
        self.assertEqual(args.system, "-")
        self.assertEqual(build_parser(["replay"]).parse_args(["replay", *ReplayBody("s").arguments()]).place, "s")

    def test_what_cannot_be_meant(self) -> None:
        for body in (
            b"", b"[]", b"{}", b'{"session_id": 3}', b'{"session_id": "s", "more": 1}', b'{"session_id": "../x"}',
            b'{"session_id": "s", "seq": 0}', b'{"session_id": "s", "times": 21}', b"\xff",
        ):  # fmt: skip
            self.assertEqual(self.assertRaises(Refused, parse_replay_request, body).status, 400, body)

    async def test_a_call_that_is_not_there(self) -> None:
        """The command's sentence, as 422; a third at once is told to come back."""
        data_dir = Path(self.mktemp()).absolute()
        data_dir.mkdir(mode=0o700)
        replaying = Replaying(reactor, data_dir)
        call = ApiCall({}, body=b'{"session_id": "nobody", "seq": 1}')
        with self.assertRaises(Refused) as caught:
            await replaying.post(call)
        self.assertEqual((caught.exception.status, caught.exception.kind), (422, "not_replayable"))
        self.assertIn("no session 'nobody'", caught.exception.message)
        replaying._running = 2
        with self.assertRaises(Refused) as busy:
            await replaying.post(call)
        self.assertEqual(busy.exception.status, 503)
