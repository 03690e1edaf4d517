-- name: find_object
SELECT o.id, o.dataclass, o.origin, o.version, o.create_time, o.update_time, o.handle_status, o.owner, o.close_time,
       o.close_offset, o.close_reason, o.close_comment, o.incident_id, o.title, o.document
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass AND o.id = :id AND o.deleted_time IS NULL;

-- name: search_objects
-- Composed further in storage/search.py: conditions, order and page are added, or the rows are counted.
SELECT o.id, o.dataclass, o.origin, o.version, o.create_time, o.update_time, o.handle_status, o.owner, o.close_time,
       o.close_offset, o.close_reason, o.close_comment, o.incident_id, o.title, o.document
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass AND o.deleted_time IS NULL;

-- name: search_related
-- The same, for objects that are related to one object, whichever of the two the relation was stored from.
SELECT o.id, o.dataclass, o.origin, o.version, o.create_time, o.update_time, o.handle_status, o.owner, o.close_time,
       o.close_offset, o.close_reason, o.close_comment, o.incident_id, o.title, o.document
FROM   (SELECT r.to_id AS id
        FROM   relations AS r
        WHERE  r.workspace_id = :workspace_id AND r.from_class = :main_class AND r.from_id = :main_id
        AND    r.to_class = :dataclass AND r.deleted_time IS NULL
        UNION
        SELECT r.from_id
        FROM   relations AS r
        WHERE  r.workspace_id = :workspace_id AND r.to_class = :main_class AND r.to_id = :main_id
        AND    r.from_class = :dataclass AND r.deleted_time IS NULL) AS f
CROSS JOIN data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass AND o.id = f.id AND o.deleted_time IS NULL;

-- name: lock_objects [sqlite]
-- SQLite has one writer: whoever is in a write transaction holds every lock.
SELECT o.id, o.dataclass, o.origin, o.version, o.create_time, o.update_time, o.handle_status, o.owner, o.close_time,
       o.close_offset, o.close_reason, o.close_comment, o.incident_id, o.title, o.document
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass
AND    o.id IN (SELECT value FROM json_each(:ids)) AND o.deleted_time IS NULL
ORDER BY o.id;

-- name: known_ids [sqlite]
-- Deleted ones included: an id is not given out again.
SELECT o.id
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass AND o.id IN (SELECT value FROM json_each(:ids));

-- name: insert_object
-- An id that is taken, by a deleted object too, is left alone; the number of rows tells.
INSERT INTO data_objects (workspace_id, dataclass, id, origin, version, create_time, update_time, handle_status, owner,
                          close_time, close_offset, close_reason, close_comment, title, severity, verification_state,
                          category, sub_category, first_observed_time, last_observed_time, arrive_time, sla, document)
VALUES (:workspace_id, :dataclass, :id, :origin, 1, :now, :now, :handle_status, :owner, :close_time, :close_offset,
        :close_reason, :close_comment, :title, :severity, :verification_state, :category, :sub_category,
        :first_observed_time, :last_observed_time, :arrive_time, :sla, :document)
ON CONFLICT (workspace_id, dataclass, id) DO NOTHING;

-- name: update_object
UPDATE data_objects
SET    version = version + 1, update_time = :now, handle_status = :handle_status, owner = :owner,
       close_time = :close_time, close_offset = :close_offset, close_reason = :close_reason,
       close_comment = :close_comment, title = :title, severity = :severity, verification_state = :verification_state,
       category = :category, sub_category = :sub_category, first_observed_time = :first_observed_time,
       last_observed_time = :last_observed_time, arrive_time = :arrive_time, sla = :sla, document = :document
WHERE  workspace_id = :workspace_id AND dataclass = :dataclass AND id = :id;

-- name: mark_converted
UPDATE data_objects
SET    version = version + 1, update_time = :now, handle_status = :handle_status, close_time = :close_time,
       close_offset = :close_offset, close_reason = :close_reason, close_comment = :close_comment,
       incident_id = :incident_id
WHERE  workspace_id = :workspace_id AND dataclass = 'alerts' AND id = :id;

-- name: end_conversions
-- An alert whose incident is deleted may be converted again, unless an older conversion of it still stands.
UPDATE data_objects
SET    incident_id = (SELECT r.to_id
                      FROM   relations AS r
                      WHERE  r.workspace_id = :workspace_id AND r.from_class = 'alerts'
                      AND    r.from_id = data_objects.id AND r.to_class = 'incidents'
                      AND    COALESCE(r.conversion_id, '') <> '' AND r.deleted_time IS NULL
                      ORDER BY r.create_time DESC, r.to_id DESC
                      LIMIT  1)
WHERE  workspace_id = :workspace_id AND dataclass = 'alerts' AND incident_id = :incident_id
AND    id IN (SELECT r.from_id
              FROM   relations AS r
              WHERE  r.workspace_id = :workspace_id AND r.to_class = 'incidents' AND r.to_id = :incident_id
              AND    r.from_class = 'alerts');

-- name: end_conversion
-- The same for one alert, whose relation to the incident was deleted.
UPDATE data_objects
SET    incident_id = (SELECT r.to_id
                      FROM   relations AS r
                      WHERE  r.workspace_id = :workspace_id AND r.from_class = 'alerts'
                      AND    r.from_id = data_objects.id AND r.to_class = 'incidents'
                      AND    COALESCE(r.conversion_id, '') <> '' AND r.deleted_time IS NULL
                      ORDER BY r.create_time DESC, r.to_id DESC
                      LIMIT  1)
WHERE  workspace_id = :workspace_id AND dataclass = 'alerts' AND id = :id AND incident_id = :incident_id;

-- name: mark_deleted
UPDATE data_objects
SET    deleted_time = :now, update_time = :now, version = version + 1, incident_id = NULL
WHERE  workspace_id = :workspace_id AND dataclass = :dataclass AND id = :id;

-- name: count_type_texts
SELECT o.category, o.sub_category, count(*) AS objects
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass AND o.deleted_time IS NULL
GROUP BY o.category, o.sub_category;

-- name: list_objects_of_texts [sqlite]
-- Some objects for each pair of category and child text (empty for none), newest first.
SELECT f.category, f.sub_category, f.id, f.title
FROM   (SELECT o.category, o.sub_category, o.id, o.title,
               row_number() OVER (PARTITION BY o.category, o.sub_category ORDER BY o.create_time DESC, o.id) AS place
        FROM   data_objects AS o
        WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass AND o.deleted_time IS NULL
        AND    EXISTS (SELECT 1
                       FROM   json_each(:texts) AS t
                       WHERE  t.value ->> 0 = COALESCE(o.category, '') AND t.value ->> 1 = COALESCE(o.sub_category, ''))
       ) AS f
WHERE  f.place <= :limit
ORDER BY f.place, f.id;

-- name: insert_source_event
INSERT INTO source_events (workspace_id, dataclass, object_id, source, event)
VALUES (:workspace_id, :dataclass, :object_id, :source, :event)
ON CONFLICT (workspace_id, dataclass, object_id) DO NOTHING;
