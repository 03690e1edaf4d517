"""The documentation's sample of CreateBatchOrderAlerts; where it goes, and with which ids, comes from outside.

Arguments: the module of the SDK (v1 or v2), the endpoint, the project id, the workspace id, then the ids of alerts. An
empty endpoint or project id is left out: then the region `cn-north-4` is asked for, as in the documentation. Keys come
from CLOUD_SDK_AK and CLOUD_SDK_SK. Prints what the response object, or the exception, holds.
"""

import importlib
import json
import os
import sys

from calls import answered, refused
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions import exceptions


def main() -> None:
    module, endpoint, project_id, workspace_id, *ids = sys.argv[1:]
    sdk = importlib.import_module(f"huaweicloudsdksecmaster.{module}")
    regions = importlib.import_module(f"huaweicloudsdksecmaster.{module}.region.secmaster_region")

    credentials = BasicCredentials(os.environ["CLOUD_SDK_AK"], os.environ["CLOUD_SDK_SK"])
    if project_id:
        credentials = credentials.with_project_id(project_id)
    builder = sdk.SecMasterClient.new_builder().with_credentials(credentials)
    if endpoint:
        builder = builder.with_endpoint(endpoint)
    else:
        builder = builder.with_region(regions.SecMasterRegion.value_of("cn-north-4"))
    client = builder.build()

    try:
        request = sdk.CreateBatchOrderAlertsRequest()
        request.workspace_id = workspace_id
        incident_type = sdk.OrderAlertIncidentContentIncidentType(
            id="909494e3-558e-46b6-a9eb-07a8e18ca62f",
            category="DDoS attack",
            incident_type="DNS protocol attacks",
        )
        content = sdk.OrderAlertIncidentContent(title="XXX", incident_type=incident_type)
        request.body = sdk.OrderAlert(incident_content=content, ids=ids)
        shown = answered(sdk, client.create_batch_order_alerts(request))
    except exceptions.ClientRequestException as error:
        shown = refused(error)
    json.dump(shown, sys.stdout)


if __name__ == "__main__":
    main()
