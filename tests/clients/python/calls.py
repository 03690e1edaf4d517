"""Runs calls through the vendor's Python SDK, unchanged, and tells what its objects hold.

Arguments: the module of the SDK (v1 or v2). Standard input: a JSON list of steps. Standard output: a JSON list with one
result for each. A step has `client` (how to build the client), `operation`, `fields` of the request and, if the request
has one, a `body`; `headers` are added to the request through the SDK's invoker; `save` keeps values of the answer for
later steps, where "$name" stands for them.
"""

import importlib
import json
import sys
from contextlib import suppress
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import SdkException, ServiceResponseException
from huaweicloudsdkcore.region.region import Region
from models import judged, made


def main() -> None:
    module = importlib.import_module(f"huaweicloudsdksecmaster.{sys.argv[1]}")
    saved: dict[str, Any] = {}
    json.dump([run(module, step, saved) for step in json.load(sys.stdin)], sys.stdout, default=float)


def run(module: Any, step: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    try:
        client = built(module, step["client"])
        response = called(module, client, step, saved)
    except (SdkException, ValueError) as error:  # ValueError: the SDK could not read the answer
        return refused(error)
    for name, path in step.get("save", {}).items():
        with suppress(LookupError):  # what is missing shows in the result
            saved[name] = value_at(response.to_json_object(), path)
    shown = answered(module, response)
    return {**shown, "held": None} if step.get("brief") else shown


def built(module: Any, given: dict[str, str]) -> Any:
    """A client of the SDK from: access, secret, project_id, iam_endpoint; endpoint, or region with region_url, or
    region alone, which the SDK then knows itself or from the environment."""
    credentials = BasicCredentials(given["access"], given["secret"], given.get("project_id"))
    if "iam_endpoint" in given:
        credentials = credentials.with_iam_endpoint(given["iam_endpoint"])
    builder = module.SecMasterClient.new_builder().with_credentials(credentials)
    if "endpoint" in given:
        builder = builder.with_endpoint(given["endpoint"])
    elif "region_url" in given:
        builder = builder.with_region(Region(given["region"], given["region_url"]))
    else:
        regions = importlib.import_module(f"{module.__name__}.region.secmaster_region")
        builder = builder.with_region(regions.SecMasterRegion.value_of(given["region"]))
    return builder.build()


def called(module: Any, client: Any, step: dict[str, Any], saved: dict[str, Any]) -> Any:
    operation = step["operation"]
    request = getattr(module, "".join(word.capitalize() for word in operation.split("_")) + "Request")()
    for name, value in filled(step.get("fields", {}), saved).items():
        setattr(request, name, value)
    if "body" in step:
        request.body = made(module, type(request).openapi_types["body"], filled(step["body"], saved))
    invoker = getattr(client, f"{operation}_invoker")(request)
    for name, value in step.get("headers", {}).items():
        invoker.add_header(name, value)
    return invoker.invoke()


def filled(value: Any, saved: dict[str, Any]) -> Any:
    """`value` with what earlier steps saved in the place of each "$name"."""
    if isinstance(value, str) and value.startswith("$"):
        return saved.get(value[1:], value)
    if isinstance(value, list):
        return [filled(one, saved) for one in value]
    if isinstance(value, dict):
        return {key: filled(one, saved) for key, one in value.items()}
    return value


def value_at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def answered(module: Any, response: Any) -> dict[str, Any]:
    """What a response object holds, and where the JSON it came from is not as declared."""
    content = response.to_json_object()
    return {
        "type": type(response).__name__,
        "status_code": response.status_code,
        "held": held(response),
        "wrong": judged(module, response, content)["wrong"],
        "rows": len(content["data"]) if isinstance((content or {}).get("data"), list) else None,
    }


def refused(error: Exception) -> dict[str, Any]:
    """What an exception holds."""
    shown: dict[str, Any] = {"type": type(error).__name__, "text": str(error)}
    if isinstance(error, ServiceResponseException):
        for name in ("status_code", "error_code", "error_msg", "request_id"):
            shown[name] = getattr(error, name)
    return shown


def held(value: Any) -> Any:
    """An object of the SDK as JSON: what its attributes hold, by attribute name."""
    if isinstance(value, list):
        return [held(one) for one in value]
    if hasattr(value, "openapi_types"):
        return {name: held(getattr(value, name)) for name in value.openapi_types}
    return value


if __name__ == "__main__":
    main()
