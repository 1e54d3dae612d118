# SPDX-License-Identifier: Apache-2.0
"""What the references in plain Python share: they need nothing installed."""

import json
import struct


def float32(value):
    """The nearest float32: inputs and weights are exact in a file."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def write_case(path, module, config, tensors, reference):
    """A golden file. tensors: name -> (shape, flat values)."""
    header = {"__metadata__": {"module": module, "config": json.dumps(config),
                               "reference": f"{reference}, float64 rounded once"}}
    data = b""
    for name, (shape, values) in tensors.items():
        begin = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
