-- name: upsert_relation
-- A relation that was deleted before comes back as the new one; one that stands keeps its age, and its evidence mark
-- is only ever added.
INSERT INTO relations AS r (workspace_id, from_class, from_id, to_class, to_id, conversion_id, evidence, creator_id,
                            create_time, deleted_time)
VALUES (:workspace_id, :from_class, :from_id, :to_class, :to_id, :conversion_id, :evidence, :creator_id, :now, NULL)
ON CONFLICT (workspace_id, from_class, from_id, to_class, to_id) DO UPDATE
SET    conversion_id = CASE WHEN r.deleted_time IS NULL AND excluded.conversion_id IS NULL THEN r.conversion_id
                            ELSE excluded.conversion_id END,
       evidence = CASE WHEN r.deleted_time IS NULL AND r.evidence = true THEN true ELSE excluded.evidence END,
       creator_id = CASE WHEN r.deleted_time IS NULL THEN r.creator_id ELSE excluded.creator_id END,
       create_time = CASE WHEN r.deleted_time IS NULL THEN r.create_time ELSE excluded.create_time END,
       deleted_time = NULL;

-- name: mark_relations_deleted
-- Everything that links to the objects of one class; the marked rows stay for history.
UPDATE relations
SET    deleted_time = :now
WHERE  workspace_id = :workspace_id AND deleted_time IS NULL AND from_class = :dataclass AND from_id = :id;

-- name: mark_relations_deleted_backwards
UPDATE relations
SET    deleted_time = :now
WHERE  workspace_id = :workspace_id AND deleted_time IS NULL AND to_class = :dataclass AND to_id = :id;

-- name: mark_pair_deleted
UPDATE relations
SET    deleted_time = :now
WHERE  workspace_id = :workspace_id AND from_class = :from_class AND from_id = :from_id AND to_class = :to_class
AND    to_id = :to_id AND deleted_time IS NULL;

-- name: list_related_ids [sqlite]
SELECT r.from_id AS object_id, r.to_class AS related_class, r.to_id AS related_id
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id AND r.from_class = :dataclass AND r.deleted_time IS NULL
AND    r.from_id IN (SELECT value FROM json_each(:ids))
UNION ALL
SELECT r.to_id, r.from_class, r.from_id
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id AND r.to_class = :dataclass AND r.deleted_time IS NULL
AND    r.to_id IN (SELECT value FROM json_each(:ids))
ORDER BY 1, 2, 3;

-- name: list_pairs [sqlite]
-- Read from the keys that name both ends: an incident may have a hundred thousand relations.
SELECT r.from_id AS object_id, r.to_class AS related_class, r.to_id AS related_id
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id AND r.from_class = :dataclass
AND    r.from_id IN (SELECT value FROM json_each(:ids)) AND r.to_class = :related_class
AND    r.to_id IN (SELECT value FROM json_each(:related_ids)) AND r.deleted_time IS NULL
UNION ALL
SELECT r.to_id, r.from_class, r.from_id
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id AND r.to_class = :dataclass
AND    r.to_id IN (SELECT value FROM json_each(:ids)) AND r.from_class = :related_class
AND    r.from_id IN (SELECT value FROM json_each(:related_ids)) AND r.deleted_time IS NULL
ORDER BY 1, 2, 3;

-- name: list_marks [sqlite]
-- The relations of one object to some objects of another class, seen from the other objects.
SELECT r.to_id AS object_id, r.evidence, r.conversion_id, r.create_time
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id AND r.from_class = :dataclass AND r.from_id = :id
AND    r.to_class = :related_class AND r.deleted_time IS NULL
AND    r.to_id IN (SELECT value FROM json_each(:ids))
UNION ALL
SELECT r.from_id, r.evidence, r.conversion_id, r.create_time
FROM   relations AS r
WHERE  r.workspace_id = :workspace_id AND r.to_class = :dataclass AND r.to_id = :id
AND    r.from_class = :related_class AND r.deleted_time IS NULL
AND    r.from_id IN (SELECT value FROM json_each(:ids));
