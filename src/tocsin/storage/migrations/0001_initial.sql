-- The first schema. Times are UTC milliseconds; ids are text, compared exactly.
-- `-- kind:` says whether a table belongs to a tenant (its keys begin with workspace_id, so that it can be distributed
-- by workspace) or is global (small, shared by all, never referring to a tenant table).

-- kind: global
CREATE TABLE schema_migrations (
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    apply_time BIGINT NOT NULL,
    CONSTRAINT schema_migrations_pk PRIMARY KEY (version)
);

-- kind: global
CREATE TABLE domains (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    CONSTRAINT domains_pk PRIMARY KEY (id),
    CONSTRAINT domains_name UNIQUE (name)
);

-- kind: global
CREATE TABLE projects (
    id TEXT NOT NULL,
    domain_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    create_time BIGINT NOT NULL,
    CONSTRAINT projects_pk PRIMARY KEY (id),
    CONSTRAINT projects_name UNIQUE (domain_id, name),
    CONSTRAINT projects_domain FOREIGN KEY (domain_id) REFERENCES domains (id)
);

-- kind: global
CREATE TABLE users (
    id TEXT NOT NULL,
    domain_id TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    create_time BIGINT NOT NULL,
    CONSTRAINT users_pk PRIMARY KEY (id),
    CONSTRAINT users_name UNIQUE (domain_id, name),
    CONSTRAINT users_domain FOREIGN KEY (domain_id) REFERENCES domains (id)
);

-- What a user may do in a project: reader, operator or administrator.
-- kind: global
CREATE TABLE grants (
    user_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT grants_pk PRIMARY KEY (user_id, project_id),
    CONSTRAINT grants_user FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT grants_project FOREIGN KEY (project_id) REFERENCES projects (id)
);

-- `secret` is encrypted: a signature can only be checked with the key itself.
-- kind: global
CREATE TABLE access_keys (
    access TEXT NOT NULL,
    user_id TEXT NOT NULL,
    secret BYTEA NOT NULL,
    enabled BOOLEAN NOT NULL,
    create_time BIGINT NOT NULL,
    CONSTRAINT access_keys_pk PRIMARY KEY (access),
    CONSTRAINT access_keys_user FOREIGN KEY (user_id) REFERENCES users (id)
);

