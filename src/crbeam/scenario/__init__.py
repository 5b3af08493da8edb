"""What the world is: stations, user, targets, waveform, links, as declared in a file or in Python."""

from crbeam.scenario.arrays import AnalogCombiner, UniformLinearArray
from crbeam.scenario.document import scenario_document
from crbeam.scenario.json_schema import scenario_json_schema
from crbeam.scenario.links import USER, Link, Propagation
from crbeam.scenario.multistatic import RECEIVERS, Multistatic, Receivers
from crbeam.scenario.network import OTHERS, Network
from crbeam.scenario.protocol import Protocol, Requirements
from crbeam.scenario.reading import list_presets, locate, read_scenario
from crbeam.scenario.scenario import Scenario
from crbeam.scenario.service import Sensing, ServedUsers
from crbeam.scenario.stations import Station, Targets, User
from crbeam.scenario.waveform import SPEED_OF_LIGHT_MPS, Noise, Waveform

__all__ = [
    "OTHERS",
    "RECEIVERS",
    "SPEED_OF_LIGHT_MPS",
    "USER",
    "AnalogCombiner",
    "Link",
    "Multistatic",
    "Network",
    "Noise",
    "Propagation",
    "Protocol",
    "Receivers",
    "Requirements",
    "Scenario",
    "Sensing",
    "ServedUsers",
    "Station",
    "Targets",
    "UniformLinearArray",
    "User",
    "Waveform",
    "list_presets",
    "locate",
    "read_scenario",
    "scenario_document",
    "scenario_json_schema",
]
