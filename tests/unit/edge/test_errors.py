"""Errors go from process to process whole."""

from __future__ import annotations

import pickle
from inspect import isclass
from typing import Any

import pytest

from edge import errors

CLASSES = [
    each
    for each in vars(errors).values()
    if isclass(each) and issubclass(each, Exception) and each.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_comes_out_of_another_process_as_it_went_in(kind: Any) -> None:
    wafer = ("a.npy", errors.InputKind.EMPTY, "holds nothing")
    error = kind(*wafer) if kind is errors.InputError else kind("what is wrong")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), vars(again)) == (str(error), vars(error))