-- Only a hash of a token is kept: whoever reads the database cannot use it.
-- kind: global
CREATE TABLE tokens (
    token_hash TEXT NOT NULL,
    user_id TEXT NOT NULL,
    project_id TEXT,
    domain_id TEXT,
    methods TEXT NOT NULL,
    issue_time BIGINT NOT NULL,
    expire_time BIGINT NOT NULL,
    CONSTRAINT tokens_pk PRIMARY KEY (token_hash),
    CONSTRAINT tokens_user FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX tokens_expire_time ON tokens (expire_time);

-- kind: global
CREATE TABLE workspaces (
    id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    region_id TEXT NOT NULL,
    project_name TEXT NOT NULL,
    enterprise_project_id TEXT NOT NULL,
    enterprise_project_name TEXT NOT NULL,
    view_bind_id TEXT NOT NULL,
    is_view BOOLEAN NOT NULL,
    tags TEXT NOT NULL,
    creator_id TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    modifier_id TEXT NOT NULL,
    modifier_name TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    deleted_time BIGINT,
    CONSTRAINT workspaces_pk PRIMARY KEY (id),
    CONSTRAINT workspaces_project FOREIGN KEY (project_id) REFERENCES projects (id)
);

CREATE INDEX workspaces_of_project ON workspaces (project_id, create_time);

-- Types that ship with Tocsin, for alerts and incidents alike.
-- kind: global
CREATE TABLE built_in_types (
    dataclass TEXT NOT NULL,
    id TEXT NOT NULL,
    level BIGINT NOT NULL,
    category TEXT NOT NULL,
    category_code TEXT NOT NULL,
    category_zh TEXT,
    sub_category TEXT,
    sub_category_code TEXT,
    sub_category_zh TEXT,
    CONSTRAINT built_in_types_pk PRIMARY KEY (dataclass, id)
);

-- Who changed users, keys, projects and workspaces.
-- kind: global
CREATE TABLE admin_audit (
    id TEXT NOT NULL,
    time BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    request_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    object_class TEXT NOT NULL,
    object_id TEXT NOT NULL,
    changes TEXT NOT NULL,
    CONSTRAINT admin_audit_pk PRIMARY KEY (id)
);

CREATE INDEX admin_audit_time ON admin_audit (time);

-- Types that a workspace made for itself.
-- kind: tenant
CREATE TABLE object_types (
    workspace_id TEXT NOT NULL,
    dataclass TEXT NOT NULL,
    id TEXT NOT NULL,
    level BIGINT NOT NULL,
    category TEXT NOT NULL,
    category_code TEXT NOT NULL,
    sub_category TEXT,
    sub_category_code TEXT,
    description TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    sla_ms BIGINT NOT NULL,
    creator_id TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    CONSTRAINT object_types_pk PRIMARY KEY (workspace_id, dataclass, id),
    CONSTRAINT object_types_workspace FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
);

-- Alerts, incidents and every other data object. `document` is the object as it is answered, without what changes by
-- itself; that stands in columns and is laid over the document when it is served. title, severity (rank 0-4),
-- verification_state, the types and the observed times are copies for searching.
-- kind: tenant
CREATE TABLE data_objects (
    workspace_id TEXT NOT NULL,
    dataclass TEXT NOT NULL,
    id TEXT NOT NULL,
    origin TEXT NOT NULL,
    version BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    deleted_time BIGINT,
    handle_status TEXT NOT NULL,
    owner TEXT,
    close_time BIGINT,
    close_offset BIGINT,
    close_reason TEXT,
    close_comment TEXT,
    -- The incident that a conversion, still standing, made of this alert or added it to.
    incident_id TEXT,
    title TEXT NOT NULL,
    severity BIGINT,
    verification_state TEXT,
    category TEXT,
    sub_category TEXT,
    first_observed_time BIGINT,
    last_observed_time BIGINT,
    arrive_time BIGINT,
    sla BIGINT,
    document TEXT NOT NULL,
    CONSTRAINT data_objects_pk PRIMARY KEY (workspace_id, dataclass, id),
    CONSTRAINT data_objects_workspace FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX data_objects_newest ON data_objects (workspace_id, dataclass, create_time DESC, id DESC)
WHERE deleted_time IS NULL;

CREATE INDEX data_objects_status ON data_objects (workspace_id, dataclass, handle_status, create_time DESC, id DESC)
WHERE deleted_time IS NULL;

-- The event as its source sent it, byte for byte, beside the object it became.
-- kind: tenant
CREATE TABLE source_events (
    workspace_id TEXT NOT NULL,
    dataclass TEXT NOT NULL,
    object_id TEXT NOT NULL,
    source TEXT NOT NULL,
    event BYTEA NOT NULL,
    CONSTRAINT source_events_pk PRIMARY KEY (workspace_id, dataclass, object_id),
    CONSTRAINT source_events_object FOREIGN KEY (workspace_id, dataclass, object_id)
        REFERENCES data_objects (workspace_id, dataclass, id)
);

-- What a conversion did: to which alerts, into which incidents, and what each alert looked like before (`alerts`, JSON).
-- kind: tenant
CREATE TABLE conversions (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    creator_id TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    request_id TEXT NOT NULL,
    shape TEXT NOT NULL,
    incident_ids TEXT NOT NULL,
    -- How many of them the conversion made; joining an incident makes none.
    incidents_made BIGINT NOT NULL,
    alerts TEXT NOT NULL,
    CONSTRAINT conversions_pk PRIMARY KEY (workspace_id, id),
    CONSTRAINT conversions_workspace FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX conversions_create_time ON conversions (workspace_id, create_time);

-- One row for a pair of objects, whichever way it was asked for: from_class sorts before to_class, or, within a class,
-- from_id before to_id.
-- kind: tenant
CREATE TABLE relations (
    workspace_id TEXT NOT NULL,
    from_class TEXT NOT NULL,
    from_id TEXT NOT NULL,
    to_class TEXT NOT NULL,
    to_id TEXT NOT NULL,
    conversion_id TEXT,
    evidence BOOLEAN NOT NULL,
    creator_id TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    deleted_time BIGINT,
    CONSTRAINT relations_pk PRIMARY KEY (workspace_id, from_class, from_id, to_class, to_id),
    CONSTRAINT relations_from FOREIGN KEY (workspace_id, from_class, from_id)
        REFERENCES data_objects (workspace_id, dataclass, id),
    CONSTRAINT relations_to FOREIGN KEY (workspace_id, to_class, to_id)
        REFERENCES data_objects (workspace_id, dataclass, id),
    CONSTRAINT relations_conversion FOREIGN KEY (workspace_id, conversion_id)
        REFERENCES conversions (workspace_id, id)
);

CREATE INDEX relations_backwards ON relations (workspace_id, to_class, to_id, from_class, from_id);

-- A row for each object that changed, and one for a whole ingest batch. `sequence` counts within the request.
-- kind: tenant
CREATE TABLE audit (
    workspace_id TEXT NOT NULL,
    time BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    operation TEXT NOT NULL,
    object_class TEXT NOT NULL,
    object_id TEXT NOT NULL,
    changes TEXT NOT NULL,
    CONSTRAINT audit_pk PRIMARY KEY (workspace_id, time, request_id, sequence),
    CONSTRAINT audit_workspace FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX audit_of_object ON audit (workspace_id, object_id, time);

-- Stored answers by idempotency key.
-- kind: tenant
CREATE TABLE requests (
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    status BIGINT,
    answer BYTEA,
    CONSTRAINT requests_pk PRIMARY KEY (workspace_id, user_id, operation, idempotency_key),
    CONSTRAINT requests_workspace FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX requests_create_time ON requests (workspace_id, create_time);
