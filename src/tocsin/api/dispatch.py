"""The way of every request: credentials, permission, decoding, one transaction, encoding."""

import asyncio
import hashlib
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from tocsin.api.auth import authenticate, authorise, header, scope_of
from tocsin.api.forms import FormReader
from tocsin.api.operations import Answer, Call, Operation, Run, Services
from tocsin.errors import InvalidRequest, ServiceError
from tocsin.identity.records import Caller
from tocsin.identity.signing import PAYLOAD_HEADER, UNSIGNED_PAYLOAD, SignedRequest, is_signature
from tocsin.json_text import invalid, refuse_hostile
from tocsin.requests.service import HEADER, Once, StoredAnswer, answer_once, checked_key, find_answer
from tocsin.storage.database import Transaction, Work, finished
from tocsin.workspaces.records import Scope

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder()
# A body over this is looked through on another thread, so that other requests go on meanwhile.
_LARGE_BODY_BYTES = 64 * 1024


class Dispatcher:
    """Runs one operation of the table."""

    def __init__(self, services: Services, operation: Operation) -> None:
        self.services = services
        self._operation = operation
        self._decoder = msgspec.json.Decoder(operation.body) if operation.body is not None else None

    async def answer(
        self,
        request: SignedRequest,
        *,
        path: dict[str, str],
        query: dict[str, str],
        request_id: str,
        peer: str,
        known: Callable[[Caller], None],
        form: FormReader | None = None,
    ) -> Answer:
        """The answer, its body encoded; `known` hears of the caller as soon as credentials held, for the log.

        Raises a ServiceError for everything that is refused.
        """
        now_ms = self.services.now_ms()
        caller = await self._admitted(request, path, now_ms, known)
        scope = None
        if caller is not None:
            scope = scope_of(
                self._operation,
                caller,
                path,
                request_id=request_id,
                now_ms=now_ms,
                offset_min=self.services.offset_min,
            )
        call = Call(
            services=self.services,
            scope=scope,
            path=path,
            query=self._decoded_query(query),
            body=await self._body(request.body),
            form=form.form() if form else None,
            request=request,
            request_id=request_id,
            peer=peer,
            now_ms=now_ms,
        )
        answer = await self._run(call)
        if answer.status is None:
            answer = msgspec.structs.replace(answer, status=self._operation.success_status)
        return answer

    @property
    def body_limit_bytes(self) -> int:
        settings = self.services.settings
        limit = settings.upload_limit_bytes if self._operation.form else settings.body_limit_bytes
        return min(limit, self._operation.body_limit_bytes or sys.maxsize)

    async def admit_before_body(
        self, request: SignedRequest, path: dict[str, str], known: Callable[[Caller], None]
    ) -> None:
        """Refuse whom the head of a request shows to have no business here. A signature over the body has to wait."""
        signed = header(request, b"authorization")
        if signed and is_signature(signed) and header(request, PAYLOAD_HEADER.encode()) != UNSIGNED_PAYLOAD:
            return
        # Whoever says that the payload is not signed has one; an empty one would be signed otherwise.
        await self._admitted(msgspec.structs.replace(request, body=b"-"), path, self.services.now_ms(), known)

    async def _admitted(
        self, request: SignedRequest, path: dict[str, str], now_ms: int, known: Callable[[Caller], None]
    ) -> Caller | None:
        operation = self._operation
        if operation.permission is None:
            return None

        def admit(tx: Transaction) -> tuple[Caller, ServiceError | None]:
            caller = authenticate(tx, self.services, request, now_ms)
            try:
                authorise(tx, operation, caller, request, path)
            except ServiceError as error:
                return caller, error
            return caller, None

        caller, refusal = await finished(self.services.database.read(admit, brief=True))
        known(caller)
        if refusal is not None:
            raise refusal
        return caller

    async def _body(self, body: bytes) -> Any:
        if len(body) <= _LARGE_BODY_BYTES:
            return self._decoded_body(body)
        return await asyncio.get_running_loop().run_in_executor(None, self._decoded_body, body)

    def _decoded_body(self, body: bytes) -> Any:
        if self._decoder is None:
            return None
        if not body.strip():
            if self._operation.body_required:
                raise InvalidRequest("a JSON object is needed", field="the body")
            body = b"{}"
        refuse_hostile(body, None)
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise invalid(error) from error

    def _decoded_query(self, query: dict[str, str]) -> Any:
        if self._operation.query is None:
            return None
        for name, value in query.items():
            if "\0" in value:
                raise InvalidRequest("must not contain NUL", field=name)
        try:
            return msgspec.convert({k: v for k, v in query.items() if v}, self._operation.query, strict=False)
        except msgspec.ValidationError as error:
            raise invalid(error) from error

    async def _run(self, call: Call[Any]) -> Answer:
        operation = self._operation
        if operation.prepare is not None:
            async with operation.prepare(call) as prepared:
                return await self._handled(msgspec.structs.replace(call, prepared=prepared))
        return await self._handled(call)

    async def _handled(self, call: Call[Any]) -> Answer:
        operation = self._operation
        if operation.run is Run.OWN:
            return _encoded(await operation.handler(call))
        key = header(call.request, HEADER.lower().encode())
        if key is not None and operation.takes_idempotency_key:
            return await self._run_once(call, checked_key(key))
        if operation.run is Run.READ:
            return _encoded(await self._read(call, lambda tx: operation.handler(tx, call)))
        return _encoded(await finished(self.services.database.write(lambda tx: operation.handler(tx, call))))

    async def _read(self, call: Call[Any], work: Work[T]) -> T:
        async with self.services.reading.of(call.scope.caller.user_id if call.scope else call.peer):
            return await finished(self.services.database.read(work))

    async def _run_once(self, call: Call[Any], key: str) -> Answer:
        """The handler and the storing of its answer, in one transaction; a read stays on the readers meanwhile."""
        scope: Scope = call.acting
        body = call.form.digest() if call.form else call.request.body
        digest = hashlib.sha256(b"\0".join((call.request.raw_path, call.request.raw_query, body)))
        once = Once(scope=scope, key=key, body_hash=digest.hexdigest())
        lifetime_ms = self.services.settings.idempotency_lifetime_s * 1000

        def fresh(tx: Transaction) -> StoredAnswer:
            answer = _encoded(self._operation.handler(tx, call))
            return StoredAnswer(answer.status or self._operation.success_status, answer.body or b"")

        if self._operation.run is Run.READ:
            stored = await finished(self.services.database.read(lambda tx: find_answer(tx, once, lifetime_ms)))
            if stored is None:
                made = await self._read(call, fresh)
                stored = await finished(
                    self.services.database.write(lambda tx: answer_once(tx, once, lifetime_ms, lambda: made))
                )
        else:
            stored = await finished(
                self.services.database.write(lambda tx: answer_once(tx, once, lifetime_ms, lambda: fresh(tx)))
            )
        return Answer(status=stored.status, body=stored.body)


def _encoded(result: Any) -> Answer:
    """The answer with its body as bytes: a handler gives an Answer, or just what its body is made of."""
    answer = result if isinstance(result, Answer) else Answer(body=result)
    if answer.body is None or isinstance(answer.body, bytes):
        return answer
    return msgspec.structs.replace(answer, body=_ENCODER.encode(answer.body))
