"""Weights in and out: other libraries' files and layouts, Hub folders, ONNX. No paper's network is known here."""
