"""Send one order through a running hot process, and watch what becomes of it.

python examples/clients/hot_orders.py /dev/shm/meltica-1000-edge-1 --instrument 3 --price 10050 --lots 100
"""

import argparse
import time
from pathlib import Path

from meltica.hot.intent_writer import IntentWriter
from meltica.hot.layout_gen import DropKind, Side

LAST = (DropKind.REFUSED, DropKind.REJECTED, DropKind.CANCELED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--instrument", type=int, required=True)
    parser.add_argument("--price", type=int, required=True, help="ticks")
    parser.add_argument("--lots", type=int, default=1)
    parser.add_argument("--side", choices=["BUY", "SELL"], default="BUY")
    parser.add_argument("--account", type=int, default=0)
    parser.add_argument("--strategy", type=int, default=0)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=2.0, help="then it is cancelled")
    asked = parser.parse_args()
    with IntentWriter(asked.folder, account_id=asked.account, strategy_id=asked.strategy, port_id=asked.port) as desk:
        order = desk.limit(
            instrument_id=asked.instrument,
            side=Side[asked.side],
            quantity_lots=asked.lots,
            price_ticks=asked.price,
        )
        desk.send(order)
        if not watch(desk, order.order_id, asked.seconds):
            desk.send(desk.cancel(order))
            watch(desk, order.order_id, asked.seconds)


def watch(desk: IntentWriter, order_id: int, seconds: float) -> bool:
    """True: it is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for copy in desk.drop_copies():
            if copy.order_id != order_id:
                continue
            print(
                DropKind(copy.kind).name, f"leaves {copy.leaves_lots}", f"reason {copy.reason}" if copy.reason else ""
            )
            if copy.kind in LAST or (copy.kind == DropKind.EXECUTED and copy.leaves_lots == 0):
                return True
        time.sleep(0.001)
    return False


if __name__ == "__main__":
    main()
