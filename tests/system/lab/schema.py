"""Holds what --json prints against the JSON Schema of the repository."""

import functools
import json
import pathlib

import jsonschema

PATH = pathlib.Path(__file__).resolve().parents[3] / "cmd" / "lsend.schema.json"


class SchemaBreach(AssertionError):
    """lsend printed something that its schema does not know."""


@functools.cache
def _validators():
    """For each type the validators of its forms: the whole schema would try all types."""
    schema = json.loads(PATH.read_text(encoding="utf-8"))
    found = {}
    for form in schema["oneOf"]:
        name = form["$ref"].rsplit("/", 1)[1]
        of_type = schema["$defs"][name]["properties"]["type"]["const"]
        validator = jsonschema.Draft202012Validator({**form, "$defs": schema["$defs"]})
        found.setdefault(of_type, []).append(validator)
    return found


def check_object(thing):
    """Raises SchemaBreach unless it is one of the objects that the schema describes."""
    validators = _validators().get(thing.get("type"))
    if not validators:
        raise SchemaBreach(f"the schema has no type {thing.get('type')!r}: {thing}")
    errors = [[error.message for error in validator.iter_errors(thing)] for validator in validators]
    if all(errors):
        raise SchemaBreach(f"{errors[0]} in {thing}")


def check_output(text, ended=True):
    """Every whole line of --json; a stream that has ended ends with its result."""
    lines = text[:text.rfind("\n") + 1].splitlines()
    things = [json.loads(line) for line in lines]
    for thing in things:
        check_object(thing)
    if not ended or not things:
        return
    if len(things) > 1 and things[-1]["type"] != "result":
        raise SchemaBreach(f"the last line is no result: {things[-1]}")
    if any(thing["type"] == "result" for thing in things[:-1]):
        raise SchemaBreach("a result is not the last line")
