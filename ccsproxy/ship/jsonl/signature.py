"""The signature of a batch: HMAC-SHA256 over time and body, so that a receiver knows who sent it, and when."""

import hashlib
import hmac

#: The header of the signature: ``t=<seconds since the epoch>,v1=<hexadecimal digest>``.
HEADER = "X-Ccsproxy-Signature"


def sign(secret: str, seconds: int, body: bytes) -> str:
    """Sign a body as it goes over the wire, compressed.

    :param secret: what sender and receiver know.
    :param seconds: now, since the epoch; a receiver refuses what is too old.
    :return: the value of the header.
    """
    digest = hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={digest}"


def verifies(secret: str, header: str, body: bytes, now: float, tolerance: float = 300.0) -> bool:
    """Tell whether a signature is right and not too old, as a receiver has to.

    :param tolerance: seconds by which the clocks may differ, the way included.
    """
    members = dict(each.partition("=")[::2] for each in header.split(","))
    time = members.get("t", "")
    if not time.isascii() or not time.isdigit() or abs(now - int(time)) > tolerance:
        return False
    return hmac.compare_digest(sign(secret, int(time), body), header)
