"""Reading what partrain writes: safetensors files, with NumPy alone."""

import json
import struct

import numpy as np

TYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "U8": np.uint8}


def header_of(f):
    size, = struct.unpack("<Q", f.read(8))
    return json.loads(f.read(size))


def safetensors(path):
    """The tensors of a file, by name."""
    with open(path, "rb") as f:
        header, body = header_of(f), f.read()
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            out[name] = np.frombuffer(body[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return out


def metadata(path):
    """The strings that a file holds beside its tensors, by key."""
    with open(path, "rb") as f:
        return header_of(f).get("__metadata__", {})
