"""Answers for each text what PyYAML's safe_load, with which OMS reads config.yaml, makes of it: one JSON question a line
({"text": ...}), one JSON answer a line ({"value": typed value} or {"refused": why})."""
import datetime
import json
import struct
import sys

import yaml


def typed(value):
    """The value with its Python type, so that JSON can carry all of them."""
    if value is None:
        return None
    if isinstance(value, bool):
        return {"bool": value}
    if isinstance(value, int):
        return {"int": str(value) if -(2**127) < value < 2**127 else "huge"}
    if isinstance(value, float):
        return {"float": "nan" if value != value else struct.pack(">d", value).hex()}
    if isinstance(value, (datetime.date, datetime.datetime)):
        return {"time": value.isoformat()}
    if isinstance(value, str):
        value.encode("utf-8")
        return {"text": value}
    if isinstance(value, list):
        return {"list": [typed(item) for item in value]}
    if isinstance(value, dict):
        return {"map": [[typed(key), typed(item)] for key, item in value.items()]}
    return {"other": type(value).__name__}


def answer(text):
    try:
        return {"value": typed(yaml.safe_load(text))}
    except Exception as error:  # Constructors raise what they like: KeyError, ValueError, AttributeError.
        return {"refused": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)["text"])), flush=True)
