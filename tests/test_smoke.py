from support import Client


def test_alerts_become_one_incident(client: Client) -> None:
    ids = [client.create_alert(title=f"Alert {n}", severity=s) for n, s in enumerate(["Low", "High"])]
    data = client.order(ids)
    assert data["success_ids"] == ids
    incident = client.show(f"incidents/{data['results'][0]['incident_id']}")
    assert incident["severity"] == "High"
