-- Comments on objects, files beside them, who last changed a type, and the way from a conversion to its relations.

-- `war_room_id` is the vendor's name for the id of the object commented on, which may be of any kind.
-- kind: tenant
CREATE TABLE notes (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    war_room_id TEXT NOT NULL,
    type TEXT NOT NULL,
    note_type TEXT NOT NULL,
    content TEXT NOT NULL,
    creator_id TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    deleted_time BIGINT,
    CONSTRAINT notes_pk PRIMARY KEY (workspace_id, id),
    CONSTRAINT notes_workspace FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
);

CREATE INDEX notes_newest ON notes (workspace_id, create_time DESC, id DESC) WHERE deleted_time IS NULL;

CREATE INDEX notes_of_object ON notes (workspace_id, war_room_id, create_time DESC, id DESC)
WHERE deleted_time IS NULL;

-- A file in the operator's directory, written there before this row.
-- kind: tenant
CREATE TABLE attachments (
    workspace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    file_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    creator_id TEXT NOT NULL,
    creator_name TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    CONSTRAINT attachments_pk PRIMARY KEY (workspace_id, id),
    CONSTRAINT attachments_workspace FOREIGN KEY (workspace_id) REFERENCES workspaces (id)
);

-- NULL: nobody changed the type since it was made.
ALTER TABLE object_types ADD COLUMN modifier_id TEXT;

ALTER TABLE object_types ADD COLUMN modifier_name TEXT;

-- The codes of parent and child without case: a workspace has a type once, though ids are made anew.
ALTER TABLE object_types ADD COLUMN codes TEXT;

CREATE UNIQUE INDEX object_types_codes ON object_types (workspace_id, dataclass, codes);

-- Statements that want to know whether there is a conversion say `COALESCE(conversion_id, '') <> ''`: SQLite would take
-- this index for `IS NOT NULL`, which is the wrong one for them.
CREATE INDEX relations_of_conversion ON relations (workspace_id, conversion_id);
