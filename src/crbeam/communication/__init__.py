"""What users that are served while the network senses get: ratios, rates, the least power.

Where their channels come from is in `crbeam.communication.channels`, which is imported by name: it knows waves, and the
rest, which design needs, does not.
"""

from crbeam.communication.least_power import LeastPower, least_power
from crbeam.communication.mimo import mimo_rates_bps_hz
from crbeam.communication.sinr import (
    EchoTolerance,
    UplinkChannel,
    downlink_sinr,
    echo_tolerance,
    mmse_combiners,
    rates_bps_hz,
    uplink_sinr,
)

__all__ = [
    "EchoTolerance",
    "LeastPower",
    "UplinkChannel",
    "downlink_sinr",
    "echo_tolerance",
    "least_power",
    "mimo_rates_bps_hz",
    "mmse_combiners",
    "rates_bps_hz",
    "uplink_sinr",
]
