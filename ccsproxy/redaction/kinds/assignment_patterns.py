"""What secrets look like that are known by the name before them: the expressions of names, separators and openings.

They are written twice: names that begin with ``_PLAIN`` are for a text's view, which the search engine reads in
linear time; the others are for the text itself, whose marks may be escaped or coloured, and are bounded, since
Python's own engine tries them at every letter.
"""

import re

from ccsproxy.redaction.kinds.names import TRAILING

#: The ends of names that hold secrets, short ones too.
_STEMS = (
    r"passw(?:or)?[dt]|passphrase|passcode|kennwort|senha|contrase(?:\xc3\xb1|n)a|pwd|[a-z_]pass|_pw"
    r"|\xd0\xbf\xd0\xb0\xd1\x80\xd0\xbe\xd0\xbb\xd1\x8c|\xe5\xaf\x86\xe7\xa0\x81|\xe5\x8f\xa3\xe4\xbb\xa4"
    r"|\xe3\x83\x91\xe3\x82\xb9\xe3\x83\xaf\xe3\x83\xbc\xe3\x83\x89|\xeb\xb9\x84\xeb\xb0\x80\xeb\xb2\x88\xed\x98\xb8"
    r"|secret|[a-z_-]token|credential|creds|authorization|connection_?str(?:ing)?|jwt|_pat\b|bearer|mnemonic|totp"
    r"|[a-z][_.-]?key"
)
#: The ends of names that hold secrets where the value is long.
_WEAK_STEMS = r"key|token|auth|cookie|_dsn|secret_?id|key_?id"
#: What may follow the end of a name: its number, where it is used, how it is written.
_TRAIL = rf"s?(?:[_.-]?(?:[0-9]{{1,2}}|base|{'|'.join(sorted(TRAILING - set('123')))}))*"
_QUOTE = r"\\{0,63}[\"'`]|%22|\\+u0022|&quot;|&#34;"
_COLOUR = r"\x1b\[[0-9;]*[mK]"
_SEPARATOR = r":=|==?=?>?|!=|->|::?|\||>|%3[dD]|\\+u003[dD]|=3[dD]|&#61;|\\="
#: What may stand before a line; bounded, since Python's engine tries it at every letter.
_LINE_BEGINS = r"(?:[+>-]|[\w./-]{1,80}[:-][0-9]{1,7}[:-]|[0-9]{1,7}(?:\xe2\x86\x92|\t|:))?"
#: The value stands under the name ``value`` of its own.
_SIBLING = rf"(?:[,;\s]|\\+[nrt])*{_LINE_BEGINS}(?:\s|\\+[nrt])*(?:" + _QUOTE + r")?value(?:" + _QUOTE + r")?\s*[:=]"
_SCHEME = r"(?:bearer|basic|token|apikey|negotiate|digest|splunk|ssws|geniekey|bot)[ \t]+"
_OPEN = rf"(?:{_QUOTE}|{_COLOUR}|[ \t(\[]|\$'|[rbuf]{{1,2}}\"|{_SCHEME}|base64:)*"
_LEAST = r"[^\s\"'`\\<>(){}\[\],;$][^\s\"'`<>(){}\[\],;]{5}"
_QUOTED = rf"\\*[\"'`] *(?:{_SCHEME})?(?:\\+u[0-9a-fA-F]{{4}}|[^\s\"'`\\<({{\[$])[^\s\"'`]{{5}}"
_LONG = r"[^\s\"'`<>(){}\[\],;$&]{16}"
_CLOSE = rf"(?:{_QUOTE}|{_COLOUR}|[ \t\])*]|</?b>)*"
#: The expression of a name with a separator and what may be a value, in a text's view.
_PLAIN_QUOTE, _PLAIN_SEPARATOR = r"\\*[\"'`]", r":=|==?=?>?|!=|->|::?|\||>"
_PLAIN_CLOSE = rf"(?:{_PLAIN_QUOTE}|[ \t\])*\\]|</?b>)*"
_LINE_BEGINS_ANY = r"(?:[+>-]|[\w./-]+[:-][0-9]+[:-]|[0-9]+(?:\xe2\x86\x92|\t|:))?"
_PLAIN_SIBLING = (
    rf"(?:[,;\s]|\\+[nrt])*{_LINE_BEGINS_ANY}(?:\s|\\+[nrt])*(?:{_PLAIN_QUOTE})?value(?:{_PLAIN_QUOTE})?\s*[:=]"
)
_PLAIN_OPEN = rf"(?:{_PLAIN_QUOTE}|[ \t(\[]|\$'|[rbuf]{{1,2}}\"|{_SCHEME}|base64:)*"
_PLAIN_BETWEEN = rf"{_PLAIN_CLOSE}(?:{_PLAIN_SIBLING}|{_PLAIN_SEPARATOR}){_PLAIN_OPEN}"
NAMED = (
    rf"(?i:(?:{_STEMS}){_TRAIL}(?:{_PLAIN_BETWEEN}|{_PLAIN_QUOTE}[ ]*,[ ]*))(?:{_LEAST}|{_QUOTED})"
    rf"|(?i:authorization){_PLAIN_CLOSE}[:=]{_PLAIN_OPEN}[A-Za-z][\w-]{{0,20}}[ ]+{_LEAST}"
    rf"|(?i:(?:{_WEAK_STEMS}){_TRAIL}(?:{_PLAIN_BETWEEN}|{_PLAIN_QUOTE}[ ]*,[ ]*{_PLAIN_QUOTE})){_LONG}"
)
#: The expression of a flag, or of a statement, whose value follows behind a blank.
FLAGGED = (
    r"(?:^|[\s\"'=,\[+:>\x92])--?[\w-]*"
    r"(?i:pass(?:word|phrase|wd)?|token|secret|key|auth|creds?|bearer)[\w-]*[ \t]+[\"']?"
    r"[^\s\"'`<>(){}\[\],;$|&-][^\s\"'`]{5}|(?i:password|identified[ ]by|storepass|keypass)[ ]+'[^\s'$]{5}"
)
#: The expression of credentials with their scheme, wherever they stand.
SCHEMED = r"\b[Bb](?:earer[ ]+[A-Za-z0-9._~+/-]{16}|asic[ ]+[A-Za-z0-9+/]{3,}[A-Z0-9+/=])"
#: What stands between a name and its value, and the last mark that opens the value.
BETWEEN = re.compile(rf"(?i:{_CLOSE}(?P<separator>{_SIBLING}|{_SEPARATOR}|(?<=[\"'`]) *,)(?P<open>{_OPEN}))".encode())
LAST_QUOTE = re.compile(rf"(?:{_QUOTE})(?=(?i:{_SCHEME}|base64:)?\Z)".encode())
