"""Names that hold secrets: variables, JSON keys, flags, header fields, query parameters, form fields.

A name with "token" mostly holds a secret, but often counts tokens of a language model; a name that ends in "key" may
refer to a credential or to a table. This module alone distinguishes them: by the last significant word of the name,
and by the words before it.
"""

import re
from enum import IntEnum
from functools import lru_cache

from ccsproxy.redaction.kinds.randomness import is_random


class Strength(IntEnum):
    """How strongly a name indicates a secret value."""

    NONE = 0
    #: The value is secret if it looks random: ``token``, ``auth``, ``sort_key``.
    WEAK = 1
    #: The value is secret if it looks like a password or a key: ``pass``, which has other meanings too.
    CHOSEN = 2
    #: The value is secret unless it looks like something else: ``api_key``, ``client_secret``.
    STRONG = 3
    #: The value is typed by people, short and readable: ``password``.
    HUMAN = 4


#: The words of a name in camel case, with hyphens, underscores, dots or spaces.
_WORDS = re.compile(r"[A-Z]+(?![a-z\x80-\uffff])|[A-Z]?[a-z\x80-\uffff]+|[0-9]+")
#: Words at the end of a name that do not change its meaning.
TRAILING = frozenset(
    "1 2 3 old new prod production dev test staging live value val str string b64 base64 enc encoded raw text plain "
    "default current primary secondary main".split()
)
_HUMAN = frozenset(
    "password passwd passwort kennwort pwd passphrase passcode senha contraseña contrasena mdp pw userpwd "
    "wachtwoord hasło heslo psk passe keypass storepass pgpassword sshpass dbpass mysqlpwd requirepass "
    "masterauth".split()
)
#: Words of languages that join them without a blank, at the end of a name.
_HUMAN_ENDS = ("пароль", "密码", "密碼", "口令", "パスワード", "비밀번호", "암호")
_STRONG_ENDS = ("密钥", "密鑰", "令牌", "キー", "トークン", "토큰", "ключ", "токен")
_STRONG = frozenset(
    "secret secrets credential credentials creds authorization jwt apikey apikeys secretkey accesskey accesstoken "
    "refreshtoken authtoken privatekey clientsecret apitoken apisecret authkey sessionkey mnemonic "
    "authtok bearer seckey xapikey connectionstring accountkey sharedaccesskey schlüssel".split()
)
_COOKIES = frozenset({"cookie", "cookies"})
_WEAK = frozenset("auth dsn seed hmac license pat sid".split())
#: Words before "key" that make it a credential.
_KEYS_OF = frozenset(
    "api access secret private priv auth master encryption encrypt signing sign service account storage subscription "
    "session app application license licence client shared deploy admin bot webhook consumer jwt hmac "
    "crypt cipher ssh "
    "gpg pgp tls ssl role server project user openai anthropic gemini google mistral groq stripe aws "
    "azure dd datadog "
    "integration developer dev write read personal token id live prod test encryptionkey security "
    "authorization".split()
)
#: Words before "key" that make it something else.
_OTHER_KEYS = frozenset(
    "public pub primary foreign partition sort hash cache idempotency dedupe prompt routing object lookup dict host "
    "publishable anon hot short arrow group order sorting react map data config json row index unique composite "
    "translation i18n message storagekey query search filter meta field column property node item list tab menu "
    "socket "
    "binding shortcut modifier enter escape delete home end up down left right shift ctrl alt cmd any press registry "
    "reg event log metric label tag s3 bucket trace span correlation rate limit".split()
)
#: Tokens that count, mark or name places in a list, by any word before it.
_OTHER_TOKENS = frozenset(
    "max min num n total input output prompt completion cached cache reasoning thinking budget page continuation "
    "continue sync eos bos pad unk sep cls mask stop special added csrf xsrf cancellation cancel next previous prev "
    "cursor resume delta marker start end image audio video first last per fallbackcredit credit pagination text "
    "idempotency lock change creation lifecycle registration work unit client scroll lex lexer parser "
    "syntax css design color current_token placeholder fence open close begin peek".split()
)
_SURE_TOKENS = frozenset("access refresh auth id bearer api session security oauth personal".split())
#: Identifiers that open something.
_PAIRS = frozenset({("sonar", "login"), ("clé", "api"), ("d", "api"), ("rediscli", "auth")})
_IDS = frozenset({("secret", "id")})
_TOTP = frozenset({"otp", "totp", "hotp"})
_NAME_ONLY = re.compile(r"[:/\\(){}<>\s]")
_LONGEST_NAME = 64


def _words(name: str) -> list[str]:
    words = [word.lower() for word in _WORDS.findall(name)]
    while len(words) > 1 and words[-1] in TRAILING:
        words.pop()
    return words


@lru_cache(8192)
def strength(name: str) -> Strength:
    """Return how strongly a name indicates a secret value.

    :param name: of a variable, member, flag, attribute or header field, as spelled.
    """
    if not name or len(name) > _LONGEST_NAME or _NAME_ONLY.search(name) is not None:
        return Strength.NONE
    words = _words(name)
    return _by_words(words) if words else Strength.NONE


