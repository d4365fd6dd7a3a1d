"""Contexts after a name in which only a secret is possible, so that even an ordinary word is one.

In most texts a word after ``password`` is a label, a type or a name. After an environment variable, a setting of a
named service or the password of a connection string, it is a value that somebody chose.
"""

import re

#: In capitals, like environment variables.
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\Z")
#: Services that a password opens, in names of settings; texts of user interfaces do not name them.
_SERVICE = re.compile(
    r"(?i)(?:\A|[._-])(?:db|database|datasource|mysql|mariadb|postgres(?:ql)?|pg|redis|mongo(?:db)?|smtp|mail|imap"
    r"|ldap|rabbitmq|mq|amqp|kafka|elastic(?:search)?|clickhouse|oracle|mssql|jdbc|sql|ftp|sftp|vpn|wifi|jenkins"
    r"|grafana|keycloak|minio|docker|registry|root)(?=[._-])"
)
_NAMED_OUTRIGHT = frozenset({"password", "passwd", "pwd"})
#: Other parts of a connection on the line before its password.
_CONNECTION = re.compile(rb"(?i)(?:\A|[\s;\"'])(?:user(?:[ ]?id|name)?|uid|host|server|dbname|database)=[^\s;]+[\s;]")
_LINE = 160


def is_secret_context(text: bytes, begin: int, name: str, between: re.Match[bytes]) -> bool:
    """Return whether only a secret is possible after a name.

    :param begin: where the name begins.
    :param between: the match between the name and its value.
    """
    sign = text[between.start() : between.end()].strip(b" \t\\\"'")
    if sign == b"=" and text[between.start() : between.start() + 1] == b"=":
        return _is_assigned(text, begin, name)
    if sign == b":":
        return _SERVICE.search(name) is not None
    return text[begin : begin + 10].lower() == b"identified" or (sign == b">" and name.lower() in _NAMED_OUTRIGHT)


def _is_assigned(text: bytes, begin: int, name: str) -> bool:
    """Return the same for a name directly before the sign of an assignment."""
    if _VARIABLE.match(name) is not None or text.startswith(b"--", begin) or _SERVICE.search(name) is not None:
        return True
    if name.lower() not in _NAMED_OUTRIGHT:
        return False
    before = text[max(begin - _LINE, 0) : begin].rpartition(b"\n")[2]
    behind = text[begin : begin + _LINE].partition(b"\n")[0].partition(b";")[2]
    return any(_CONNECTION.search(part) is not None for part in (before, b";" + behind + b";"))
