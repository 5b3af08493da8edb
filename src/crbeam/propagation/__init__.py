"""How waves travel: paths and their derivatives."""

from crbeam.propagation.jacobians import StateNames, path_layout, state_jacobian, state_layout
from crbeam.propagation.path_file import RecordedPaths, read_path_file, write_path_file
from crbeam.propagation.paths import Paths
from crbeam.propagation.responses import steering_response
from crbeam.propagation.tracing import trace_paths

__all__ = [
    "Paths",
    "RecordedPaths",
    "StateNames",
    "path_layout",
    "read_path_file",
    "state_jacobian",
    "state_layout",
    "steering_response",
    "trace_paths",
    "write_path_file",
]
