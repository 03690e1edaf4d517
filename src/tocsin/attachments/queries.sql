-- name: insert_attachment
INSERT INTO attachments (workspace_id, id, file_name, file_type, size, sha256, creator_id, creator_name, create_time)
VALUES (:workspace_id, :id, :file_name, :file_type, :size, :sha256, :creator_id, :creator_name, :create_time);

-- name: find_attachment
SELECT t.id, t.file_name, t.file_type, t.size, t.sha256, t.creator_id, t.creator_name, t.create_time
FROM   attachments AS t
WHERE  t.workspace_id = :workspace_id AND t.id = :id;

-- name: known_attachments [sqlite]
SELECT t.id
FROM   attachments AS t
WHERE  t.workspace_id = :workspace_id AND t.id IN (SELECT value FROM json_each(:ids));
