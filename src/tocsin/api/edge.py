"""The ASGI edge: one request in, one answer out, whatever happens between.

Every answer that the application gives carries the request id, and every error the body of its family.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from tocsin.api import errors
from tocsin.api.dispatch import Dispatcher
from tocsin.api.forms import FormReader
from tocsin.api.operations import JSON, Answer, Operation, Services
from tocsin.api.table import ELSEWHERE
from tocsin.errors import ClientGone, ServiceError, TooLarge
from tocsin.identity.records import Caller
from tocsin.identity.signing import SignedRequest

LOG = structlog.get_logger()
BODY_PATIENCE_S = 60  # for a body to arrive whole
FORM_PATIENCE_S = 600  # the same, for a file over a slow line
READER_PATIENCE_S = 120  # for a client to take in a piece of an answer
MAX_QUERY_BYTES = 64 * 1024
MAX_LENGTH_DIGITS = 19
MAX_REASON = 200  # characters of a refusal's message in the log


class _SpelledName(bytes):
    """A header name that keeps its capitals: uvicorn lower-cases names, and Java's SDK looks for this spelling."""

    def lower(self) -> "_SpelledName":
        return self


REQUEST_ID_HEADER = _SpelledName(b"X-request-id")


class Exchange(msgspec.Struct):
    """A request on its way: endpoints put their answer here, and the edge alone sends it."""

    request_id: str
    operation: Operation | None = None
    user: str | None = None
    answer: Answer | None = None
    # Of a request that was refused: the code and the message of its answer.
    code: str | None = None
    reason: str | None = None

    def known(self, caller: Caller) -> None:
        self.user = caller.user_name


