"""The calls of a batch's life: making it, asking for its state, fetching its results.

Anthropic: ``POST messages/batches``, ``GET messages/batches/ID/results``. OpenAI and those who copy it: ``POST
batches``; the state names a file, ``GET files/ID/content``. Mistral: the same with ``batch/jobs``. Gemini: ``POST
models/NAME:batchGenerateContent``; the state, ``GET batches/ID``, contains the results or names a file, ``GET
download/v1beta/files/ID:download``.
"""

from typing import Any

from ccsproxy.dialects.json_body import member, text_member
from ccsproxy.dialects.route import Path

_GEMINI_VERBS = frozenset({"batchGenerateContent", "asyncBatchEmbedContent"})
_DOWNLOAD = ":download"
#: What jobs call the file of their results: OpenAI's name, and Mistral's.
_FILES = ("output_file_id", "output_file")


def batch_made(path: Path, body: Any) -> str | None:
    """Return the id of the batch that a call has made, None if it made none.

    :param body: of the answer.
    """
    if path.method != "POST":
        return None
    if path.last.rpartition(":")[2] in _GEMINI_VERBS:
        return text_member(body, "name")
    if path.last == "batches" or path.ends("batch", "jobs"):
        return text_member(body, "id") if _is_job(body) else None
    return None


def results_file(body: Any) -> tuple[str, str] | None:
    """Return the ids of a batch and of the file of its results, None where a body does not tell both."""
    if _is_job(body):
        name, file = text_member(body, "id"), next((f for key in _FILES if (f := text_member(body, key))), None)
    else:
        name, file = text_member(body, "name"), text_member(member(body, "response"), "responsesFile")
    return (name, file) if name and file else None


def fetched_results(path: Path, body: Any) -> str | None:
    """Return the id by which the results that a call fetches are known: of a batch or of a file; None if it fetches
    none.

    :param body: of the answer, if it is JSON.
    """
    if path.method != "GET" or len(path.segments) < 2:
        return None
    before = path.segments[-2]
    if (path.last == "results" and "batches" in path.segments) or path.ends("files", before, "content"):
        return before
    if before == "files" and path.last.endswith(_DOWNLOAD):
        return f"files/{path.last.removesuffix(_DOWNLOAD)}"
    return text_member(body, "name") if before == "batches" and inline_results(body) is not None else None


def inline_results(body: Any) -> list[Any] | None:
    """Return the results that the state of a Gemini batch contains, None if it contains none."""
    results = member(member(body, "response"), "inlinedResponses")
    results = member(results, "inlinedResponses") if isinstance(results, dict) else results
    return results if isinstance(results, list) else None


def _is_job(body: Any) -> bool:
    return text_member(body, "object") == "batch" or text_member(body, "type") == "message_batch"
