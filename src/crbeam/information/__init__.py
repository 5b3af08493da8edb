"""What observations can tell: Fisher information with named parameters, as a map of transmit covariances."""

from crbeam.information.information import Information
from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.parameters import ParameterLayout

__all__ = ["Contribution", "Information", "InformationMap", "ParameterLayout"]
