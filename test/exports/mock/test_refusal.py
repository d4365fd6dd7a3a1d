"""Tests of what a request gets that no record answers."""

import json

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.mock.refusal import no_record


class RefusalTests(SynchronousTestCase):
    """Each provider's shape, so that its SDK tells the sentence."""

    def test_shapes(self) -> None:
        for target, body, place in (
            ("/v1/messages", {"model": "m", "messages": []}, ("error", "message")),
            ("/v1/responses", {"model": "m", "input": "x"}, ("error", "message")),
            ("/v1/chat/completions", {"model": "m", "messages": []}, ("error", "message")),
            ("/v1beta/models/g:generateContent", {"contents": []}, ("error", "message")),
            ("/api/chat", {"model": "m", "messages": []}, ("error",)),
            ("/v2/chat", {"model": "m", "messages": []}, ("message",)),
            ("/anything", None, ("error", "message")),
        ):
            said = json.loads(no_record("POST", target, body, "why not"))
            for step in place:
                said = said[step]
            self.assertEqual(said, "why not", target)
        self.assertEqual(json.loads(no_record("POST", "/v1/messages", {}, "x"))["error"]["type"], "not_found_error")
        gemini = json.loads(no_record("POST", "/v1beta/models/g:generateContent", {"contents": []}, "x"))
        self.assertEqual(gemini["error"]["status"], "NOT_FOUND")
