-- name: insert_audit
INSERT INTO audit (workspace_id, time, request_id, sequence, user_id, user_name, operation, object_class, object_id,
                   changes)
VALUES (:workspace_id, :time, :request_id, :sequence, :user_id, :user_name, :operation, :object_class, :object_id,
        :changes);

-- name: list_audit
-- Newest first.
SELECT a.time, a.request_id, a.sequence, a.user_id, a.user_name, a.operation, a.object_class, a.object_id, a.changes
FROM   audit AS a
WHERE  a.workspace_id = :workspace_id AND a.time >= :since
ORDER BY a.time DESC, a.request_id DESC, a.sequence DESC
LIMIT  :limit;

-- name: list_audit_of_object
SELECT a.time, a.request_id, a.sequence, a.user_id, a.user_name, a.operation, a.object_class, a.object_id, a.changes
FROM   audit AS a
WHERE  a.workspace_id = :workspace_id AND a.object_id = :object_id AND a.time >= :since
ORDER BY a.time DESC, a.request_id DESC, a.sequence DESC
LIMIT  :limit;

-- name: insert_admin_audit
INSERT INTO admin_audit (id, time, user_id, user_name, request_id, operation, object_class, object_id, changes)
VALUES (:id, :time, :user_id, :user_name, :request_id, :operation, :object_class, :object_id, :changes);

-- name: list_admin_audit
SELECT a.time, a.request_id, 0 AS sequence, a.user_id, a.user_name, a.operation, a.object_class, a.object_id, a.changes
FROM   admin_audit AS a
WHERE  a.time >= :since
ORDER BY a.time DESC, a.id DESC
LIMIT  :limit;
