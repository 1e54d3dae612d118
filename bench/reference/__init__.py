# SPDX-License-Identifier: Apache-2.0
"""What the library is measured against: the layers in eager PyTorch, and the files that hold cases."""
