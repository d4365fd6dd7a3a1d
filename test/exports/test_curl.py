"""Commands that a real shell reads back as the request that was captured."""

import base64
import subprocess
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.curl import LARGEST_ARGUMENT, curl
from test.effort import effort
from test.exports.records import UPSTREAMS, make_record, make_request

SHELL = "curl() { printf '%s\\0' \"$@\"; case \"$*\" in *'--data-binary @-') printf 'stdin\\0'; cat;; esac; }\n"


def run(record: dict[str, Any], **variables: str) -> list[bytes]:
    """Run the command in a shell in which curl prints its arguments and its input."""
    script = SHELL + "".join(curl(record, UPSTREAMS))
    done = subprocess.run(
        ["/bin/sh"], input=script.encode(), capture_output=True, env={"PATH": "/usr/bin:/bin", **variables}
    )
    assert done.stderr == b"", done.stderr
    return done.stdout.split(b"\0")


class CurlTests(SynchronousTestCase):
    """One exchange."""

    def test_request_is_read_back(self) -> None:
        """URL, method, headers and body reach curl as they were, the key as the caller's variable."""
        arguments = run(make_record(), ANTHROPIC_API_KEY="sk-mine")
        self.assertEqual(arguments[0], b"https://api.anthropic.com/v1/messages?beta=true")
        self.assertIn(b"X-Api-Key: sk-mine", arguments)
        self.assertIn(b"--compressed", arguments)
        body = b'{"model":"claude-x","messages":[{"role":"user","content":"it\'s `so` $HOME \\n!"}]}'
        self.assertEqual(arguments[arguments.index(b"--data-raw") + 1], body)
        self.assertNotIn(b"Host", b" ".join(arguments))

    def test_bearer_keeps_its_scheme(self) -> None:
        """Only the secret part of Authorization is a placeholder."""
        request = make_request(headers_raw=[["authorization", "Bearer <redacted>"]])
        text = "".join(curl(make_record(request=request), UPSTREAMS))
        self.assertIn("'authorization: Bearer '\"${ANTHROPIC_AUTH_TOKEN}\"", text)

    def test_variables_are_those_of_replay(self) -> None:
        """Each provider's own, by the host that was asked; of an upstream that is no provider's, by its name."""
        cases = (
            ("https://x.openai.azure.com", "api-key", "AZURE_OPENAI_API_KEY"),
            ("https://x.openai.azure.com", "authorization", "AZURE_OPENAI_AD_TOKEN"),
            ("https://dashscope-intl.aliyuncs.com", "authorization", "DASHSCOPE_API_KEY"),
            ("https://generativelanguage.googleapis.com", "x-goog-api-key", "GEMINI_API_KEY"),
            ("https://llm.corp.example", "authorization", "MINE_API_KEY"),
        )
        for url, header, variable in cases:
            request = make_request(headers_raw=[[header, "<redacted>"]])
            record = make_record(upstream="9mine", request=request) | {"upstream_url": url}
            self.assertIn(f"${{{variable}}}", "".join(curl(record, UPSTREAMS)))

    def test_secrets_of_unredacted_records_stay_out(self) -> None:
        """A record that was kept with its secrets gives no secret away."""
        pairs = [["authorization", "Bearer sk-SECRET"], ["x-api-key", "SECRET"], ["Cookie", "a=SECRET"]]
        text = "".join(curl(make_record(request=make_request(headers_raw=pairs)), UPSTREAMS))
        self.assertNotIn("SECRET", text)
        self.assertIn('"${COOKIE}"', text)

    def test_key_in_the_query(self) -> None:
        """A key that was redacted from the query is a variable too."""
        request = make_request(path="/v1beta/models/g:generateContent?key=<redacted>&alt=sse", headers_raw=[])
        arguments = run(make_record(upstream="gemini", request=request), GEMINI_API_KEY="k")
        self.assertTrue(arguments[0].endswith(b"?key=k&alt=sse"), arguments[0])

    def test_large_body_goes_through_a_pipe(self) -> None:
        """A body too long for an argument arrives whole on curl's input."""
        text = "y'" * LARGEST_ARGUMENT
        output = run(make_record(request=make_request(body=text)))
        self.assertEqual(output[-1], text.encode())

    def test_binary_body(self) -> None:
        """A binary body arrives byte for byte."""
        binary = bytes(range(256))
        request = make_request(body=None, body_base64=base64.b64encode(binary).decode())
        output = b"\0".join(run(make_record(request=request)))
        self.assertEqual(output.partition(b"stdin\0")[2], binary)

    def test_body_that_was_not_kept(self) -> None:
        """The command says when the body is not there."""
        text = "".join(curl(make_record(request=make_request(body=None)), UPSTREAMS))
        self.assertIn("was not kept", text)
        self.assertIn("-X POST", text)

    @settings(max_examples=effort(25), deadline=None)
    @given(st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1))
    def test_any_value_is_quoted(self, value: str) -> None:
        """No header value or body is anything but text to the shell."""
        value = value.replace("<redacted>", "")
        request = make_request(headers_raw=[["x-odd", f".{value}"]], body=f".{value}")
        arguments = run(make_record(request=request))
        self.assertIn(f"x-odd: .{value}".encode(), arguments)
        self.assertIn(f".{value}".encode(), arguments)
