"""
Records of one Avro schema, read with another by Python's two libraries. For `evolve-readers.test.ts`, which starts it.

stdin:  [{"writer": schema, "reader": schema, "bodies": [base64]}]
stdout: {"fastavro": [[row, or null where the record was refused]], "avro": the same}; values as `src/codec/avro-reader.ts` gives them.
"""

import base64
import datetime
import decimal
import io
import json
import math
import sys
import warnings

import avro.errors
import avro.io
import avro.schema
import fastavro

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def by_fastavro(writer, reader, bodies):
    writer = fastavro.parse_schema(json.loads(writer))
    reader = fastavro.parse_schema(json.loads(reader))
    return [attempt(lambda: fastavro.schemaless_reader(io.BytesIO(body), writer, reader)) for body in bodies]


def by_avro(writer, reader, bodies):
    try:
        datum_reader = avro.io.DatumReader(avro.schema.parse(writer), avro.schema.parse(reader))
    except avro.errors.AvroException:
        return [None for _ in bodies]
    return [attempt(lambda: datum_reader.read(avro.io.BinaryDecoder(io.BytesIO(body)))) for body in bodies]


def attempt(read):
    try:
        return read()
    except (avro.errors.AvroException, fastavro.read.SchemaResolutionError):
        return None


def form(schema, value):
    """The value as JSON that loses nothing."""
    if isinstance(schema, list):
        return None if value is None else form(next(branch for branch in schema if branch != "null"), value)
    if isinstance(schema, str):
        schema = {"type": schema}
    kind, logical = schema["type"], schema.get("logicalType")
    if kind == "record":
        return {field.get("originalName", field["name"]): form(field["type"], value[field["name"]]) for field in schema["fields"]}
    if kind == "array" and logical == "map":
        entry = [field["type"] for field in schema["items"]["fields"]]
        return [[form(entry[0], pair["key"]), form(entry[1], pair["value"])] for pair in value]
    if kind == "array":
        return [form(schema["items"], item) for item in value]
    if kind == "map":
        return sorted([key, form(schema["values"], item)] for key, item in value.items())
    if logical == "decimal":
        return format(value, "f")
    if logical == "date":
        return value.isoformat()
    if logical == "timestamp-micros":
        return str((value - EPOCH) // datetime.timedelta(microseconds=1))
    if kind == "long":
        return str(value)
    if kind == "bytes":
        return base64.b64encode(value).decode()
    if kind in ("float", "double"):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return "-0.0" if value == 0 and math.copysign(1, value) < 0 else value
    return value


def row(schema, value):
    if value is None:
        return None
    whole = form(schema, value)
    return {name: whole[name] for name in whole if name not in ("_change_type", "_commit_version", "_commit_timestamp")}


def main():
    decimal.getcontext().prec = 60
    warnings.simplefilter("ignore")
    cases = json.load(sys.stdin)
    answers = {}
    for name, read in (("fastavro", by_fastavro), ("avro", by_avro)):
        answers[name] = [
            [row(json.loads(case["reader"]), value) for value in read(case["writer"], case["reader"], map(base64.b64decode, case["bodies"]))]
            for case in cases
        ]
    json.dump(answers, sys.stdout)


main()
