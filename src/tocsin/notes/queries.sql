-- name: insert_note
INSERT INTO notes (workspace_id, id, war_room_id, type, note_type, content, creator_id, creator_name, create_time,
                   update_time)
VALUES (:workspace_id, :id, :war_room_id, :type, :note_type, :content, :creator_id, :creator_name, :create_time,
        :update_time);

-- name: list_notes
-- Composed further in storage/search.py.
SELECT o.id, o.war_room_id, o.type, o.note_type, o.content, o.creator_id, o.creator_name, o.create_time, o.update_time
FROM   notes AS o
WHERE  o.workspace_id = :workspace_id AND o.deleted_time IS NULL;

-- name: list_notes_of_object
SELECT o.id, o.war_room_id, o.type, o.note_type, o.content, o.creator_id, o.creator_name, o.create_time, o.update_time
FROM   notes AS o
WHERE  o.workspace_id = :workspace_id AND o.deleted_time IS NULL AND o.war_room_id = :war_room_id;

-- name: lock_notes [sqlite]
SELECT n.id
FROM   notes AS n
WHERE  n.workspace_id = :workspace_id AND n.deleted_time IS NULL AND n.id IN (SELECT value FROM json_each(:ids))
ORDER BY n.id;

-- name: mark_notes_deleted [sqlite]
UPDATE notes
SET    deleted_time = :now, update_time = :now
WHERE  workspace_id = :workspace_id AND deleted_time IS NULL AND id IN (SELECT value FROM json_each(:ids));
