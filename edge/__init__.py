"""Everything an inspection station needs: wafer map -> encoding -> model -> verdict -> sink."""

__version__ = "0.1.0"
