"""recent_orders against meltica.hot's DUPLICATE_ORDER."""

import pytest

from sim.rtl.runner import simulate


@pytest.mark.parametrize(("accounts", "depth"), [(8, 16), (3, 5), (1, 1)])
def test_recent_orders(accounts: int, depth: int) -> None:
    simulate(
        "recent_orders",
        bench="sim.rtl.recent_orders.bench_recent_orders",
        parameters={"Accounts": accounts, "Depth": depth},
        extra_env={"ACCOUNTS": str(accounts), "DEPTH": str(depth)},
    )
