"""Access keys. A secret is there once, when it is made; afterwards it is only stored encrypted."""

import msgspec

from tocsin.administration.lookup import get_key, get_user, record
from tocsin.administration.records import Act, LostKey, switched
from tocsin.audit.records import Change
from tocsin.errors import SetupError
from tocsin.identity import service as identity
from tocsin.identity.records import ListedKey
from tocsin.identity.secrets import KeyBox, new_access_key
from tocsin.storage.database import Transaction


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key and its secret, to be shown this once."""

    user_name: str
    access_key: str
    secret_key: str


def create_key(tx: Transaction, act: Act, key_box: KeyBox, *, user_name: str, domain_name: str | None = None) -> NewKey:
    """Raises NotFound for an unknown user, SetupError for a disabled one or another database's key file."""
    identity.require_key(tx, key_box)
    user = get_user(tx, user_name, domain_name)
    if not user.enabled:
        raise SetupError(f"{user.name} is disabled, and so would the key be: `tocsin user enable` first")
    return _made(tx, act, key_box, user_id=user.id, user_name=user.name)


def rotate_key(tx: Transaction, act: Act, key_box: KeyBox, *, access: str, keep_old: bool) -> NewKey:
    """A new key for the user of an old one, which is disabled unless it is to stay. Raises as `create_key` does."""
    identity.require_key(tx, key_box)
    old = get_key(tx, access)
    user = identity.find_user(tx, user_id=old.user_id)
    if user is None or not user.enabled:
        raise SetupError(f"{old.user_name} is disabled, and so would the key be: `tocsin user enable` first")
    made = _made(tx, act, key_box, user_id=old.user_id, user_name=old.user_name)
    if not keep_old and identity.enable_key(tx, access, enabled=False):
        record(tx, act, Change("access_keys", access, switched(enabled=False)))
    return made


def list_keys(tx: Transaction, user_name: str | None, domain_name: str | None = None) -> list[ListedKey]:
    """The keys of a user, or of all. Raises NotFound for an unknown user."""
    return identity.list_access_keys(tx, get_user(tx, user_name, domain_name).id if user_name is not None else None)


def enable_key(tx: Transaction, act: Act, *, access: str, enabled: bool) -> bool:
    """False when the key is so already. Raises NotFound for an unknown key, SetupError for one whose secret is lost."""
    key = get_key(tx, access)
    if enabled and not key.secret:
        raise SetupError(
            f"the secret of {access} was lost with an earlier key file: make a new key with "
            f"`tocsin key rotate {access}`"
        )
    if not identity.enable_key(tx, access, enabled=enabled):
        return False
    record(tx, act, Change("access_keys", access, switched(enabled=enabled)))
    return True


def require_lost(tx: Transaction, present: KeyBox | None, *, force: bool) -> None:
    """Raises SetupError while the present key file, if it is one, still reads a stored secret, unless forced."""
    if present is None or force:
        return
    sealed = identity.list_secrets(tx)
    readable = [one for one in sealed if present.reads(one.secret, access=one.access)]
    if readable or not sealed:
        state = f"it reads {len(readable)} of {len(sealed)} stored secret keys" if sealed else "no secret key is stored"
        raise SetupError(f"the present key file is in order ({state}): --force replaces it all the same")


def forget_secrets(tx: Transaction, act: Act, present: KeyBox | None, *, force: bool) -> list[LostKey]:
    """Disable every key, because a new key file reads none of their secrets, and return them. Raises SetupError."""
    require_lost(tx, present, force=force)
    lost = [
        LostKey(access_key=one.access, user_name=one.user_name, was_enabled=one.enabled)
        for one in identity.list_access_keys(tx)
        if one.readable
    ]
    identity.forget_secrets(tx)
    for one in lost:
        fields = {"secret": ("***", None), **({"enabled": (True, False)} if one.was_enabled else {})}
        record(tx, act, Change("access_keys", one.access_key, fields))
    return lost


def _made(tx: Transaction, act: Act, key_box: KeyBox, *, user_id: str, user_name: str) -> NewKey:
    access, secret = new_access_key()
    identity.create_access_key(tx, user_id, access, key_box.seal(secret, access=access), act.now_ms)
    record(tx, act, Change("access_keys", access, {"user": (None, user_name)}))
    return NewKey(user_name=user_name, access_key=access, secret_key=secret)