def _by_words(words: list[str]) -> Strength:
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _HUMAN or (last == "pass" and before) or last.endswith(_HUMAN_ENDS):
        return Strength.HUMAN
    if last == "pass":
        return Strength.CHOSEN
    if (
        last in _STRONG
        or last.endswith(_STRONG_ENDS)
        or (before, last) in _PAIRS
        or (last == "base" and before == "key")
        or last in _TOTP
    ):
        return Strength.STRONG
    if last == "keys":
        return Strength.STRONG if before in ("api", "secret", "access", "private") else Strength.NONE
    if last == "key":
        return _of_key(before)
    if last in ("token", "tokens"):
        return _of_token(words[:-1], last)
    if last in _WEAK or last in _COOKIES:
        return Strength.WEAK
    return _of_pair(words)


def _of_key(before: str) -> Strength:
    if before in _KEYS_OF:
        return Strength.STRONG
    return Strength.NONE if before in _OTHER_KEYS else Strength.WEAK


def _of_token(before: list[str], last: str) -> Strength:
    if last == "tokens" and not _SURE_TOKENS.intersection(before):
        return Strength.NONE
    if not before:
        return Strength.WEAK
    if _OTHER_TOKENS.intersection(before) and not (before[-1] in _SURE_TOKENS and before[0] != "next"):
        return Strength.NONE
    return Strength.STRONG


def _of_pair(words: list[str]) -> Strength:
    """Judge names that are decided by more than their last word."""
    ends = tuple(words[-3:])
    if ends[-2:] in (("connection", "string"), ("conn", "string"), ("conn", "str")):
        return Strength.STRONG
    if ends in (("access", "key", "id"), ("personal", "access", "token")) or ends[-2:] in _IDS:
        return Strength.WEAK
    return Strength.NONE


#: Header fields that are always secret.
_HEADERS = frozenset(
    "authorization proxy-authorization x-api-key api-key anthropic-api-key openai-api-key x-goog-api-key "
    "x-amz-security-token cookie set-cookie cookie2 set-cookie2 authentication-info cf-access-jwt-assertion".split()
)
_HEADER = re.compile(r"token|secret|api[-_]?key|access[-_]?key|passw|passphrase|credential|auth|jwt|cookie")
_HEADERS_ALLOWED = frozenset(
    "anthropic-beta x-request-id www-authenticate proxy-authenticate :authority x-forwarded-authority "
    "access-control-allow-credentials x-oauth-scopes x-accepted-oauth-scopes authentication-results".split()
)
#: The part of a name that counts a model's tokens, such as ``anthropic-ratelimit-input-tokens-remaining``.
_COUNTED = re.compile(r"tokens|token[-_](?:count|limit|usage|budget)")
_UNIT = r"(?:ns|us|µs|ms|s|m|h|d|k|%)"
_QUANTITY = re.compile(
    rf"\A\s*-?[\d.]+(?:{_UNIT}[\d.]+)*{_UNIT}?\s*\Z|\A\d{{4}}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)\Z"
)
_PARAMETERS = frozenset(
    "key apikey accesstoken token pass sig signature code auth xamzsignature xamzcredential xamzsecuritytoken "
    "xgoogsignature xgoogcredential awsaccesskeyid jwt assertion clientassertion samlresponse "
    "codeverifier devicecode "
    "subjecttoken".split()
)
#: Keys that are secret only in a request to an OAuth token endpoint, recognised by its ``grant_type``.
GRANT_KEYS = frozenset({"code", "code_verifier", "device_code", "assertion", "client_assertion"})
#: Keys of version 1, whose values become the bare placeholder in JSON too.
_FIRST_KEYS = frozenset({"authorization", "proxyauthorization", "xapikey", "apikey", "cookie", "setcookie"})


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "").replace(".", "")


@lru_cache(4096)
def secret_header(name: str) -> bool:
    """Whether every value of this header field is secret."""
    name = name.lower()
    if name in _HEADERS_ALLOWED:
        return False
    return name in _HEADERS or _HEADER.search(name) is not None


def secret_field(name: str, value: str) -> bool:
    """Whether a header line is secret: by its name, unless that counts tokens and the value is a quantity or time."""
    if not secret_header(name):
        return _is_key_field(name) and is_random(value.encode("utf-8", "surrogatepass"))
    rest = _COUNTED.sub("", name.lower())
    return rest == name.lower() or _HEADER.search(rest) is not None or _QUANTITY.match(value) is None


#: Fields that end in "key" and whose random value is no secret (RFC 6455, 11.3.1).
_KEYS_ALLOWED = frozenset({"sec-websocket-key", "surrogate-key", "x-surrogate-key"})


@lru_cache(4096)
def _is_key_field(name: str) -> bool:
    """Return whether a random value of this header field is a key: ``X-Functions-Key``, not ``Idempotency-Key``."""
    return name[-3:].lower() == "key" and name.lower() not in _KEYS_ALLOWED and strength(name) is not Strength.NONE


@lru_cache(4096)
def secret_parameter(name: str) -> bool:
    """Whether the value of this query parameter or form field is secret."""
    return _plain(name) in _PARAMETERS or strength(name) >= Strength.STRONG


@lru_cache(4096)
def is_first_key(name: str) -> bool:
    """Whether version 1 knew this key."""
    return _plain(name) in _FIRST_KEYS
