"""Every way in which one field of a sound request can be wrong, by the request's own descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from tests.integration.request_story import Story
from tests.integration.wrong_values import (
    CREDIT,
    EXECUTION_ID,
    ID,
    INSTRUMENT,
    NAME,
    OPTIONAL,
    OPTIONAL_ENUMS,
    TARGET,
    Kind,
    fits,
    kind_of,
)

UNKNOWN_NAMES: Final = {
    id(NAME): "nobody",
    id(ID): "999999",
    id(INSTRUMENT): "NO/SUCH@BINANCE",
    id(EXECUTION_ID): "no-such-execution",
    id(TARGET): "strategies/nobody",
    id(CREDIT): "accounts/nobody",
}
MARKER: Final = "@marker@"
NOT_UTF8: Final = b"\xc3\x28\xff\xfe\xed\xa0\x80\xf8"
LEAVES: Final = ("google.protobuf.Timestamp", "google.protobuf.Duration")
INVALID: Final = "INVALID_ARGUMENT"


class Wrong(msgspec.Struct, frozen=True):
    field: str
    """The path that must be named."""
    how: str
    data: bytes
    reason: str = ""
    """Empty: any, with INVALID_ARGUMENT."""


def fields_of(descriptor: Descriptor, at: str = "") -> set[str]:
    """Every field that a request of this type can have, lists without a number."""
    found: set[str] = set()
    for field in descriptor.fields:
        found.add(at + field.name)
        if field.message_type is not None and field.message_type.full_name not in LEAVES:
            found |= fields_of(field.message_type, f"{at}{field.name}.")
    return found


class Walk:
    """All that can be wrong with one story's request. ``seen``: the fields that it came by."""

    def __init__(self, story: Story, request: Message) -> None:
        self._story = story
        self._request = request
        self.seen: set[str] = set()

    def wrongs(self) -> Iterator[Wrong]:
        yield from self._message(self._request, "")
        for path, value, reason in self._story.also:
            field, _, named = path.partition(" > ")
            yield self._changed(field, value, reason, named)

    def _message(self, message: Message, at: str) -> Iterator[Wrong]:
        yield self._with_unknown_field(at)
        for oneof in message.DESCRIPTOR.oneofs:
            names = [field.name for field in oneof.fields]
            if len(names) > 1 and message.WhichOneof(oneof.name):
                yield self._edited(
                    at.rstrip("."), f"{oneof.name} unset", at, lambda m, n=names: [m.ClearField(x) for x in n]
                )
        for field in message.DESCRIPTOR.fields:
            self.seen.add(_plain(at) + field.name)
            if field.is_repeated:
                yield from self._list(message, field, at)
            elif field.message_type is not None and field.message_type.full_name not in LEAVES:
                if message.HasField(field.name):
                    yield from self._message(getattr(message, field.name), f"{at}{field.name}.")
                    if field.containing_oneof is None and not self._optional(field, at):
                        yield self._edited(at + field.name, "missing", at, lambda m, n=field.name: m.ClearField(n))
            else:
                yield from self._leaf(message, field, at, at + field.name)

    def _list(self, message: Message, field: FieldDescriptor, at: str) -> Iterator[Wrong]:
        path, items = at + field.name, getattr(message, field.name)
        if len(items):
            last = f"{path}[{len(items) - 1}]"
            if field.message_type is not None:
                yield from self._message(items[-1], f"{last}.")
            else:
                yield from self._leaf(message, field, at, last)
            named, reason = self._story.twice[path]
            if named:
                yield self._edited(named, "last item twice", at, lambda m, n=field.name: _append(m, n, 1), reason)
            if path not in self._story.may_miss:
                yield self._edited(path, "no items", at, lambda m, n=field.name: m.ClearField(n))
            more = self._story.most[path] + 1 - len(items)
            yield self._edited(path, "too many items", at, lambda m, n=field.name, k=more: _append(m, n, k))

    def _leaf(self, message: Message, field: FieldDescriptor, at: str, path: str) -> Iterator[Wrong]:
        if field.name == "request_id" and at:
            return  # Stays empty: the list has one; the stories' own cases try it.
        kind = kind_of(field)
        passed_over = path in self._story.answered or (path in self._story.ignored and not kind.names)
        for value in () if passed_over else kind.wrong:
            if fits(field, value):
                yield self._changed(path, value)
        if kind.names and path not in self._story.ignored:
            yield self._changed(path, UNKNOWN_NAMES[_family(kind)], self._story.unknown[path])
        if field.type == FieldDescriptor.TYPE_STRING:
            yield self._not_utf8(path)
        missing = not field.is_repeated and field.type != FieldDescriptor.TYPE_BOOL and field.enum_type is None
        if missing and self._is_there(message, field) and not self._optional(field, at):
            yield self._edited(path, "missing", at, lambda m, n=field.name: m.ClearField(n))
        if field.type == FieldDescriptor.TYPE_STRING and field.has_presence:
            yield self._changed(path, "")

    def _is_there(self, message: Message, field: FieldDescriptor) -> bool:
        if field.name == "request_id":
            return True
        if field.type in (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_INT32):
            return False  # 0 is a number: where it is wrong, its kind says so.
        return message.HasField(field.name) if field.has_presence else bool(getattr(message, field.name))

    def _optional(self, field: FieldDescriptor, at: str) -> bool:
        place = f"{field.containing_type.name}.{field.name}"
        by_presence = field.has_presence and field.message_type is None
        return place in OPTIONAL or place in OPTIONAL_ENUMS or at + field.name in self._story.may_miss or by_presence

    # How it is made wrong

    def _changed(self, path: str, value: Any, reason: str = "", named: str = "") -> Wrong:
        request = self._copy()
        put(request, path, value)
        return Wrong(named or path, repr(value)[:40], request.SerializeToString(), reason)

    def _edited(self, named: str, how: str, at: str, edit: Any, reason: str = "") -> Wrong:
        request = self._copy()
        edit(found_at(request, at.rstrip(".")))
        return Wrong(named, how, request.SerializeToString(), reason)

    def _with_unknown_field(self, at: str) -> Wrong:
        request = self._copy()
        found_at(request, at.rstrip(".")).MergeFromString(b"\xc8\x3e\x01")
        return Wrong(f"{at}#1001", "unknown field", request.SerializeToString())

    def _not_utf8(self, path: str) -> Wrong:
        request = self._copy()
        put(request, path, MARKER)
        data = request.SerializeToString().replace(MARKER.encode(), NOT_UTF8)
        return Wrong(path, "broken UTF-8", data, "MALFORMED_MESSAGE")

    def _copy(self) -> Message:
        copy = type(self._request)()
        copy.CopyFrom(self._request)
        return copy


def _family(kind: Kind) -> int:
    return id(kind)


def _append(message: Message, name: str, times: int) -> None:
    items = getattr(message, name)
    last = items[-1]
    for _ in range(times):
        if isinstance(last, Message):
            items.add().CopyFrom(last)
        else:
            items.append(last)


def _plain(at: str) -> str:
    return "".join(part.partition("[")[0] + "." for part in at.split(".") if part)


def found_at(message: Message, path: str) -> Message:
    """The message at ``orders[1].terms``; empty: itself."""
    found: Any = message
    for part in path.split(".") if path else ():
        name, _, place = part.rstrip("]").partition("[")
        found = getattr(found, name)[int(place)] if place else getattr(found, name)
    assert isinstance(found, Message)
    return found


def put(request: Message, path: str, value: Any) -> None:
    parent, _, last = path.rpartition(".")
    message = found_at(request, parent)
    name, _, place = last.rstrip("]").partition("[")
    if place:
        getattr(message, name)[int(place)] = value
    elif isinstance(value, Message):
        getattr(message, name).CopyFrom(value)
    elif isinstance(value, list):
        message.ClearField(name)
        getattr(message, name).extend(value)
    else:
        setattr(message, name, value)
