"""Builds the response object from the lifecycle objects and items of a stream."""

from typing import Any

from ccsproxy.dialects.findings import Findings
from ccsproxy.dialects.openai.responses_item import OutputItem
from ccsproxy.dialects.tool_json import check_arguments


def final_response(
    skeleton: dict[str, Any] | None, terminal: dict[str, Any] | None, items: dict[int, OutputItem], findings: Findings
) -> dict[str, Any] | None:
    """Return the terminal object, or what arrived instead of it, with its output.

    The ChatGPT backend ends with ``"output": []`` although it streamed items; these are filled in.
    """
    if terminal is None:
        return _unfinished(skeleton, items, findings)
    output = terminal.get("output")
    if not items:
        return terminal
    if not output:
        findings.fault("output_backfilled")
        terminal["output"] = _ordered(items, findings)
    # Items that were streamed completely but are missing in the final result are kept next to it, because it is
    # unknown which of the two is wrong.
    elif isinstance(output, list) and len(output) < sum(item.done for item in items.values()):
        findings.fault("output_mismatch")
        terminal["_streamed_output"] = _ordered(items, findings)
    return terminal


def _unfinished(
    skeleton: dict[str, Any] | None, items: dict[int, OutputItem], findings: Findings
) -> dict[str, Any] | None:
    if skeleton is None and not items:
        return None
    response: dict[str, Any] = {"object": "response"} if skeleton is None else skeleton
    if items or "output" not in response:
        response["output"] = _ordered(items, findings)
    return response


def _ordered(items: dict[int, OutputItem], findings: Findings) -> list[Any]:
    order = sorted(items)
    # Items that are missing in the middle were lost on the way: the order of the others stays.
    if order != list(range(len(order))):
        findings.fault("index_gap")
    return [items[index].settle() for index in order]


def failed_response(body: dict[str, Any] | None, error: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a response that arrived before an ``error`` event ended it."""
    response: dict[str, Any] = {"object": "response"} if body is None else body
    response["status"] = "failed"
    response["error"] = error
    return response


def check_calls(output: Any, findings: Findings, *, whole: bool) -> None:
    """Note calls whose arguments, which stay text in this dialect, are not JSON.

    :param whole: the response ended by itself, so such arguments are damage unless their item is incomplete.
    """
    for item in output if isinstance(output, list) else []:
        if isinstance(item, dict) and item.get("type") in ("function_call", "mcp_call"):
            finished = whole and item.get("status") not in ("incomplete", "in_progress")
            check_arguments(item.get("arguments"), findings, whole=finished)


def stop_reason(response: dict[str, Any]) -> str | None:
    """Return why a response stopped: the reason of an incomplete one, else its status when that is final."""
    details, status = response.get("incomplete_details"), response.get("status")
    reason = details.get("reason") if isinstance(details, dict) else None
    if isinstance(reason, str):
        return reason
    return status if status in ("completed", "incomplete", "failed", "cancelled") else None
