"""How waves travel: paths and their derivatives."""

from crbeam.propagation.jacobians import (
    DopplerGradients,
    PathGradients,
    doppler_gradients,
    doppler_shifts_hz,
    path_gradients,
)
from crbeam.propagation.path_file import RecordedPaths, read_path_file, write_path_file
from crbeam.propagation.paths import Motion, Paths
from crbeam.propagation.responses import steering_response
from crbeam.propagation.tracing import receive_array, trace_paths

__all__ = [
    "DopplerGradients",
    "Motion",
    "PathGradients",
    "Paths",
    "RecordedPaths",
    "doppler_gradients",
    "doppler_shifts_hz",
    "path_gradients",
    "read_path_file",
    "receive_array",
    "steering_response",
    "trace_paths",
    "write_path_file",
]
