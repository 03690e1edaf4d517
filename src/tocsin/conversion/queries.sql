-- name: insert_conversion
INSERT INTO conversions (workspace_id, id, create_time, creator_id, creator_name, request_id, shape, incident_ids,
                         incidents_made, alerts)
VALUES (:workspace_id, :id, :now, :creator_id, :creator_name, :request_id, :shape, :incident_ids, :incidents_made,
        :alerts);

-- name: find_conversion
SELECT c.id, c.create_time, c.creator_id, c.creator_name, c.request_id, c.shape, c.incident_ids, c.alerts
FROM   conversions AS c
WHERE  c.workspace_id = :workspace_id AND c.id = :id;

-- name: find_conversion_of_alert
-- The newest conversion that related this alert, or this incident.
SELECT c.id, c.create_time, c.creator_id, c.creator_name, c.request_id, c.shape, c.incident_ids, c.alerts
FROM   relations AS r
JOIN   conversions AS c ON c.workspace_id = r.workspace_id AND c.id = r.conversion_id
WHERE  r.workspace_id = :workspace_id AND r.from_class = 'alerts' AND r.to_class = 'incidents'
AND    (r.from_id = :id OR r.to_id = :id)
ORDER BY c.create_time DESC, c.id DESC
LIMIT  1;

-- name: count_incidents_made
SELECT COALESCE(sum(c.incidents_made), 0) AS incidents
FROM   conversions AS c
WHERE  c.workspace_id = :workspace_id AND c.create_time >= :since;
