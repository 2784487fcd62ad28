"""Which folders are installed; all else stands in setup.cfg."""

from setuptools import find_packages, setup

#: C sources lie at the top of a checkout, and are installed as data beside what copies them out.
C_SOURCES = "convert.firmware.examples"

setup(
    packages=[*find_packages(include=["edge*", "wm_edge*", "train*", "convert*"]), C_SOURCES],
    package_dir={C_SOURCES: "firmware_examples"},
)
