"""What users that are served while the network senses get: channels, ratios, rates, the least power."""

from crbeam.communication.channels import ServedUser, UserPropagation, user_channels
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
    "ServedUser",
    "UplinkChannel",
    "UserPropagation",
    "downlink_sinr",
    "echo_tolerance",
    "least_power",
    "mimo_rates_bps_hz",
    "mmse_combiners",
    "rates_bps_hz",
    "uplink_sinr",
    "user_channels",
]
