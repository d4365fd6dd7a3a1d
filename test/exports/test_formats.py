"""The formats by their names."""

from twisted.trial.unittest import SynchronousTestCase

from ccsproxy.exports.formats import EXCHANGE, SESSION
from ccsproxy.exports.session.session import NOTHING
from test.exports.records import UPSTREAMS, make_record


class FormatTests(SynchronousTestCase):
    """Every format writes every record."""

    def test_every_format_writes_every_record(self) -> None:
        """Whole ones, refused ones, and one of which only the beginning is known."""
        bare = {"seq": 1, "session_id": "s", "request": {}, "response": None, "outcome": None}
        for record in (make_record(), make_record(response=None, outcome="refused"), bare):
            for name, form in EXCHANGE.items():
                self.assertTrue("".join(form.write(record, UPSTREAMS)), name)
            for name, each in SESSION.items():
                self.assertTrue("".join(each.write({"session_id": "s"}, [record], UPSTREAMS, NOTHING)), name)

    def test_names_of_files(self) -> None:
        """An extension is plain letters, and a media type is one."""
        for each in (*EXCHANGE.values(), *SESSION.values()):
            self.assertRegex(each.extension, r"\A[a-z]+\Z")
            self.assertRegex(each.media_type, r"\A[a-z]+/[a-z+]+(; charset=utf-8)?\Z")
