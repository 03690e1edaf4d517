"""What can go wrong, by meaning. How an error is spelled on the wire stands in `api/errors.py`.

ServiceError
    InvalidRequest          the request itself is wrong; `field` names the part of it
        InvalidSort, InvalidOrder, InvalidCondition    the three that the vendor numbers apart
        QuotaExceeded       a limit of the operator's is reached
        NothingNamed        a relation call that names no objects
    Unauthenticated         nobody, or not who they say they are
        LoginFailed         a login with wrong credentials
        identity.signing.BadSignature    a signature that does not hold, and why
    Forbidden               somebody, but not allowed to do this
    NotFound
        ObjectNotFound, DataClassNotFound, WorkspaceNotFound, ConversionNotFound
    TooLarge                the body is over the limit
    ClientGone              the client hung up; nobody reads the answer
    Unavailable             the database is busy, full or gone; trying again later may help
        Busy                another process is writing; trying again soon will help
    NotYet                  a part of Tocsin that is planned and not built
    SetupError              the operator has to do something first; the message says what
"""


class ServiceError(Exception):
    """Base of all errors that a caller is meant to see; the message is written for them."""

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class InvalidRequest(ServiceError):
    """The request is wrong: say which field, and what would be right."""


class InvalidSort(InvalidRequest):
    """`sort_by` is not a field that can be sorted by."""


class InvalidOrder(InvalidRequest):
    """`order` is neither ASC nor DESC."""


class InvalidCondition(InvalidRequest):
    """A search condition has an unknown field or operator, or a value that does not fit."""


class QuotaExceeded(InvalidRequest):
    """The daily limit of new incidents is reached."""


class NothingNamed(InvalidRequest):
    """A call that relates objects names none."""


class Unauthenticated(ServiceError):
    """No credentials, or credentials that do not hold."""


class LoginFailed(Unauthenticated):
    """A login with wrong credentials: the answer does not say which part was wrong."""


class Forbidden(ServiceError):
    """The caller is known and lacks the permission."""


class NotFound(ServiceError):
    """What the request names does not exist for this caller."""


class ObjectNotFound(NotFound):
    """No such alert, incident or other data object in this workspace."""


class DataClassNotFound(NotFound):
    """No data class of this name or id."""


class WorkspaceNotFound(NotFound):
    """No such workspace in a project that the caller may use."""


class ConversionNotFound(NotFound):
    """No such conversion in this workspace."""


class TooLarge(ServiceError):
    """The request body is over the limit."""


class ClientGone(ServiceError):
    """The client hung up before its request was complete; nobody reads the answer."""


class Unavailable(ServiceError):
    """The database cannot do it now: busy, full, read-only or gone. Nothing was changed."""


class Busy(Unavailable):
    """Somebody else is writing for longer than a statement waits."""


class NotYet(ServiceError):
    """Planned, not built."""


class SetupError(ServiceError):
    """The operator has to do something first."""
