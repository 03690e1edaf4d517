-- name: list_targets
-- Every workspace, deleted ones too.
SELECT w.id, w.name, w.deleted_time
FROM   workspaces AS w
ORDER BY w.create_time, w.id;

-- name: list_page
-- A page of one class in the order of the ids, whatever their age: so a read never takes long. COALESCE, here and below,
-- keeps SQLite from preferring an index by conversion to the one by object.
SELECT o.id, COALESCE(o.deleted_time, o.update_time) < :cutoff AS expired,
       COALESCE(o.deleted_time, o.update_time) < :cutoff
       AND (EXISTS (SELECT 1
                    FROM   relations AS r
                    WHERE  r.workspace_id = :workspace_id AND r.from_class = :dataclass AND r.from_id = o.id
                    AND    COALESCE(r.conversion_id, '') <> '')
            OR EXISTS (SELECT 1
                       FROM   relations AS b
                       WHERE  b.workspace_id = :workspace_id AND b.to_class = :dataclass AND b.to_id = o.id
                       AND    COALESCE(b.conversion_id, '') <> '')) AS linked
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass AND o.id > :after
ORDER BY o.id
LIMIT  :page;

-- name: lock_loose [sqlite]
-- Those that are still old enough and in no conversion. SQLite has one writer: a write transaction holds every lock.
SELECT o.id
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass
AND    o.id IN (SELECT value FROM json_each(:ids))
AND    COALESCE(o.deleted_time, o.update_time) < :cutoff
AND    NOT EXISTS (SELECT 1
                   FROM   relations AS r
                   WHERE  r.workspace_id = :workspace_id AND r.from_class = :dataclass AND r.from_id = o.id
                   AND    COALESCE(r.conversion_id, '') <> '')
AND    NOT EXISTS (SELECT 1
                   FROM   relations AS b
                   WHERE  b.workspace_id = :workspace_id AND b.to_class = :dataclass AND b.to_id = o.id
                   AND    COALESCE(b.conversion_id, '') <> '')
ORDER BY o.id;

-- name: list_conversions
SELECT c.id
FROM   conversions AS c
WHERE  c.workspace_id = :workspace_id AND c.id > :after AND c.create_time < :cutoff
ORDER BY c.id
LIMIT  :page;

-- name: list_members [sqlite]
-- The objects that conversions name.
SELECT c.id AS conversion_id, 'alerts' AS dataclass, a.value ->> 'alert_id' AS id
FROM   conversions AS c
JOIN   json_each(c.alerts) AS a
WHERE  c.workspace_id = :workspace_id AND c.id IN (SELECT value FROM json_each(:ids))
UNION ALL
SELECT d.id, 'incidents', i.value
FROM   conversions AS d
JOIN   json_each(d.incident_ids) AS i
WHERE  d.workspace_id = :workspace_id AND d.id IN (SELECT value FROM json_each(:ids));

-- name: list_holders [sqlite]
-- The conversions that related some alerts and incidents.
SELECT r.conversion_id
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id AND r.from_class = 'alerts'
AND    r.from_id IN (SELECT value FROM json_each(:alerts)) AND COALESCE(r.conversion_id, '') <> ''
UNION
SELECT b.conversion_id
FROM   relations AS b
WHERE  b.workspace_id = :workspace_id AND b.to_class = 'incidents'
AND    b.to_id IN (SELECT value FROM json_each(:incidents)) AND COALESCE(b.conversion_id, '') <> '';

-- name: list_hidden [sqlite]
-- Conversions whose relation of an alert and its incident was given to a later one, or to nobody: no relation leads
-- back to them from these objects.
SELECT c.id AS conversion_id, a.value ->> 'alert_id' AS alert_id, a.value ->> 'incident_id' AS incident_id
FROM   conversions AS c
JOIN   json_each(c.alerts) AS a
WHERE  c.workspace_id = :workspace_id AND c.id IN (SELECT value FROM json_each(:ids))
AND    NOT EXISTS (SELECT 1
                   FROM   relations AS r
                   WHERE  r.workspace_id = :workspace_id AND r.from_class = 'alerts'
                   AND    r.from_id = a.value ->> 'alert_id' AND r.to_class = 'incidents'
                   AND    r.to_id = a.value ->> 'incident_id' AND r.conversion_id = c.id);

