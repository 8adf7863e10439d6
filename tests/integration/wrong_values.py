"""What each kind of field must never be, as the judge of bad input tries it; and which field is of which kind.

A field without a kind fails the judge, so a new one needs a line here before it can be released.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

LONG: Final = "x" * 10_000
CONTROLS: Final = ("a\x00b", "a\nb", "a\x7fb", "a\u202eb")
NO_NUMBERS: Final = (
    *("NaN", "sNaN", "Infinity", "-inf", "1e5", "1E-2", "+1", " 1", "1\n", "1_000", "1,5", "0x10", "01", ".5", "5."),
    *("\u0663", "\uff11", "--1", "1.2.3", "\x00", "abc", "9" * 19, "9" * 10_000, "0." + "1" * 19),
)
HUGE: Final = "999999999999999999"
"""As many digits as a number may have; more lots, ticks or nanos than 63 bits hold."""
NO_NAMES: Final = ("a b", "\u00e4", "-a", ".", "a/b", "x" * 65, LONG, "'; DROP TABLE orders; --", *CONTROLS)
NO_IDS: Final = ("-1", "01", "1.0", "0x1", "\u0663", "1 ", "9" * 40, str(2**63), "abc", LONG)
NO_UUIDS: Final = ("1", "x" * 36, "{0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11}", "0b0f7c1e5d0c4a3e9a536f6f0a2f8c11", LONG)
NO_INSTRUMENTS: Final = ("BTC USDT", "BTC/USD\u0422@BINANCE", "x" * 81, LONG, "BTC/USDT@BINANCE\n", "\x00")
NO_CURRENCIES: Final = ("usd", "U", "US D", "X" * 13, "\u00c4\u00c4\u00c4", LONG, "USD\n")
NO_DAYS: Final = ("2026", "2026-13-01", "2026-02-30", "20261123", "2026-W01-1", "23.11.2026", "x", LONG, "2026-11-23\n")
NO_TIMES: Final = (
    Timestamp(seconds=-1),
    Timestamp(),
    Timestamp(seconds=2**40),
    Timestamp(seconds=2**63 - 1),
    Timestamp(seconds=1, nanos=-1),
    Timestamp(seconds=2_000_000_000, nanos=10**9),
)
NO_DURATIONS: Final = (
    Duration(seconds=-1),
    Duration(nanos=-1),
    Duration(nanos=10**9),
    Duration(seconds=86_401),
    Duration(seconds=2**63 - 1),
    Duration(seconds=1, nanos=-1),
)


class Kind(msgspec.Struct, frozen=True):
    wrong: tuple[Any, ...]
    names: bool = False
    """The name of something that may not exist: each story says what becomes of an unknown one."""


REQUEST_ID: Final = Kind(NO_UUIDS)
NAME: Final = Kind(NO_NAMES, names=True)
ID: Final = Kind(NO_IDS, names=True)
INSTRUMENT: Final = Kind(NO_INSTRUMENTS, names=True)
CLIENT_ID: Final = Kind(("a b", "\u00e4", "x" * 37, LONG, *CONTROLS))
EXECUTION_ID: Final = Kind(("x" * 257, LONG, *CONTROLS), names=True)
REASON: Final = Kind(("   ", "x" * 201, LONG, *CONTROLS))
QUANTITY: Final = Kind((*NO_NUMBERS, HUGE, "0", "-1", "-0.5", "0.000001"))
LIMIT: Final = Kind((*NO_NUMBERS, HUGE, "-1", "0.000001"))
PRICE: Final = Kind((*NO_NUMBERS, HUGE, "0", "-1", "0.001", "1000000.01"))
OFFSET: Final = Kind((*NO_NUMBERS, HUGE, "0.001", "-0.001"))
MONEY: Final = Kind((*NO_NUMBERS, HUGE, "-1", "0.0000000001"))
AMOUNT: Final = Kind((*NO_NUMBERS, HUGE, "0", "0.0000000001"))
SHARE: Final = Kind((*NO_NUMBERS, HUGE, "-0.1", "1.000001", "0.0000001"))
COEFFICIENT: Final = Kind((*NO_NUMBERS, "-0.1"))
RATE: Final = Kind((*NO_NUMBERS, "0", "-1"))
CURRENCY: Final = Kind(NO_CURRENCIES)
TIME: Final = Kind(NO_TIMES)
DURATION: Final = Kind(NO_DURATIONS)
ETAG: Final = Kind(NO_IDS)
"""One that is sound and not the newest is REVISION_MISMATCH: see the stories' own cases."""
TARGET: Final = Kind(("x/y", "strategies/", "strategies/a b", "ports/a/b", "instruments/", LONG, "a\x00"), names=True)
CREDIT: Final = Kind(("x", "accounts", "accounts/", "accounts/a b", "ports/a", LONG, "a\x00"), names=True)
LIMITS_NAME: Final = Kind(("accounts/somebody-else", LONG, "a\x00"))
ANY: Final = Kind(())
"""Every value has a meaning by itself: yes or no, a count that blocks at 0."""


