"""Builds the OpenAPI document from the routes."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from ccsproxy import __version__
from ccsproxy.api.guard import methods_of
from ccsproxy.api.openapi.schema_forms import ref
from ccsproxy.api.openapi.schemas import SCHEMAS
from ccsproxy.api.route import Endpoint

#: Error statuses that every endpoint may return.
_ANYWHERE = (400, 401, 403, 405, 421, 503)


def describe(routes: Sequence[Endpoint]) -> bytes:
    """Build the OpenAPI document for all endpoints."""
    paths = dict.fromkeys(route.path for route in routes)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "ccsproxy",
                "version": __version__,
                "description": "Records of the LLM API calls that coding agents made through ccsproxy.",
            },
            "paths": {path: _path([each for each in routes if each.path == path]) for path in paths},
            "components": {
                "schemas": dict(SCHEMAS),
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{}, {"token": []}],
        }
    )


def _path(routes: Sequence[Endpoint]) -> dict[str, Any]:
    """Describe the endpoints of one path."""
    parameters = [parameter.describe() for parameter in routes[0].parameters if parameter.place == "path"]
    allowed = methods_of(next((route.method for route in routes if route.method != "GET"), ""))
    described: dict[str, Any] = {route.method.lower(): _operation(route, allowed) for route in routes}
    return {**described, "parameters": parameters} if parameters else described


def _operation(route: Endpoint, allowed: Sequence[str]) -> dict[str, Any]:
    name = route.path.strip("/").replace("/", "-").translate({123: None, 125: None, 46: "-"})
    request_body = {"required": True, "content": {"application/json": _media(route.body_schema)}}
    return {
        "operationId": name if route.method == "GET" else f"{route.method.lower()}-{name}",
        "summary": route.summary,
        "parameters": [parameter.describe() for parameter in route.parameters if parameter.place == "query"],
        **({"requestBody": request_body} if route.body_schema else {}),
        "responses": {
            "200": {
                "description": route.summary,
                "content": {kind: _media(name) for kind, name in route.answers.items()},
            },
            **{str(status): _error(status, allowed) for status in sorted({*_ANYWHERE, *route.errors})},
        },
    }


def _media(name: str) -> Mapping[str, Any]:
    return {"schema": ref(name)} if name else {}


def _error(status: int, allowed: Sequence[str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {"application/json": {"schema": ref("Error")}},
    }
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        described["headers"] = {"Allow": {"schema": {"const": ", ".join(allowed)}}}
    return described
