"""Reading of a record what facts are made of: by the quick way and by the other, the same comes out."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exchange import codec
from ccsproxy.exchange.record import SCHEMA_VERSION
from ccsproxy.store.index.facts import lean_record
from ccsproxy.store.index.texts.raw_body import members_of

_MESSAGE = {"role": "user", "content": [{"type": "text", "text": "hello"}]}
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("role", "type", "a")), inner),
    max_leaves=6,
)
_BODIES = _VALUES | st.fixed_dictionaries(
    {"messages": st.lists(_VALUES | st.just(_MESSAGE), max_size=3)},
    optional={"tools": _VALUES, "input": _VALUES, "system": _VALUES},
)


def record(body: Any, **more: Any) -> dict[str, Any]:
    """Return a record with a request's body."""
    request = {"method": "POST", "path": "/", "headers": {}, "body": body}
    return {"id": "e", "seq": 1, "session_id": "s", "request": request, "schema_version": SCHEMA_VERSION, **more}


def decoded(value: Any) -> Any:
    """Return a value in which nothing is left as JSON text."""
    return msgspec.json.decode(msgspec.json.encode(value))


class LeanRecordTests(SynchronousTestCase):
    """`read_record`."""

    @given(_BODIES)
    def test_any_body(self, body: Any) -> None:
        """All of the record but the text of its stream."""
        response = {"status": 200, "body_reassembled": body, "stream": {"text": "long", "chunks": [[1.5, 2]]}}
        for given_response in (None, response):
            line = codec.encode(record(body, response=given_response))
            found = decoded(lean_record.read_record(line))
            expected = record(body, response=given_response)
            if given_response is not None:
                expected["response"] = {**response, "stream": {"chunks": [[1.5, 2]]}}
            self.assertEqual(found, expected)
            self.assertEqual(decoded(lean_record._lean(line)) | {"crc32": None}, expected | {"crc32": None})

    @given(_BODIES, st.sampled_from(("a", '"body":{', '\\"body\\":{"messages":[]}', "\ud800")))
    def test_a_body_that_was_taken_out(self, body: Any, said: str) -> None:
        """The same comes out where the body is not read with the rest, whatever else looks like a body."""
        self.patch(lean_record, "SHORT", 0)
        headers = {"body": "{}", "x": said}
        line = codec.encode(record(body, client={"name": said, "body": {}}, more={"body": {"a": 1}}))
        line = codec.encode({"head": {"body": {"messages": [1]}}, **codec.decode(line), "headers": headers})
        try:
            inside = members_of(members_of(line)["request"])["body"]
        except msgspec.DecodeError:  # half a character, for which the line is written anew and read as that
            inside = msgspec.Raw(msgspec.json.encode(body))
        expected = decoded(lean_record.read_record(line))
        self.assertEqual(decoded(lean_record.read_apart(line, inside)), expected)

    def test_messages_are_left_as_they_are(self) -> None:
        """What may have been met before is not decoded, behind the system's words at the beginning."""
        line = codec.encode(record({"messages": [_MESSAGE, _MESSAGE], "max_tokens": 5}))
        body = lean_record.read_record(line)["request"]["body"]
        self.assertEqual([type(each) for each in body["messages"]], [dict, msgspec.Raw])
        self.assertEqual(body["max_tokens"], 5)

    def test_half_a_character(self) -> None:
        """A lone surrogate in a message hides nothing else."""
        line = codec.encode(record({"messages": [{"role": "user", "content": "\\ud800"}]}))
        self.assertEqual(lean_record.read_record(line)["request"]["path"], "/")
