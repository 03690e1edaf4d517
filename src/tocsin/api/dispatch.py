"""The way of every request: credentials, permission, decoding, one transaction, encoding."""

import hashlib
from typing import Any

import msgspec

from tocsin.api.auth import authenticate, authorise, header, scope_of
from tocsin.api.operations import Answer, Call, Desk, Operation, Run
from tocsin.errors import InvalidRequest
from tocsin.identity.records import Caller
from tocsin.identity.signing import SignedRequest
from tocsin.objects.documents import invalid, refuse_hostile
from tocsin.requests.service import HEADER, StoredAnswer, answer_once, checked_key
from tocsin.storage.database import Transaction, finished
from tocsin.workspaces.records import Scope

_ENCODER = msgspec.json.Encoder()
_IDEMPOTENT_METHODS = ("POST", "PUT", "DELETE")


class Dispatcher:
    """Runs one operation of the table."""

    def __init__(self, desk: Desk, operation: Operation) -> None:
        self.desk = desk
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
    ) -> tuple[Answer, str | None]:
        """The answer, its body encoded, and the caller's name. Raises a ServiceError for everything that is refused."""
        now_ms = self.desk.now_ms()
        caller = await self._admitted(request, path, now_ms)
        scope = None
        if caller is not None:
            scope = scope_of(
                self._operation,
                caller,
                path,
                request_id=request_id,
                now_ms=now_ms,
                offset_min=self.desk.offset_min,
            )
        call = Call(
            desk=self.desk,
            scope=scope,
            path=path,
            query=self._decoded_query(query),
            body=self._decoded_body(request.body),
            request=request,
            request_id=request_id,
            peer=peer,
            now_ms=now_ms,
        )
        return await self._run(call), caller.user_name if caller else None

    async def _admitted(self, request: SignedRequest, path: dict[str, str], now_ms: int) -> Caller | None:
        operation = self._operation
        if operation.permission is None:
            return None

        def admit(tx: Transaction) -> Caller:
            caller = authenticate(tx, self.desk, request, now_ms)
            authorise(tx, operation, caller, request, path)
            return caller

        return await finished(self.desk.database.read(admit, brief=True))

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
        if operation.run is Run.OWN:
            return _encoded(await operation.handler(call))
        key = header(call.request, HEADER.lower().encode())
        if key is not None and operation.in_workspace and operation.method in _IDEMPOTENT_METHODS:
            return await self._run_once(call, checked_key(key))
        run = self.desk.database.write if operation.run is Run.WRITE else self.desk.database.read
        return _encoded(await finished(run(lambda tx: operation.handler(tx, call))))

    async def _run_once(self, call: Call[Any], key: str) -> Answer:
        """The handler and the storing of its answer, in one transaction."""
        scope: Scope = call.acting
        body_hash = hashlib.sha256(
            b"\0".join((call.request.raw_path, call.request.raw_query, call.request.body))
        ).hexdigest()

        def work(tx: Transaction) -> StoredAnswer:
            def fresh() -> StoredAnswer:
                answer = _encoded(self._operation.handler(tx, call))
                return StoredAnswer(answer.status, answer.body or b"")

            lifetime_ms = self.desk.settings.idempotency_lifetime_s * 1000
            return answer_once(tx, scope, key=key, body_hash=body_hash, lifetime_ms=lifetime_ms, answer=fresh)

        stored = await finished(self.desk.database.write(work))
        return Answer(status=stored.status, body=stored.body)


def _encoded(result: Any) -> Answer:
    """The answer with its body as bytes: a handler gives an Answer, or just what its body is made of."""
    answer = result if isinstance(result, Answer) else Answer(body=result)
    if answer.body is None or isinstance(answer.body, bytes):
        return answer
    return msgspec.structs.replace(answer, body=_ENCODER.encode(answer.body))
