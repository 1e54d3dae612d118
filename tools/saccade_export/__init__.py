# SPDX-License-Identifier: Apache-2.0
"""Networks of PyTorch and ONNX as files of the library: export.py's part that needs PyTorch."""
