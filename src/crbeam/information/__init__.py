"""What observations can tell: Fisher information with named parameters, as a map of transmit covariances."""

from crbeam.information.information import Information
from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.parameters import ParameterLayout
from crbeam.information.transmission import Transmission

__all__ = ["Contribution", "Information", "InformationMap", "ParameterLayout", "Transmission"]
