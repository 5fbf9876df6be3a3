"""A door of the server: a path, who may use it, what it takes. Tables of them become routes and OpenAPI."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import rag
from rag.serve.access import Principal, Role
from rag.serve.replies import Refusal

B = TypeVar("B", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]


class Body(BaseModel):
    """What a request carries as JSON; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class Door:
    """`role` is the least that may use it, None: anybody, known or not. `path` is as starlette has it.

    `visit` is what a browser gets that opens the path: anybody's, so it tells nothing of an index.
    """

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    body: type[BaseModel] | None = None
    role: Role | None = "reader"
    visit: Endpoint | None = None

    def route(self) -> Route:
        """The door in an application."""

        async def enter(request: Request) -> Response:
            if self.visit and "text/html" in request.headers.get("accept", ""):
                return await self.visit(request)
            admit(request, self.role)
            return await self.endpoint(request)

        return Route(self.path, enter, methods=[self.method])


def admit(request: Request, role: Role | None) -> None:
    """Raises Refusal for who may not use a door."""
    principal: Principal | None = getattr(request.state, "principal", None)
    if role and principal is None:
        raise Refusal(401, "Say who you are.", "Send the header Authorization: Bearer TOKEN.")
    if role and principal and not principal.may(role):
        hint = f"`rag token make NAME --role {role}` makes a token that may."
        raise Refusal(403, f"This needs the role {role}; {principal.name} is {principal.role}.", hint)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A door that is an ASGI application, for readers."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        admit(Request(scope), "reader")
        await self.app(scope, receive, send)


async def read_body(request: Request, model: type[B]) -> B:
    """The body of a request. Raises Refusal naming everything that is wrong with it."""
    text = await request.body()
    try:
        return model.model_validate_json(text or b"{}")
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors()[:10]]
        raise Refusal(400, "; ".join(problems), "GET /openapi.json says what a request may have.") from error


def describe(doors: Sequence[Door], *, url: str, tokens: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a table of doors; `tokens` says whether the server asks for any."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for door in doors:
        names = [part.strip("{}").partition(":")[0] for part in door.path.split("/") if part.startswith("{")]
        entry: dict[str, Any] = {
            "summary": door.summary,
            "parameters": [
                {"name": name.partition("}")[0], "in": "path", "required": True, "schema": {"type": "string"}}
                for name in names
            ],
            "responses": {"200": {"description": "Done."}, "default": {"$ref": "#/components/responses/error"}},
            "security": [{"token": [door.role]}] if tokens and door.role else [],
        }
        if door.body:
            name = door.body.__name__
            schema = door.body.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {})
            schemas[name] = schema
            content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
            entry["requestBody"] = {"required": True, "content": content}
        paths.setdefault(door.path.replace(":path", "").replace(":int", ""), {})[door.method.lower()] = entry
    text = {"type": "string"}
    error = {
        "type": "object",
        "properties": {"error": {"type": "object", "properties": {"code": text, "message": text, "hint": text}}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "raghop", "version": rag.__version__},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": error},
            "responses": {
                "error": {
                    "description": "What went wrong.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                }
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
