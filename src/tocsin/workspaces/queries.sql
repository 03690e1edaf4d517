-- name: find_workspace
SELECT w.id, w.project_id, w.name, w.description, w.region_id, w.project_name, w.enterprise_project_id,
       w.enterprise_project_name, w.view_bind_id, w.is_view, w.tags, w.creator_id, w.creator_name, w.modifier_id,
       w.modifier_name, w.create_time, w.update_time
FROM   workspaces AS w
WHERE  w.project_id = :project_id AND w.id = :workspace_id AND w.deleted_time IS NULL;

-- name: has_workspace
SELECT w.id
FROM   workspaces AS w
WHERE  w.project_id = :project_id AND w.id = :workspace_id AND w.deleted_time IS NULL;

-- name: list_workspaces
SELECT w.id, w.project_id, w.name, w.description, w.region_id, w.project_name, w.enterprise_project_id,
       w.enterprise_project_name, w.view_bind_id, w.is_view, w.tags, w.creator_id, w.creator_name, w.modifier_id,
       w.modifier_name, w.create_time, w.update_time
FROM   workspaces AS w
WHERE  w.project_id = :project_id AND w.deleted_time IS NULL
ORDER BY w.create_time, w.id;

-- name: insert_workspace
INSERT INTO workspaces (id, project_id, name, description, region_id, project_name, enterprise_project_id,
                        enterprise_project_name, view_bind_id, is_view, tags, creator_id, creator_name, modifier_id,
                        modifier_name, create_time, update_time)
VALUES (:id, :project_id, :name, :description, :region_id, :project_name, :enterprise_project_id,
        :enterprise_project_name, :view_bind_id, :is_view, :tags, :creator_id, :creator_name, :modifier_id,
        :modifier_name, :create_time, :update_time);

-- name: update_workspace
UPDATE workspaces
SET    name = :name, description = :description, view_bind_id = :view_bind_id, modifier_id = :modifier_id,
       modifier_name = :modifier_name, update_time = :update_time
WHERE  project_id = :project_id AND id = :id AND deleted_time IS NULL;

-- name: mark_workspace_deleted
UPDATE workspaces
SET    deleted_time = :now, update_time = :now
WHERE  project_id = :project_id AND id = :workspace_id AND deleted_time IS NULL;

-- name: count_workspaces
SELECT count(*) AS workspaces
FROM   workspaces AS w
WHERE  w.deleted_time IS NULL;

-- name: list_every_workspace
-- For the operator's own commands, which belong to no project.
SELECT w.id, w.project_id, w.name, w.description, w.region_id, w.project_name, w.enterprise_project_id,
       w.enterprise_project_name, w.view_bind_id, w.is_view, w.tags, w.creator_id, w.creator_name, w.modifier_id,
       w.modifier_name, w.create_time, w.update_time
FROM   workspaces AS w
WHERE  w.deleted_time IS NULL
ORDER BY w.create_time, w.id;
