"""The emulated device itself: right kernels run, wrong ones are found out."""

from __future__ import annotations

from types import ModuleType

import pytest

ORDERS = [0, 1, 5]


@pytest.mark.parametrize("order", ORDERS)
def test_barriers_and_warp_operations(device: ModuleType, order: int) -> None:
    assert device.probe("reverse", order) == 64
    assert device.probe("warp_sum", order) == sum(range(32))


@pytest.mark.parametrize("order", ORDERS)
def test_a_missing_barrier_shows(device: ModuleType, order: int) -> None:
    assert device.probe("reverse carelessly", order) != 64


WRONG = {
    "divergent barrier": "meet at different barriers: thread 0 waits at the barrier .*probes.cpp:[0-9]+",
    "absent_lane": "names a lane that is not there: .* thread 3 has returned",
    "half at barrier": "threads wait for each other",
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("name", "message"), WRONG.items(), ids=WRONG.keys())
def test_undefined_behaviour_is_an_error(device: ModuleType, name: str, message: str, order: int) -> None:
    with pytest.raises(RuntimeError, match=message):
        device.probe(name, order)
    assert device.probe("reverse", order) == 64
