-- name: list_types
-- Built-in types and the workspace's own, of one data class.
SELECT b.id, b.level, b.category, b.category_code, b.category_zh, b.sub_category, b.sub_category_code,
       b.sub_category_zh, true AS enabled, true AS is_built_in, 0 AS sla_ms, '' AS description, 0 AS create_time,
       0 AS update_time, '' AS creator_id, '' AS creator_name, '' AS modifier_id, '' AS modifier_name
FROM   built_in_types AS b
WHERE  b.dataclass = :dataclass
UNION ALL
SELECT t.id, t.level, t.category, t.category_code, NULL, t.sub_category, t.sub_category_code, NULL, t.enabled, false,
       t.sla_ms, t.description, t.create_time, t.update_time, t.creator_id, t.creator_name,
       COALESCE(t.modifier_id, t.creator_id), COALESCE(t.modifier_name, t.creator_name)
FROM   object_types AS t
WHERE  t.workspace_id = :workspace_id AND t.dataclass = :dataclass;

-- name: list_candidates
-- Built-in types that the id or the texts (folded, empty for none) may mean, and all of the workspace's own.
SELECT b.id, b.level, b.category, b.category_code, b.category_zh, b.sub_category, b.sub_category_code,
       b.sub_category_zh, true AS enabled, true AS is_built_in, 0 AS sla_ms, '' AS description, 0 AS create_time,
       0 AS update_time, '' AS creator_id, '' AS creator_name, '' AS modifier_id, '' AS modifier_name
FROM   built_in_types AS b
WHERE  b.dataclass = :dataclass
AND    (b.id = CAST(:type_id AS TEXT)
        OR lower(b.category) IN (:category, :child) OR lower(b.category_code) IN (:category, :child)
        OR lower(b.category_zh) IN (:category, :child) OR lower(b.sub_category) IN (:category, :child)
        OR lower(b.sub_category_code) IN (:category, :child) OR lower(b.sub_category_zh) IN (:category, :child))
UNION ALL
SELECT t.id, t.level, t.category, t.category_code, NULL, t.sub_category, t.sub_category_code, NULL, t.enabled, false,
       t.sla_ms, t.description, t.create_time, t.update_time, t.creator_id, t.creator_name,
       COALESCE(t.modifier_id, t.creator_id), COALESCE(t.modifier_name, t.creator_name)
FROM   object_types AS t
WHERE  t.workspace_id = :workspace_id AND t.dataclass = :dataclass;

-- name: upsert_built_in_type
INSERT INTO built_in_types AS b (dataclass, id, level, category, category_code, category_zh, sub_category,
                                 sub_category_code, sub_category_zh)
VALUES (:dataclass, :id, :level, :category, :category_code, :category_zh, :sub_category, :sub_category_code,
        :sub_category_zh)
ON CONFLICT (dataclass, id) DO UPDATE
SET    level = excluded.level,
       category = excluded.category,
       category_code = excluded.category_code,
       category_zh = excluded.category_zh,
       sub_category = excluded.sub_category,
       sub_category_code = excluded.sub_category_code,
       sub_category_zh = excluded.sub_category_zh;

-- name: any_disabled_type
SELECT t.id
FROM   object_types AS t
WHERE  t.workspace_id = :workspace_id AND t.dataclass = :dataclass AND t.enabled = false
ORDER BY t.id
LIMIT  1;

-- name: insert_type
INSERT INTO object_types (workspace_id, dataclass, id, level, category, category_code, sub_category, sub_category_code,
                          description, enabled, sla_ms, creator_id, creator_name, create_time, update_time, codes)
VALUES (:workspace_id, :dataclass, :id, :level, :category, :category_code, :sub_category, :sub_category_code,
        :description, :enabled, :sla_ms, :creator_id, :creator_name, :now, :now, :codes)
ON CONFLICT (workspace_id, dataclass, codes) DO NOTHING;

-- name: enable_types [sqlite]
UPDATE object_types
SET    enabled = :enabled, modifier_id = :modifier_id, modifier_name = :modifier_name, update_time = :now
WHERE  workspace_id = :workspace_id AND dataclass = :dataclass AND id IN (SELECT value FROM json_each(:ids));

-- name: delete_types [sqlite]
DELETE FROM object_types
WHERE  workspace_id = :workspace_id AND dataclass = :dataclass AND id IN (SELECT value FROM json_each(:ids));