def count(most: int, least: int = 0) -> Kind:
    """A whole number in bounds. What the field's type can't hold is not tried: no client can send it."""
    return Kind(
        tuple(n for n in (least - 1, most + 1, -(2**31), 2**31 - 1, 2**32 - 1, 2**64 - 1) if not least <= n <= most)
    )


KINDS: Final[dict[str, Kind]] = {
    "request_id": REQUEST_ID,
    **dict.fromkeys(("account", "strategy", "venue", "gate", "port"), NAME),
    **dict.fromkeys(("order_id", "group_id", "proposal_id", "difference_id", "allocation_id", "order_ids"), ID),
    "instrument": INSTRUMENT,
    "client_order_id": CLIENT_ID,
    "execution_id": EXECUTION_ID,
    "reason": REASON,
    "PauseAlgoRequest.reason": Kind(tuple(text for text in REASON.wrong if text.strip())),
    **dict.fromkeys(("quantity", "display_quantity", "min_quantity", "max_child_quantity"), QUANTITY),
    **dict.fromkeys(
        ("max_quantity", "max_day_quantity", "max_long_quantity", "max_short_quantity", "located_quantity"), LIMIT
    ),
    **dict.fromkeys(
        (
            "price",
            "mark_price",
            "trigger_price",
            "activation_price",
            "peg_limit_price",
            "trailing_offset",
            "limit_offset",
            "decision_price",
        ),
        PRICE,
    ),
    "peg_offset": OFFSET,
    **dict.fromkeys(("max_open_value", "max_daily_loss", "max_drawdown", "max_value", "volume"), MONEY),
    **dict.fromkeys(("amount", "to_amount", "delta"), AMOUNT),
    **dict.fromkeys(("display_spread", "participation_rate", "randomisation", "volume_curve"), SHARE),
    **dict.fromkeys(("risk_aversion", "volatility", "temporary_impact", "permanent_impact"), COEFFICIENT),
    "SetConversionRateRequest.rate": RATE,
    "SettleFundingRequest.rate": Kind((*NO_NUMBERS, "0", "1.1", "-1.1", "0.0000000000001")),
    **dict.fromkeys(("currency", "to_currency", "base_currency", "quote_currency"), CURRENCY),
    **dict.fromkeys(("expire_time", "start_time", "end_time", "decide_time"), TIME),
    **dict.fromkeys(
        ("older_than", "reference_max_age", "session_open", "session_close", "duplicate_window", "rearm_after"),
        DURATION,
    ),
    "etag": ETAG,
    "page_size": Kind((-1, -(2**31))),
    "page_token": Kind(("x", "AAAA", "MTIzNDU2Nzg6", "\u00e4", LONG)),
    "after_sequence": ANY,
    "depth": Kind((-1, 1001, 2**31 - 1)),
    "instruments": INSTRUMENT,
    "GetLimitsRequest.name": Kind(("a\x00b", LONG)),
    **dict.fromkeys(("day", "first_day", "last_day"), Kind(NO_DAYS)),
    "target": TARGET,
    "ChangeCreditRequest.name": CREDIT,
    "SetMarkRequest.name": INSTRUMENT,
    "Limits.name": LIMITS_NAME,
    "trailing_offset_bps": Kind((-1, 10_000, 2**31 - 1)),
    "slices": Kind((-1, -(2**31), 2**31 - 1)),
    "collar_bps": count(100_000),
    "message_burst": Kind((2**32 - 1,)),
    "self_match_group": count(2**16 - 1),
    "max_executions": count(2**63 - 1),
    **dict.fromkeys(("max_open_orders", "messages_per_second", "max_consecutive_rejects", "max_impact_percent"), ANY),
    **dict.fromkeys(("maker_ppm", "taker_ppm"), Kind((-1_000_001, 1_000_001, 2**31 - 1, -(2**31)))),
    **dict.fromkeys(("numerator", "denominator"), count(1_000_000, 1)),
    "FillShare.ratio": count(2**63 - 1, 1),
}
"""``Message.field``, or a field's name wherever it stands -> its kind. Enums and booleans tell theirs themselves."""