-- name: list_younger [sqlite]
SELECT o.id
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id AND o.dataclass = :dataclass
AND    o.id IN (SELECT value FROM json_each(:ids)) AND COALESCE(o.deleted_time, o.update_time) >= :cutoff;

-- name: remove_relations [sqlite]
DELETE FROM relations
WHERE  workspace_id = :workspace_id AND from_class = :dataclass
AND    from_id IN (SELECT value FROM json_each(:ids));

-- name: remove_relations_backwards [sqlite]
DELETE FROM relations
WHERE  workspace_id = :workspace_id AND to_class = :dataclass
AND    to_id IN (SELECT value FROM json_each(:ids));

-- name: remove_source_events [sqlite]
DELETE FROM source_events
WHERE  workspace_id = :workspace_id AND dataclass = :dataclass
AND    object_id IN (SELECT value FROM json_each(:ids));

-- name: remove_conversions [sqlite]
DELETE FROM conversions
WHERE  workspace_id = :workspace_id AND id IN (SELECT value FROM json_each(:ids));

-- name: remove_objects [sqlite]
DELETE FROM data_objects
WHERE  workspace_id = :workspace_id AND dataclass = :dataclass AND id IN (SELECT value FROM json_each(:ids));

-- name: remove_notes [sqlite]
-- Once their objects are gone. A note knows the id of its object only: it stays while an object of any class has it.
DELETE FROM notes
WHERE  workspace_id = :workspace_id AND war_room_id IN (SELECT value FROM json_each(:ids))
AND    NOT EXISTS (SELECT 1
                   FROM   data_objects AS o
                   WHERE  o.workspace_id = :workspace_id AND o.dataclass IN ('alerts', 'incidents', 'indicators')
                   AND    o.id = notes.war_room_id);

-- name: count_audit
SELECT count(*) AS rows
FROM   audit AS a
WHERE  a.workspace_id = :workspace_id AND a.time < :until;

-- name: remove_audit
-- Removes a portion, the oldest first, as every statement down from here.
DELETE FROM audit
WHERE  workspace_id = :workspace_id
AND    (time, request_id, sequence) IN (SELECT a.time, a.request_id, a.sequence
                                        FROM   audit AS a
                                        WHERE  a.workspace_id = :workspace_id AND a.time < :until
                                        ORDER BY a.time, a.request_id, a.sequence
                                        LIMIT  :portion);

-- name: count_answers
SELECT count(*) AS rows
FROM   requests AS r
WHERE  r.workspace_id = :workspace_id AND r.create_time < :until;

-- name: remove_answers
DELETE FROM requests
WHERE  workspace_id = :workspace_id
AND    (user_id, operation, idempotency_key) IN (SELECT r.user_id, r.operation, r.idempotency_key
                                                 FROM   requests AS r
                                                 WHERE  r.workspace_id = :workspace_id AND r.create_time < :until
                                                 ORDER BY r.create_time
                                                 LIMIT  :portion);

-- name: count_deleted_notes
SELECT count(*) AS rows
FROM   notes AS n
WHERE  n.workspace_id = :workspace_id AND n.deleted_time < :until;

-- name: remove_deleted_notes
DELETE FROM notes
WHERE  workspace_id = :workspace_id
AND    id IN (SELECT n.id
              FROM   notes AS n
              WHERE  n.workspace_id = :workspace_id AND n.deleted_time < :until
              ORDER BY n.id
              LIMIT  :portion);

-- name: count_deleted_relations
SELECT count(*) AS rows
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id AND r.deleted_time < :until AND COALESCE(r.conversion_id, '') = '';

-- name: remove_deleted_relations
-- Those of conversions are history as long as the conversion is.
DELETE FROM relations
WHERE  workspace_id = :workspace_id
AND    (from_class, from_id, to_class, to_id)
       IN (SELECT r.from_class, r.from_id, r.to_class, r.to_id
           FROM   relations AS r
           WHERE  r.workspace_id = :workspace_id AND r.deleted_time < :until AND COALESCE(r.conversion_id, '') = ''
           ORDER BY r.from_class, r.from_id, r.to_class, r.to_id
           LIMIT  :portion);

-- name: count_tokens
SELECT count(*) AS rows
FROM   tokens AS t
WHERE  t.expire_time < :now;

-- name: remove_tokens
DELETE FROM tokens
WHERE  token_hash IN (SELECT t.token_hash
                      FROM   tokens AS t
                      WHERE  t.expire_time < :now
                      ORDER BY t.expire_time
                      LIMIT  :portion);

