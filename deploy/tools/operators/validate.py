"""Holds objects against the schemas of their custom resource definitions, as strictly as an API server does when it is asked to.

    validate.py DEFINITIONS OBJECTS

Both are folders of YAML files. Writes a line of JSON for each object: its file, kind and name, and what is wrong with it.
Rules in CEL and keys of lists are not looked at: these are left to a real API server.
"""

import json
import pathlib
import sys

import jsonschema
import yaml

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
# What whoever writes an object may say about it. Definitions leave this to the API server.
METADATA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "generateName": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": TEXTS,
        "annotations": TEXTS,
        "finalizers": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": False,
}
OF_EVERY_OBJECT = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": METADATA}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Refuses what is written twice. YAML would take the last of them."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"written twice: {sorted(twice)}", node.start_mark)
        return super().construct_mapping(node, deep)


def documents(folder):
    for path in sorted(pathlib.Path(folder).glob("*.yaml")):
        with path.open(encoding="utf-8") as file:
            for document in yaml.load_all(file, Loader):
                if document:
                    yield path.name, document


def strict(schema, is_object=False):
    """A definition's schema as JSON Schema, with what the API server adds: fields without a name in it are wrong."""
    made = dict(schema)
    properties = {name: strict(of) for name, of in schema.get("properties", {}).items()}
    if is_object or schema.get("x-kubernetes-embedded-resource"):
        properties.update(OF_EVERY_OBJECT)
    if properties:
        made["properties"] = properties
    if "items" in schema:
        made["items"] = strict(schema["items"])
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        made["additionalProperties"] = strict(values)
    elif schema.get("type") == "object" and not values and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    # Defaults are filled in before anything is missed.
    required = [name for name in made.pop("required", []) if "default" not in properties.get(name, {})]
    if required:
        made["required"] = required
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    if schema.get("nullable"):
        made = {"anyOf": [{"type": "null"}, made]}
    return made


def validators(folder):
    """By what objects call their kind; definitions keep several versions of it."""
    found = {}
    for _, definition in documents(folder):
        spec = definition["spec"]
        for version in spec["versions"]:
            if version["served"]:
                schema = strict(version["schema"]["openAPIV3Schema"], is_object=True)
                kind = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                # OpenAPI 3.0 took its words from this draft.
                found[kind] = jsonschema.Draft4Validator(schema)
    return found


def wrong_with(known, kind, document):
    if kind not in known:
        return [f"no definition serves {kind[0]} {kind[1]}"]
    errors = known[kind].iter_errors(document)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors]


def main():
    definitions, objects = sys.argv[1:]
    known = validators(definitions)
    for file, document in documents(objects):
        kind = (document.get("apiVersion"), document.get("kind"))
        name = document.get("metadata", {}).get("name")
        wrong = wrong_with(known, kind, document)
        print(json.dumps({"file": file, "kind": kind[1], "name": name, "wrong": wrong}))


main()
