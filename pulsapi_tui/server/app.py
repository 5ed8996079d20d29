"""The routes of openapi.yaml as a Starlette application.

After the path and its method, every request is checked in one order: the key (401), the plan (402),
the role (403), then the rest.
The key is looked up in the same transaction as the effect, and the body is read before it begins: a
key that is revoked while its request is on the way has no effect any more.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from pulsapi_tui.server.auth import digest_from_header, mint_key
from pulsapi_tui.server.creates import create_key
from pulsapi_tui.server.requests import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    matches_etag,
    read_create_request,
    read_header,
    read_name,
    read_number,
    read_position,
    read_query,
    require_json,
    write_cursor,
)
from pulsapi_tui.server.rows import Caller
from pulsapi_tui.server.store import Store, StoreUnavailableError, Transaction
from pulsapi_tui.server.wire import Account, CreatedKey, KeyPage, ServicePage, SlaReport, timestamp

from . import problem, services

CAPABILITIES = ("idempotent-create",)
PAID_PLANS = ("pro", "enterprise")
KEY_MANAGERS = ("owner", "admin")

Handler = Callable[[Request], Awaitable[Response]]


def build_app(store: Store, report: Callable[[str], None] | None = None) -> Starlette:
    """The application on this store. `report` is told of faults, by their type and place only."""

    async def on_fault(_request: Request, error: Exception) -> Response:
        if report is not None:
            report(_describe(error))
        return problem.internal_error().response()

    api = Api(store)
    app = Starlette(
        routes=[
            Route("/v1/account", Methods(GET=api.get_account)),
            Route("/v1/api-keys", Methods(GET=api.list_keys, POST=api.create_key)),
            Route("/v1/api-keys/{id}", Methods(DELETE=api.revoke_key)),
            Route("/v1/services", Methods(GET=api.list_services)),
            Route("/v1/sla", Methods(GET=api.list_sla)),
        ],
        exception_handlers={
            problem.ProblemError: _answer_problem,
            StoreUnavailableError: _answer_unavailable,
            HTTPException: _answer_http_exception,
            Exception: on_fault,
        },
    )
    # A path with a slash too many is unknown, not a redirect that carries a key along.
    app.router.redirect_slashes = False
    return app


class Methods:
    """A path's handlers by method; another method gets 405 with Allow, HEAD included."""

    def __init__(self, **handlers: Handler) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI application."""
        handler = self._handlers.get(scope["method"])
        if handler is None:
            raise problem.ProblemError(
                405,
                "method_not_allowed",
                "This path does not know this method.",
                headers={"Allow": ", ".join(self._handlers)},
            )
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)


class Api:
    """The operations of openapi.yaml, on a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get_account(self, request: Request) -> Response:
        """The account that the key acts as."""
        caller = self._caller(request)
        read_query(request)
        account = caller.account
        return _answer(
            Account(
                id=account.id,
                email=account.email,
                display_name=account.display_name,
                timezone=account.timezone,
                plan=account.plan,
                role=account.role,
                authenticated_key_id=caller.key_id,
                capabilities=CAPABILITIES,
            )
        )

    async def list_keys(self, request: Request) -> Response:
        """A page of the account's keys, newest first, or 304 where the caller has it already."""
        with self._acting(request, self._store.reading) as (transaction, caller):
            query = read_query(request, "limit", "cursor")
            limit = read_number(query.get("limit", str(DEFAULT_LIMIT)), "limit", MAX_LIMIT)
            after = read_position(query["cursor"]) if "cursor" in query else None
            if_none_match = read_header(request, "If-None-Match")
            keys, position = transaction.page(caller.account.id, limit, after)
            total = transaction.count(caller.account.id)
        next_cursor = write_cursor(position) if position else None
        body = msgspec.json.encode(KeyPage(keys, next_cursor, total))
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if matches_etag(if_none_match, etag):
            return Response(None, 304, headers)
        return Response(body, 200, headers, "application/json")

    async def create_key(self, request: Request) -> Response:
        """Create a key and show its secret, this once."""
        require_json(request)
        body = await request.body()
        minted = mint_key()
        with self._acting(request, self._store.writing) as (transaction, caller):
            read_query(request)
            name = read_name(body)
            create_request = read_create_request(request)
            now_ms = self._store.now_ms()
            key = create_key(transaction, caller.account.id, name, minted, now_ms, create_request)
        created = CreatedKey(
            id=key.id,
            name=key.name,
            hint=minted.hint,
            created_at=timestamp(key.created_at),
            key=minted.secret,
        )
        return _answer(created, 201, {"Cache-Control": "no-store"})

    async def revoke_key(self, request: Request) -> Response:
        """Revoke a key; it answers 401 from the moment that this answer is sent."""
        with self._acting(request, self._store.writing) as (transaction, caller):
            read_query(request)
            key_id = request.path_params["id"]
            if not transaction.revoke(caller.account.id, key_id, self._store.now_ms()):
                raise problem.not_found()
        return Response(None, 204)

    async def list_services(self, request: Request) -> Response:
        """The services that the account watches."""
        self._caller(request)
        read_query(request)
        return _answer(ServicePage(services.list_services(timestamp(self._store.now_ms()))))

    async def list_sla(self, request: Request) -> Response:
        """Uptime against its target over a window."""
        _check_plan(self._caller(request))
        wanted = read_query(request, "window").get("window", "30d")
        window = next((known for known in services.WINDOW_DAYS if known == wanted), None)
        if window is None:
            raise problem.invalid_request("window must be 7d, 30d or 90d.")
        return _answer(SlaReport(window, services.sla_rows(window)))

    def _caller(self, request: Request) -> Caller:
        """The authenticated caller of a request that reads nothing else; notes the use of the key.

        A look-up is a single statement, which SQLite makes a transaction by itself.
        """
        caller = self._store.authenticate(_digest(request))
        if caller is None:
            raise problem.unauthorized()
        self._store.note_use(caller)
        return caller

    @contextmanager
    def _acting(
        self, request: Request, begin: Callable[[], Any]
    ) -> Iterator[tuple[Transaction, Caller]]:
        """A transaction with its authenticated caller, who manages keys; notes the use of the key.

        The use is noted also where the request is refused afterwards: it was made with the key.
        """
        digest = _digest(request)
        caller: Caller | None = None
        try:
            with begin() as transaction:
                caller = transaction.authenticate(digest)
                if caller is None:
                    raise problem.unauthorized()
                _check_plan(caller)
                if caller.account.role not in KEY_MANAGERS:
                    raise problem.forbidden_role()
                yield transaction, caller
        finally:
            if caller is not None:
                self._store.note_use(caller)


def _digest(request: Request) -> bytes:
    values = [value for name, value in request.scope["headers"] if name == b"authorization"]
    digest = digest_from_header([value.decode("latin-1") for value in values])
    if digest is None:
        raise problem.unauthorized()
    return digest


def _check_plan(caller: Caller) -> None:
    if caller.account.plan not in PAID_PLANS:
        raise problem.plan_required()


def _answer(
    value: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")


async def _answer_problem(_request: Request, error: Exception) -> Response:
    if not isinstance(error, problem.ProblemError):
        raise error
    return error.response()


async def _answer_unavailable(_request: Request, _error: Exception) -> Response:
    return problem.unavailable().response()


async def _answer_http_exception(_request: Request, _error: Exception) -> Response:
    # Starlette raises one only for a path that it does not know.
    return problem.not_found().response()


def _describe(error: Exception) -> str:
    """The fault's type and place; not its message, which may hold what a client sent."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "unknown"
    return f"internal error: {type(error).__name__} in {place}"