class Edge:
    """The application. `operations` is the table; a route that is not in it does not exist."""

    def __init__(self, services: Services, operations: Sequence[Operation]) -> None:
        self._services = services
        self._router = Router(
            [
                *(
                    Route(f"/v1/{{project_id}}/workspaces/{{workspace_id}}/soc/{word}{rest}", _UnknownPath())
                    for word in ELSEWHERE
                    for rest in ("", "/{rest:path}")
                ),
                *(
                    Route(one.path, _Endpoint(one, Dispatcher(services, one)), methods=[one.method], name=one.name)
                    for one in operations
                ),
            ],
            redirect_slashes=False,  # SDKs take a redirect for a success with an empty answer
            default=_UnknownPath(),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        exchange = Exchange(f"{uuid.uuid4()}-{self._services.now_ms()}-{self._services.hostname}")
        # Starlette raises, instead of answering itself, when the scope has an application.
        scope["app"] = self
        scope["tocsin"] = exchange
        try:
            answer = await self._answer(scope, receive, send, exchange)
        except asyncio.CancelledError:  # the server stops, and this client was too slow to be waited for
            LOG.warning("request_abandoned", request_id=exchange.request_id, path=scope["path"])
            return
        media = exchange.operation.media if exchange.operation and answer is exchange.answer else JSON
        head = _head(answer, exchange.request_id, media)
        if answer.stream is None:
            await _send(send, head, answer)
        else:
            await _send_stream(send, receive, head, answer.stream, exchange.request_id)
        LOG.info(
            "request_handled",
            request_id=exchange.request_id,
            method=scope["method"],
            path=scope["path"],
            operation=exchange.operation.name if exchange.operation else None,
            user=exchange.user,
            status=answer.status,
            duration_ms=round((time.perf_counter() - started) * 1000, 2),
            **({"code": exchange.code, "reason": exchange.reason} if exchange.code else {}),
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> Answer:
        try:
            await self._router(scope, receive, send)
        except HTTPException:  # no such path, or a known path with a method that it does not have
            return self._refusal(errors.UNKNOWN_PATH, "", exchange)
        except ServiceError as error:
            spelling = errors.spelling_of(error, exchange.operation)
            if spelling.status >= 500:
                LOG.warning("request_failed", request_id=exchange.request_id, reason=str(error))
            return self._refusal(spelling, str(error), exchange)
        except Exception:
            LOG.exception("request_broke", request_id=exchange.request_id)
            return self._refusal(errors.UNEXPECTED, "", exchange)
        return exchange.answer or Answer(status=200)

    def _refusal(self, spelling: errors.Spelling, message: str, exchange: Exchange) -> Answer:
        headers = {"Retry-After": str(errors.RETRY_AFTER_S)} if spelling.status == 503 else {}
        exchange.code, exchange.reason = errors.code_of(spelling, exchange.operation), message[:MAX_REASON]
        body = errors.error_body(spelling, message, exchange.operation, exchange.request_id)
        return Answer(body=body, status=spelling.status, headers=headers)


class _Endpoint:
    """Reads the request as it was sent and hands it to the operation's dispatcher."""

    def __init__(self, operation: Operation, dispatcher: Dispatcher) -> None:
        self._operation = operation
        self._dispatcher = dispatcher

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        exchange: Exchange = scope["tocsin"]
        exchange.operation = self._operation
        if len(scope["query_string"]) > MAX_QUERY_BYTES:
            raise TooLarge(f"Request entity too large: a query may have at most {MAX_QUERY_BYTES} bytes")
        if not self._operation.form:
            body = Body()
            await _read_body(scope, receive, self._dispatcher.body_limit_bytes, BODY_PATIENCE_S, body.feed)
            await self._hand_over(scope, exchange, body=body.content())
            return
        await self._admit_early(scope, receive, exchange)
        form = FormReader(_content_type(scope))
        try:
            await _read_body(scope, receive, self._dispatcher.body_limit_bytes, FORM_PATIENCE_S, form.feed)
            await self._hand_over(scope, exchange, body=b"", form=form)
        finally:
            form.close()

    async def _admit_early(self, scope: Scope, receive: Receive, exchange: Exchange) -> None:
        """Take no file in for somebody who may not send one. What they send is read and dropped: a client that is still
        sending hears no answer."""
        try:
            await self._dispatcher.admit_before_body(_request(scope, b"", None), _path(scope), exchange.known)
        except ServiceError:
            await _read_body(scope, receive, self._dispatcher.body_limit_bytes, BODY_PATIENCE_S, lambda _: None)
            raise

    async def _hand_over(
        self, scope: Scope, exchange: Exchange, *, body: bytes, form: FormReader | None = None
    ) -> None:
        exchange.answer = await self._dispatcher.answer(
            _request(scope, body, form),
            known=exchange.known,
            form=form,
            path=_path(scope),
            query=dict(parse_qsl(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True)),
            request_id=exchange.request_id,
            peer=(scope.get("client") or ("", 0))[0],
        )


class _UnknownPath:
    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        raise HTTPException(404)


def _request(scope: Scope, body: bytes, form: FormReader | None) -> SignedRequest:
    return SignedRequest(
        method=scope["method"],
        raw_path=scope.get("raw_path", b""),
        raw_query=scope["query_string"],
        headers=scope["headers"],
        body=body,
        body_sha256=form.body_sha256 if form else None,
    )


def _path(scope: Scope) -> dict[str, str]:
    """NUL occurs in no id; a database may refuse it."""
    return {key: value.replace("\0", "\ufffd") for key, value in scope["path_params"].items()}


class Body:
    """A body that is kept in memory."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)

    def content(self) -> bytes:
        return b"".join(self._chunks)


def _content_type(scope: Scope) -> str | None:
    """The last one that says something: Go's SDK sends an empty one before it."""
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"content-type" and value]
    return values[-1] if values else None


async def _read_body(
    scope: Scope, receive: Receive, limit: int, patience_s: int, feed: Callable[[bytes], None]
) -> None:
    """Hand the body on as it arrives. Raises TooLarge as soon as it is known to be over the limit."""
    too_large = TooLarge(f"Request entity too large: a body may have at most {limit} bytes")
    for name, value in scope["headers"]:
        if name == b"content-length" and (len(value) > MAX_LENGTH_DIGITS or int(value) > limit):
            raise too_large
    try:
        async with asyncio.timeout(patience_s):
            await _receive(receive, limit, too_large, feed)
    except TimeoutError as error:
        raise ClientGone(f"the request body did not arrive within {patience_s} seconds") from error


async def _receive(receive: Receive, limit: int, too_large: TooLarge, feed: Callable[[bytes], None]) -> None:
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large
        feed(chunk)
        if not message.get("more_body"):
            return


def _head(answer: Answer, request_id: str, media: str) -> dict[str, Any]:
    """`answer.body` is bytes by now, or None for an answer without a body."""
    raw: list[tuple[bytes, bytes]] = [(REQUEST_ID_HEADER, request_id.encode())]
    if answer.stream is None:
        raw.append((b"content-length", str(len(answer.body or b"")).encode()))
    if answer.body is not None or answer.stream is not None:
        raw.append((b"content-type", media.encode()))
    raw += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    return {"type": "http.response.start", "status": answer.status, "headers": raw}


async def _send(send: Send, head: dict[str, Any], answer: Answer) -> None:
    await send(head)
    await send({"type": "http.response.body", "body": answer.body or b""})


async def _send_stream(
    send: Send, receive: Receive, head: dict[str, Any], stream: AsyncIterator[bytes], request_id: str
) -> None:
    """Pieces as they come, until the client hangs up. A body that breaks off is left unfinished, which clients see."""
    hung_up = asyncio.ensure_future(_hung_up(receive))
    try:
        await send(head)
        async for piece in stream:
            if hung_up.done():
                LOG.warning("request_abandoned", request_id=request_id)
                return
            if piece:
                async with asyncio.timeout(READER_PATIENCE_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        LOG.warning("answer_broke_off", request_id=request_id, reason="the client takes in nothing")
    except ServiceError as error:
        LOG.warning("answer_broke_off", request_id=request_id, reason=str(error))
    except Exception:
        LOG.exception("answer_broke_off", request_id=request_id)
    finally:
        hung_up.cancel()
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
