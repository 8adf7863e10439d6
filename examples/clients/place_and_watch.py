"""A client with the generated code: place an order, watch what becomes of it, cancel it.

    make up
    .venv/bin/python examples/clients/place_and_watch.py

Mutual TLS by hand, so that it can be copied into a project that has only the generated ``meltica.v1``.
"""

import itertools
import uuid
from decimal import Decimal
from pathlib import Path

import grpc

from meltica.v1 import (
    market_data_service_pb2,
    market_data_service_pb2_grpc,
    order_pb2,
    order_service_pb2,
    order_service_pb2_grpc,
)

ADDRESS = "127.0.0.1:50051"
CERTIFICATES = Path(".meltica/ca")
WHO = "tara"
INSTRUMENT = "BTC/USDT@PAPER"
DEADLINE_S = 5.0


def channel() -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(CERTIFICATES / "ca.pem").read_bytes(),
        private_key=(CERTIFICATES / f"{WHO}.key").read_bytes(),
        certificate_chain=(CERTIFICATES / f"{WHO}.pem").read_bytes(),
    )
    return grpc.secure_channel(ADDRESS, credentials)


def main() -> None:
    with channel() as connection:
        market = market_data_service_pb2_grpc.MarketDataServiceStub(connection)
        orders = order_service_pb2_grpc.OrderServiceStub(connection)

        book = market.GetOrderBook(
            market_data_service_pb2.GetOrderBookRequest(instrument=INSTRUMENT, depth=1), timeout=DEADLINE_S
        )
        best = Decimal(book.bids[0].price)
        request = order_service_pb2.SubmitOrderRequest(
            request_id=str(uuid.uuid4()),  # Keep it: sent again after a lost answer, it gives the same answer.
            account="main",
            strategy="manual",
            instrument=INSTRUMENT,
            side=order_pb2.SIDE_BUY,
            type=order_pb2.ORDER_TYPE_LIMIT,
            time_in_force=order_pb2.TIME_IN_FORCE_GTC,
            quantity="0.010",
            price=str((best * Decimal("0.99")).quantize(best)),
        )
        placed = orders.SubmitOrder(request, timeout=DEADLINE_S)
        again = orders.SubmitOrder(request, timeout=DEADLINE_S)
        print(f"placed order {placed.order.order_id}; the same request again gives order {again.order.order_id}")

        orders.CancelOrder(
            order_service_pb2.CancelOrderRequest(request_id=str(uuid.uuid4()), order_id=placed.order.order_id),
            timeout=DEADLINE_S,
        )
        stream = orders.StreamOrderEvents(
            order_service_pb2.StreamOrderEventsRequest(after_sequence=placed.sequence - 1, strategy="manual")
        )
        for event in itertools.chain.from_iterable(batch.events for batch in stream):
            what = event.WhichOneof("event")
            detail = order_service_pb2.ExecType.Name(event.reported.exec_type) if what == "reported" else ""
            print(f"{event.sequence:>6}  {what} {detail}")
            if detail == "EXEC_TYPE_CANCELED":
                stream.cancel()
                break


if __name__ == "__main__":
    main()
