"""The models of the vendor's Python SDK, used as what they are: a declaration of every request and answer."""

import re
from collections.abc import Iterator
from typing import Any

JSON_TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "object": dict}


def made(module: Any, declared: str, value: Any) -> Any:
    """A model of the SDK from JSON; every key must be one that the model declares."""
    if inner := re.fullmatch(r"list\[(.*)\]", declared):
        return [made(module, inner[1], one) for one in value]
    if declared in JSON_TYPES or declared == "file" or value is None:
        return value
    model = getattr(module, declared)
    names = {key: name for name, key in model.attribute_map.items()}
    return model(**{names[key]: made(module, model.openapi_types[names[key]], one) for key, one in value.items()})


def judged(module: Any, response: Any, answer: Any) -> dict[str, Any]:
    """Which of the members that the models declare are held, are absent, are of another JSON type or another value."""
    facts: dict[str, set[str]] = {"held": set(), "absent": set(), "wrong": set()}
    for kind, what in walked(module, type(response), answer, response, "$"):
        facts[kind].add(what)
    return {kind: sorted(what) for kind, what in facts.items()}


def walked(module: Any, model: Any, content: Any, held: Any, path: str) -> Iterator[tuple[str, str]]:
    """Of one object, beside what the SDK made of it. A list that holds nothing is an absent `member[]`."""
    for attribute, declared in model.openapi_types.items():
        name, place = model.attribute_map[attribute], f"{model.__name__}.{attribute}"
        if name == "X-request-id":
            continue
        value = content if name == "body" else (content or {}).get(name)
        yield ("absent" if value is None else "held"), place
        if value is not None:
            yield from typed(module, declared, value, getattr(held, attribute), (place, f"{path}.{name}"))


def typed(module: Any, declared: str, value: Any, held: Any, at: tuple[str, str]) -> Iterator[tuple[str, str]]:
    place, path = at
    if inner := re.fullmatch(r"list\[(.*)\]", declared):
        if not isinstance(value, list):
            yield "wrong", f"{path} ({place}) is not {declared} but {value!r}"
            return
        yield ("held" if value else "absent"), f"{place}[]"
        # Of an answer that is an empty list the SDK makes None.
        for n, (one, mine) in enumerate(zip(value, held or [], strict=True)):
            yield from typed(module, inner[1], one, mine, (f"{place}[]", f"{path}[{n}]"))
    elif wanted := JSON_TYPES.get(declared):
        if not isinstance(value, wanted) or (isinstance(value, bool) and declared != "bool"):
            yield "wrong", f"{path} ({place}) is not {declared} but {value!r}"
        elif declared != "object" and value != held:
            yield "wrong", f"{path} ({place}) is {value!r}, of which the SDK made {held!r}"
    elif not isinstance(value, dict):
        yield "wrong", f"{path} ({place}) is not {declared} but {value!r}"
    else:
        yield from walked(module, getattr(module, declared), value, held, path)
