"""Structs -> their JSON Schema, with what docstrings say of their keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from edge.system.typed import meanings


def schema(kind: Any, title: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a TOML file that is decoded as ``kind``."""
    texts: dict[type, dict[str, Any]] = {Path: {"type": "string"}}
    found = msgspec.json.schema(kind, schema_hook=lambda cls: texts.get(cls, {}))
    return documented(title, _bare(found))


def _bare(node: Any) -> Any:
    """Without null, which TOML does not know."""
    if isinstance(node, list):
        return [_bare(one) for one in node if one != {"type": "null"}]
    if isinstance(node, dict):
        return {key: _bare(one) for key, one in node.items() if one is not None}
    return node


def documented(title: str, found: dict[str, Any]) -> dict[str, Any]:
    """The schema with meanings at its keys, no default that is refused, and tags by name.

    A tag that no struct has is told as such, instead of with what every one of them lacks.
    """
    for struct in found["$defs"].values():
        said = meanings(struct.get("description", ""))
        struct["description"] = said.pop("", "")
        for key, key_schema in struct.get("properties", {}).items():
            if key in said:
                key_schema.setdefault("description", said[key])
            if key_schema.get("default") == "":
                del key_schema["default"]
            if len(key_schema.get("enum", ())) == 1:
                key_schema["const"] = key_schema.pop("enum")[0]
            items = key_schema.get("items") or {}
            if tags := items.get("discriminator"):
                items["properties"] = {tags["propertyName"]: {"enum": [*tags["mapping"]]}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **found}
