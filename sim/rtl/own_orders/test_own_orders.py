"""own_orders against meltica.hot's book of own orders, and what it reports about itself."""

import pytest

from sim.rtl.runner import simulate


@pytest.mark.parametrize(("working_orders", "accounts"), [(64, 8), (5, 3), (1, 1)])
def test_own_orders(working_orders: int, accounts: int) -> None:
    simulate(
        "own_orders",
        bench="sim.rtl.own_orders.bench_own_orders",
        parameters={"WorkingOrders": working_orders, "Accounts": accounts},
        extra_env={"WORKING_ORDERS": str(working_orders), "ACCOUNTS": str(accounts)},
    )
