-- name: find_access_key
SELECT k.access, k.secret, u.id AS user_id, u.name AS user_name, d.id AS domain_id, d.name AS domain_name,
       k.enabled = true AND u.enabled = true AS enabled
FROM   access_keys AS k
JOIN   users AS u ON u.id = k.user_id
JOIN   domains AS d ON d.id = u.domain_id
WHERE  k.access = :access;

-- name: any_access_key
-- An empty secret was lost with an earlier key file: no key file reads it.
SELECT k.access, k.secret
FROM   access_keys AS k
WHERE  length(k.secret) > 0
ORDER BY k.create_time
LIMIT  1;

-- name: find_token
SELECT u.id AS user_id, u.name AS user_name, d.id AS domain_id, d.name AS domain_name, t.project_id,
       p.name AS project_name, t.domain_id AS scope_domain_id, t.methods, t.issue_time, t.expire_time,
       u.enabled = true AS enabled
FROM   tokens AS t
JOIN   users AS u ON u.id = t.user_id
JOIN   domains AS d ON d.id = u.domain_id
LEFT JOIN projects AS p ON p.id = t.project_id
WHERE  t.token_hash = :token_hash;

-- name: insert_token
INSERT INTO tokens (token_hash, user_id, project_id, domain_id, methods, issue_time, expire_time)
VALUES (:token_hash, :user_id, :project_id, :domain_id, :methods, :issue_time, :expire_time);

-- name: delete_expired_tokens
DELETE FROM tokens
WHERE  expire_time < :now;

-- name: find_user
-- By id, or by name and domain id or name; what is not given is NULL.
SELECT u.id, u.name, d.id AS domain_id, d.name AS domain_name, u.password_hash, u.enabled
FROM   users AS u
JOIN   domains AS d ON d.id = u.domain_id
WHERE  (u.id = CAST(:id AS TEXT) OR CAST(:id AS TEXT) IS NULL AND u.name = CAST(:name AS TEXT))
AND    (CAST(:domain_id AS TEXT) IS NULL OR d.id = CAST(:domain_id AS TEXT))
AND    (CAST(:domain_name AS TEXT) IS NULL OR d.name = CAST(:domain_name AS TEXT))
ORDER BY u.create_time, u.id;

-- name: list_users
SELECT u.id, u.name, d.id AS domain_id, d.name AS domain_name, u.password_hash, u.enabled
FROM   users AS u
JOIN   domains AS d ON d.id = u.domain_id
WHERE  u.domain_id = :domain_id
AND    (CAST(:name AS TEXT) IS NULL OR u.name = CAST(:name AS TEXT))
ORDER BY u.name;

-- name: list_granted_projects
-- The projects that a user was granted a role in.
SELECT p.id, p.domain_id, p.name, p.description, p.enabled
FROM   projects AS p
JOIN   grants AS g ON g.project_id = p.id AND g.user_id = :user_id
WHERE  p.enabled = true
ORDER BY p.create_time, p.id;

-- name: count_projects
SELECT count(*) AS projects
FROM   projects;

-- name: find_role
SELECT g.role
FROM   grants AS g
JOIN   projects AS p ON p.id = g.project_id AND p.enabled = true
WHERE  g.user_id = :user_id AND g.project_id = :project_id;

-- name: list_domains
SELECT d.id, d.name
FROM   domains AS d
ORDER BY d.create_time, d.id;

-- name: first_project
SELECT p.id, p.domain_id, p.name, p.description, p.enabled
FROM   projects AS p
ORDER BY p.create_time, p.id
LIMIT  1;

-- name: first_administrator
SELECT u.id, u.name, d.id AS domain_id, d.name AS domain_name, u.password_hash, u.enabled
FROM   users AS u
JOIN   domains AS d ON d.id = u.domain_id
JOIN   grants AS g ON g.user_id = u.id AND g.project_id = :project_id AND g.role = 'administrator'
ORDER BY u.create_time, u.id
LIMIT  1;

-- name: insert_domain
INSERT INTO domains (id, name, create_time)
VALUES (:id, :name, :now);

