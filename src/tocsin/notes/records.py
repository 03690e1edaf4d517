"""Notes: what people write about an object while they work on it."""

import msgspec


class Note(msgspec.Struct, frozen=True):
    """`war_room_id` is the vendor's name for the id of the object, of whatever kind. Times are UTC milliseconds."""

    id: str
    war_room_id: str
    type: str
    note_type: str
    content: str
    creator_id: str
    creator_name: str
    create_time: int
    update_time: int
