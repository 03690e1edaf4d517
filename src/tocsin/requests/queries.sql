-- name: forget_expired
DELETE FROM requests
WHERE  workspace_id = :workspace_id AND create_time < :oldest;

-- name: claim_key
-- A twin in flight holds the row until it commits; whoever comes second waits here, then finds the answer.
INSERT INTO requests AS r (workspace_id, user_id, operation, idempotency_key, body_hash, create_time)
VALUES (:workspace_id, :user_id, :operation, :key, :body_hash, :now)
ON CONFLICT (workspace_id, user_id, operation, idempotency_key) DO NOTHING;

-- name: find_answer
SELECT r.body_hash, r.status, r.answer
FROM   requests AS r
WHERE  r.workspace_id = :workspace_id AND r.user_id = :user_id AND r.operation = :operation
AND    r.idempotency_key = :key AND r.create_time >= :oldest;

-- name: store_answer
UPDATE requests
SET    status = :status, answer = :answer
WHERE  workspace_id = :workspace_id AND user_id = :user_id AND operation = :operation AND idempotency_key = :key;