-- name: insert_project
-- A name that is taken is left alone; the number of rows tells.
INSERT INTO projects (id, domain_id, name, description, enabled, create_time)
VALUES (:id, :domain_id, :name, :description, true, :now)
ON CONFLICT (domain_id, name) DO NOTHING;

-- name: insert_user
-- A name that is taken is left alone; the number of rows tells.
INSERT INTO users (id, domain_id, name, password_hash, enabled, create_time)
VALUES (:id, :domain_id, :name, :password_hash, true, :now)
ON CONFLICT (domain_id, name) DO NOTHING;

-- name: upsert_grant
INSERT INTO grants (user_id, project_id, role)
VALUES (:user_id, :project_id, :role)
ON CONFLICT (user_id, project_id) DO UPDATE
SET    role = excluded.role;

-- name: insert_access_key
INSERT INTO access_keys (access, user_id, secret, enabled, create_time)
VALUES (:access, :user_id, :secret, true, :now);

-- name: set_password
UPDATE users
SET    password_hash = :password_hash
WHERE  id = :id;

-- name: delete_tokens_of_user
DELETE FROM tokens
WHERE  user_id = :user_id;

-- name: delete_grant
DELETE FROM grants
WHERE  user_id = :user_id AND project_id = :project_id;

-- name: granted_role
-- In a disabled project too.
SELECT g.role
FROM   grants AS g
WHERE  g.user_id = :user_id AND g.project_id = :project_id;

-- name: list_grants
-- Every role of one user, or of all users; in disabled projects too.
SELECT g.user_id, g.project_id, p.name AS project_name, g.role
FROM   grants AS g
JOIN   projects AS p ON p.id = g.project_id
WHERE  (CAST(:user_id AS TEXT) IS NULL OR g.user_id = CAST(:user_id AS TEXT))
ORDER BY p.create_time, p.id;

-- name: other_administrators
-- How many enabled users administer the project, but for one.
SELECT count(*) AS users
FROM   grants AS g
JOIN   users AS u ON u.id = g.user_id AND u.enabled = true
WHERE  g.project_id = :project_id AND g.role = 'administrator' AND g.user_id <> :user_id;

-- name: list_accounts
SELECT u.id, u.name, d.name AS domain_name, u.enabled, u.create_time
FROM   users AS u
JOIN   domains AS d ON d.id = u.domain_id
ORDER BY u.create_time, u.id;

-- name: enable_user
UPDATE users
SET    enabled = :enabled
WHERE  id = :id AND enabled <> :enabled;

-- name: list_every_project
-- Disabled ones too.
SELECT p.id, p.domain_id, p.name, p.description, p.enabled
FROM   projects AS p
ORDER BY p.create_time, p.id;

-- name: enable_project
UPDATE projects
SET    enabled = :enabled
WHERE  id = :id AND enabled <> :enabled;

-- name: list_access_keys
-- Every key of one user, or of all users.
SELECT k.access, u.name AS user_name, k.enabled, length(k.secret) > 0 AS readable, k.create_time
FROM   access_keys AS k
JOIN   users AS u ON u.id = k.user_id
WHERE  (CAST(:user_id AS TEXT) IS NULL OR k.user_id = CAST(:user_id AS TEXT))
ORDER BY k.create_time, k.access;

-- name: key_holder
SELECT k.access, k.secret, u.id AS user_id, u.name AS user_name, d.id AS domain_id, d.name AS domain_name, k.enabled
FROM   access_keys AS k
JOIN   users AS u ON u.id = k.user_id
JOIN   domains AS d ON d.id = u.domain_id
WHERE  k.access = :access;

-- name: enable_key
UPDATE access_keys
SET    enabled = :enabled
WHERE  access = :access AND enabled <> :enabled;

-- name: list_secrets
SELECT k.access, k.secret
FROM   access_keys AS k
WHERE  length(k.secret) > 0
ORDER BY k.create_time, k.access;

-- name: forget_secrets
-- What no key file reads any more.
UPDATE access_keys
SET    enabled = false, secret = :nothing
WHERE  length(secret) > 0;
