"""Patterns for a secret's name, for what separates it from its value, and for the beginning of a value.

The engine finds the stem of a name followed by a possible value;
`ccsproxy.redaction.kinds.named.assignments` and `ccsproxy.redaction.kinds.spoken` read the name whole there, and
judge the value.
"""

import re

from ccsproxy.redaction.kinds.named.names import TRAILING


def _latin(*words: str) -> str:
    """Return words of other alphabets as the engines see their bytes."""
    return "|".join(word.encode("utf-8").decode("latin-1") for word in words)


def _escaped(*words: str) -> str:
    """Return words of other alphabets as JSON escapes them."""
    return "|".join("".join(rf"\\+u{ord(letter):04x}" for letter in word) for word in words)


#: Words for keys and tokens in other languages.
_KEYS_ABROAD = (
    "schlüssel",
    "clé api",
    "clé d'api",
    "密钥",
    "密鑰",
    "令牌",
    "キー",
    "トークン",
    "토큰",
    "ключ",
    "токен",
)
_OTHER_ALPHABETS = ("пароль", "密码", "密碼", "口令", "パスワード", "비밀번호", "암호")


#: The word for password in the languages that people use with agents.
PASSWORDS = (
    r"passw(?:or)?[dt]|passphrase|passcode|kennwort|senha|wachtwoord|has\xc5\x82o|heslo|pwd|mot[ _-]de[ _-]passe|"
    + r"contrase(?:\xc3\xb1|\\+u00f1|n)a|\bpsk|[a-z_]pass|_pw|\bpw\b|"
    + f"{_latin(*_OTHER_ALPHABETS)}|{_escaped(*_OTHER_ALPHABETS)}"
)
#: The ends of names that hold secrets, short ones too.
_STEMS = (
    PASSWORDS + r"|\bpass\b|secret|[a-z_-]token|credential|creds|authorization|connection_?str(?:ing)?|jwt|_pat\b"
    r"|bearer|mnemonic|totp|masterauth|[a-z][_.-]?key|sonar\.login|"
    + f"{_latin(*_KEYS_ABROAD)}|{_escaped(*_KEYS_ABROAD)}"
)
#: Endings of names that hold secrets if the value is long.
_WEAK_STEMS = r"key|token|auth|cookie|_dsn|secret_?id|key_?id"
#: What may follow the stem of a name: a number, its scope, its encoding.
TRAIL = rf"s?(?:[_.-]?(?:[0-9]{{1,2}}|base|{'|'.join(sorted(TRAILING - set('123')))}))*"
QUOTE = r"\\{0,63}[\"'`]|%22|\\+u0022|&quot;|&#34;"
_COLOUR = r"(?:\x1b|\\{1,15}(?:u001[bB]|x1[bB]|033|e))\[[0-9;]*[mK]"
_WIDE = f"{_latin('：', '＝')}|{_escaped('：', '＝')}"
#: Prefixes of a line; bounded, because Python's engine tries them at every character.
LINE_BEGINS = r"(?:[+>-]|[\w./-]{1,80}[:-][0-9]{1,7}[:-]|[0-9]{1,7}(?:\xe2\x86\x92|\t|:))?"
#: A type, or an accessor, between a name and the text it is set to.
_TYPED = (
    r":[ ]*(?:&(?:'static[ ]+)?str|[Ss]tring|str)\??[ ]*=|[ ]string[ ]*=|[ ]*<-"
    r"|[ ]*\{[ ]*get;[^{}\n]*\}[ ]*="
)
#: The beginning of a block of YAML between a name and the value on the next line.
_BELOW = rf":[ ]?[|>][+-]?(?:\s|\\+[nr])+{LINE_BEGINS}"
#: An attribute between the name of an element and its text, as SOAP has it for passwords.
_ATTRIBUTE = r"[ ]Type=\\*[\"'][^\"'<>]*\\*[\"']>"
_SEPARATOR = (
    rf"{_TYPED}|{_BELOW}|:=|\?=|==?=?>?|!=|->|::?-?|\|\|?|\?\?|>|{_ATTRIBUTE}|%3[aAdD]|\\+u003[aAdD]|=3[dD]"
    rf"|&#(?:58|61);|\\=|{_WIDE}"
)
#: The value is a sibling named ``value``, or the next XML element.
_SIBLING = (
    rf"(?:[,;\s]|\\+[nrt])*{LINE_BEGINS}(?:\s|\\+[nrt])*(?:{QUOTE})?(?:value|default|content)(?:{QUOTE})?\s*[:=]"
    rf"|</(?:key|name|string)>(?:\s|\\+[nrt])*{LINE_BEGINS}(?:\s|\\+[nrt])*<(?:string|value)>"
)
SCHEME = r"(?:bearer|basic|token|apikey|negotiate|digest|splunk|ssws|geniekey|bot)[ \t]+"
_OPEN = rf"(?:{QUOTE}|{_COLOUR}|[ \t(\[]|\$'|[rbufn]{{1,2}}[\"']|{SCHEME}|base64:|!!str[ ]|<!\[CDATA\[)*"
_LEAST = r"[^\s\"'`\\<>(){}\[\],;$][^\s\"'`<>(){}\[\],;]{5}"
_QUOTED = rf"\\*[\"'`] *(?:{SCHEME})?(?:\\+u[0-9a-fA-F]{{4}}|[^\s\"'`\\<({{\[$])[^\s\"'`]{{5}}"
_CLOSE = rf"(?:{QUOTE}|{_COLOUR}|[ \t\])*]|</?b>)*"
_LINE_BEGINS_ANY = r"(?:[+>-]|[\w./-]+[:-][0-9]+[:-]|[0-9]+(?:\xe2\x86\x92|\t|:))?"
_PLAIN_BELOW = rf":[ ]?[|>][+-]?(?:\s|\\+[nr])+{_LINE_BEGINS_ANY}"
#: The same in a text's view, in which nothing is escaped.
_PLAIN_QUOTE = r"\\*[\"'`]"
_PLAIN_SEPARATOR = rf"{_TYPED}|{_PLAIN_BELOW}|:=|\?=|==?=?>?|!=|->|::?-?|\|\|?|\?\?|>|{_ATTRIBUTE}|{_WIDE}"
_PLAIN_CLOSE = rf"(?:{_PLAIN_QUOTE}|[ \t\])*\\]|</?b>)*"
_PLAIN_SIBLING = (
    rf"(?:[,;\s]|\\+[nrt])*{_LINE_BEGINS_ANY}(?:\s|\\+[nrt])*(?:{_PLAIN_QUOTE})?(?:value|default|content)(?:{_PLAIN_QUOTE})?\s*[:=]"
    rf"|</(?:key|name|string)>(?:\s|\\+[nrt])*{_LINE_BEGINS_ANY}(?:\s|\\+[nrt])*<(?:string|value)>"
)
_PLAIN_OPEN = rf"(?:{_PLAIN_QUOTE}|[ \t(\[]|\$'|[rbufn]{{1,2}}[\"']|{SCHEME}|base64:|!!str[ ]|<!\[CDATA\[)*"
_PLAIN_BETWEEN = rf"{_PLAIN_CLOSE}(?:{_PLAIN_SIBLING}|{_PLAIN_SEPARATOR}){_PLAIN_OPEN}"
#: A function that sets a secret, or that writes one into the field of a page.
_CALL = (
    rf"(?:\]?{_PLAIN_QUOTE}[)\]]*\.[A-Za-z_]+)?\([ ]*[nN]?{_PLAIN_QUOTE}|{_PLAIN_QUOTE}[ ]with[ ]{_PLAIN_QUOTE}"
    rf"|/i?\),[ ]*{_PLAIN_QUOTE}"
)
#: Names that hold secrets only if the value is long are found by the same pattern and judged later: two separate
#: alternatives would double the states.
NAMED = (
    rf"(?i:(?:{_STEMS}|{_WEAK_STEMS}){TRAIL}(?:{_PLAIN_BETWEEN}|{_PLAIN_QUOTE}[ ]*,[ ]*|{_CALL}))"
    rf"(?:{_LEAST}|{_QUOTED})"
    rf"|(?i:authorization){_PLAIN_CLOSE}[:=]{_PLAIN_OPEN}[A-Za-z][\w-]*[ ]+{_LEAST}"
)
#: The pattern of a flag, or of a statement, whose value follows after a space.
FLAGGED = (
    r"(?:^|[\s\"'=,\[+:>\x92])--?[\w-]*"
    r"(?i:pass(?:word|phrase|wd)?|token|secret|key|auth|creds?|bearer)[\w-]*[ \t]+[\"']?"
    r"[^\s\"'`<>(){}\[\],;$|&-][^\s\"'`]{5}"
    r"|(?i:password|identified[ ](?:with[ ][\"'\\\w]+[ ])?by|storepass|keypass)[ ]+\\*[\"'][^\s\"']{6}"
)
BETWEEN = re.compile(
    rf"(?i:{_CLOSE}(?P<separator>{_SIBLING}|{_SEPARATOR}|(?<=[\"'`]) *,)(?P<open>{_OPEN}))".encode("latin-1")
)
#: The text between the name of a function and its argument.
CALLED = re.compile(
    (
        rf"(?P<separator>(?:\]?(?:{QUOTE})[)\]]*\.[A-Za-z_]{{2,12}})?\(|(?:{QUOTE})[ ]with[ ]|/i?\),)"
        rf"(?P<open>[ ]*[nN]?(?:{QUOTE}))"
    ).encode("latin-1")
)