-- name: is_deleted
SELECT w.id
FROM   workspaces AS w
WHERE  w.id = :workspace_id AND w.deleted_time < :cutoff;

-- name: count_all_relations
SELECT count(*) AS rows
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id;

-- name: clear_relations
DELETE FROM relations
WHERE  workspace_id = :workspace_id
AND    (from_class, from_id, to_class, to_id) IN (SELECT r.from_class, r.from_id, r.to_class, r.to_id
                                                  FROM   relations AS r
                                                  WHERE  r.workspace_id = :workspace_id
                                                  LIMIT  :portion);

-- name: count_all_conversions
SELECT count(*) AS rows
FROM   conversions AS c
WHERE  c.workspace_id = :workspace_id;

-- name: clear_conversions
DELETE FROM conversions
WHERE  workspace_id = :workspace_id
AND    id IN (SELECT c.id
              FROM   conversions AS c
              WHERE  c.workspace_id = :workspace_id
              LIMIT  :portion);

-- name: count_all_source_events
SELECT count(*) AS rows
FROM   source_events AS e
WHERE  e.workspace_id = :workspace_id;

-- name: clear_source_events
DELETE FROM source_events
WHERE  workspace_id = :workspace_id
AND    (dataclass, object_id) IN (SELECT e.dataclass, e.object_id
                                  FROM   source_events AS e
                                  WHERE  e.workspace_id = :workspace_id
                                  LIMIT  :portion);

-- name: count_all_objects
SELECT count(*) AS rows
FROM   data_objects AS o
WHERE  o.workspace_id = :workspace_id;

-- name: clear_objects
-- Alerts before their incidents: no alert names one that is gone.
DELETE FROM data_objects
WHERE  workspace_id = :workspace_id
AND    (dataclass, id) IN (SELECT o.dataclass, o.id
                           FROM   data_objects AS o
                           WHERE  o.workspace_id = :workspace_id
                           ORDER BY o.dataclass, o.id
                           LIMIT  :portion);

-- name: count_all_types
SELECT count(*) AS rows
FROM   object_types AS t
WHERE  t.workspace_id = :workspace_id;

-- name: clear_types
DELETE FROM object_types
WHERE  workspace_id = :workspace_id
AND    (dataclass, id) IN (SELECT t.dataclass, t.id
                           FROM   object_types AS t
                           WHERE  t.workspace_id = :workspace_id
                           LIMIT  :portion);

-- name: count_all_notes
SELECT count(*) AS rows
FROM   notes AS n
WHERE  n.workspace_id = :workspace_id;

-- name: clear_notes
DELETE FROM notes
WHERE  workspace_id = :workspace_id
AND    id IN (SELECT n.id
              FROM   notes AS n
              WHERE  n.workspace_id = :workspace_id
              LIMIT  :portion);

-- name: count_all_attachments
SELECT count(*) AS rows
FROM   attachments AS f
WHERE  f.workspace_id = :workspace_id;

-- name: clear_attachments
-- Their files go as all files do that no record names.
DELETE FROM attachments
WHERE  workspace_id = :workspace_id
AND    id IN (SELECT f.id
              FROM   attachments AS f
              WHERE  f.workspace_id = :workspace_id
              LIMIT  :portion);

-- name: remove_workspace
DELETE FROM workspaces
WHERE  id = :workspace_id AND deleted_time < :cutoff;

-- name: record_run
-- One row for a run in a workspace; every portion brings it up to date.
INSERT INTO audit (workspace_id, time, request_id, sequence, user_id, user_name, operation, object_class, object_id,
                   changes)
VALUES (:workspace_id, :now, :request_id, 0, :user_id, :user_name, 'prune', 'workspaces', :workspace_id, :changes)
ON CONFLICT (workspace_id, time, request_id, sequence) DO UPDATE
SET    changes = excluded.changes;

-- name: record_whole
-- The same for a workspace that goes itself, with its own audit.
INSERT INTO admin_audit (id, time, user_id, user_name, request_id, operation, object_class, object_id, changes)
VALUES (:id, :now, :user_id, :user_name, :request_id, 'prune', 'workspaces', :workspace_id, :changes)
ON CONFLICT (id) DO UPDATE
SET    changes = excluded.changes;
