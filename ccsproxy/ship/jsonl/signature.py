"""The signature of a batch: HMAC-SHA256 over time and body, by which a receiver verifies sender and age."""

import hashlib
import hmac

#: The header of the signature: ``t=<seconds since the epoch>,v1=<hexadecimal digest>``.
HEADER = "X-Ccsproxy-Signature"


def sign(secret: str, seconds: int, body: bytes) -> str:
    """Sign a body as sent, that is, compressed.

    :param secret: shared by sender and receiver.
    :param seconds: now, since the epoch; a receiver rejects old signatures.
    :return: the value of the header.
    """
    digest = hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def verifies(secret: str, header: str, body: bytes, now: float, tolerance: float = 300.0) -> bool:
    """Verify a signature and its age, as a receiver must.

    :param tolerance: maximum difference of the clocks in seconds, including transit time.
    """
    members = dict(each.partition("=")[::2] for each in header.split(","))
    time = members.get("t", "")
    if not time.isascii() or not time.isdigit() or abs(now - int(time)) > tolerance:
        return False
    return hmac.compare_digest(sign(secret, int(time), body), header)
