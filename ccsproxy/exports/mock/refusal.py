"""The response to a request that matches no record: 404, in its provider's error format."""

from typing import Any

from ccsproxy.dialects.detect import detect
from ccsproxy.dialects.facts import Facts
from ccsproxy.wire.jsontext import dumps

STATUS = 404


def no_record(method: str, target: str, body: Any, message: str) -> bytes:
    """Return the body of the response.

    :param body: the request's JSON, None if it has none.
    :param message: the reason, in a sentence.
    """
    dialect = detect(Facts(method=method.encode(), target=target.encode(), request_body=body)).name
    return dumps(_shaped(dialect, message))


def _shaped(dialect: str, message: str) -> dict[str, Any]:
    if dialect in ("anthropic", "bedrock"):
        return {"type": "error", "error": {"type": "not_found_error", "message": message}}
    if dialect == "gemini":
        return {"error": {"code": STATUS, "message": message, "status": "NOT_FOUND"}}
    if dialect == "ollama":
        return {"error": message}
    if dialect == "cohere":
        return {"message": message}
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": "not_found"}}