OPTIONAL_ENUMS: Final = {
    "OrderTerms.trigger_source": "bid and ask",
    "OrderTerms.peg": "follows nothing",
    "ListBookPositionsRequest.method": "all of them",
    "SubmitOrderListRequest.among": "each by itself",
    "SubmitOrderListRequest.sizing": "full",
    "CancelOrdersRequest.side": "both sides",
    "Schedule.catch_up": "keep",
    "Schedule.at_end": "cancel",
    "SubmitAlgoRequest.time_in_force": "good till cancelled",
    "InstrumentLimits.short_sale": "none is allowed",
    "AccountLimits.self_match": "the newest is cancelled",
}
"""Enums that may be left out, and what that means."""

OPTIONAL: Final = {
    *("SubmitOrderRequest.strategy", "SubmitAlgoRequest.strategy", "BookCashRequest.strategy"),
    *("BookCashRequest.instrument", "SetAccountBooksRequest.base_currency"),
    *("CancelAllOrdersRequest.account", "CancelAllOrdersRequest.strategy", "CancelAllOrdersRequest.instrument"),
    *("CancelOrdersRequest.account", "CancelOrdersRequest.strategy", "CancelOrdersRequest.instrument"),
    *("CancelOrdersRequest.group_id", "CancelOrdersRequest.older_than"),
    *("SubmitOrderRequest.client_order_id", "AmendOrderRequest.client_order_id", "CancelOrderRequest.client_order_id"),
    *("Amendment.client_order_id", "SubmitAlgoRequest.client_order_id", "SubmitAlgoRequest.price"),
    *("SubmitOrderRequest.terms", "Amendment.terms", "AmendOrderRequest.terms", "Schedule.start_time"),
    *(
        "OrderTerms.activation_price",
        "OrderTerms.peg_offset",
        "OrderTerms.peg_limit_price",
        "OrderTerms.display_spread",
    ),
    *("OrderTerms.display_quantity", "OrderTerms.min_quantity", "OrderTerms.limit_offset"),
    *("Schedule.max_child_quantity", "Schedule.randomisation", "Schedule.risk_aversion", "Schedule.volatility"),
    *("AmendAlgoRequest.end_time", "SubmitOrderRequest.decide_time", "SubmitAlgoRequest.decide_time"),
    *("SubmitOrderRequest.decision_price", "SubmitAlgoRequest.decision_price", "BookCashRequest.venue"),
    *("SetFeeScheduleRequest.account", "SetFeeScheduleRequest.instrument"),
    *("Schedule.permanent_impact", "Schedule.volume_has_ours", "PauseAlgoRequest.reason"),
    *("EngageKillSwitchRequest.account", "EngageKillSwitchRequest.target"),
    *("ProposeReleaseRequest.account", "ProposeReleaseRequest.target"),
    *("Limits.name", "PositionLimits.located_quantity", "AllocateFillRequest.execution_id"),
    *("SettleDifferenceRequest.price",),
    *("InstrumentLimits.reference_max_age", "InstrumentLimits.session_open", "InstrumentLimits.session_close"),
    *("AccountLimits.duplicate_window", "AccountLimits.rearm_after"),
}
"""May be left out wherever they stand; all others, once a story has them, are required."""


def kind_of(field: FieldDescriptor) -> Kind:
    """:raises KeyError: nobody has said yet what the field must not be."""
    place = f"{field.containing_type.name}.{field.name}"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return ANY
    if field.enum_type is not None:
        known = {value.number for value in field.enum_type.values}
        unknown = tuple(number for number in (max(known) + 1, -1, 2**31 - 1, -(2**31)) if number not in known)
        return Kind(unknown if place in OPTIONAL_ENUMS else (0, *unknown))
    found = KINDS.get(place) or KINDS.get(field.name)
    if found is None:
        raise KeyError(f"{place} is new: say in wrong_values.KINDS what it must not be")
    return found


def fits(field: FieldDescriptor, value: Any) -> bool:
    """Can a client send that at all?"""
    unsigned = {FieldDescriptor.TYPE_UINT32: 32, FieldDescriptor.TYPE_UINT64: 64}
    signed = {FieldDescriptor.TYPE_INT32: 31, FieldDescriptor.TYPE_INT64: 63}
    if field.type in unsigned:
        return 0 <= value < 2 ** unsigned[field.type]
    if field.type in signed:
        return -(2 ** signed[field.type]) <= value < 2 ** signed[field.type]
    return True
