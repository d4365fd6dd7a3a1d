"""The notes in a record about its replaced secrets: kind, place, count, and a recognisable tag."""

from collections.abc import Iterator

from ccsproxy.exchange.record import SecretNote
from ccsproxy.redaction.kinds.tags import FIRST_KIND
from ccsproxy.redaction.report import Replaced, SecretReport

#: The places of the credentials that authenticate the request; sending those is intended.
_CREDENTIALS = ("request.headers", "request.path")


def notes_of(report: SecretReport) -> list[SecretNote]:
    """Return all that was replaced."""
    return list(_notes(report, outbound=False))


def outbound_of(report: SecretReport) -> list[SecretNote]:
    """Return the secrets that the request sent to the provider, except those that authenticate it."""
    return list(_notes(report, outbound=True))


def _notes(report: SecretReport, outbound: bool) -> Iterator[SecretNote]:
    for each, count in report.replaced():
        if not outbound or _is_outbound(each):
            yield SecretNote(kind=each.kind, where=each.where, tag=each.tag, count=count)


def _is_outbound(each: Replaced) -> bool:
    if not each.where.startswith("request."):
        return False
    return each.kind != FIRST_KIND or not each.where.startswith(_CREDENTIALS)
