"""A page: captured content stays text."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.formats import EXCHANGE, SESSION
from ccsproxy.exports.session.session import NOTHING
from test.exports.records import UPSTREAMS, make_record, make_request
from test.exports.writing import HOSTILE, Tags, write


class PageTests(SynchronousTestCase):
    """HTML."""

    def test_content_is_text_only(self) -> None:
        """No element, attribute or URL comes from captured content."""
        record = make_record(request=make_request(body=HOSTILE, path=HOSTILE), model=HOSTILE)
        for pieces in (
            EXCHANGE["html"].write(record, UPSTREAMS),
            SESSION["html"].write({"title": HOSTILE}, [record], {}, NOTHING),
        ):
            tags = Tags()
            tags.feed("".join(pieces))
            self.assertFalse(tags.names & {"script", "img", "link", "iframe"})
            self.assertFalse(
                {name for name in tags.attributes if name.startswith("on")} | tags.attributes & {"src", "href"}
            )
            self.assertIn(HOSTILE, tags.text)

    def test_long_blocks_are_folded(self) -> None:
        """A long block is there, folded."""
        self.assertIn("<details>", write("html", request=make_request(body="x" * 5000)))
