"""Orders of every kind, drawn at random around the market: most of them reasonable, some of them not."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any, Final

from meltica.domain.algo_commands import SubmitAlgo
from meltica.domain.commands import SubmitOrder, SubmitOrderList, SubmitOrders
from meltica.domain.groups import Link, Sizing
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.schedule import PPM, AtEnd, CatchUp, ChildStyle, Schedule, ScheduleKind
from meltica.domain.terms import OffsetUnit, Peg, Terms, TriggerSource
from sim.world.clock import MINUTE, SECOND

LOTS: Final = 200
STOPS: Final = (OrderType.STOP, OrderType.STOP_LIMIT)
TOUCHED: Final = (OrderType.MARKET_IF_TOUCHED, OrderType.LIMIT_IF_TOUCHED)
TRAILING: Final = (OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT)
RESTING: Final = (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.DAY, TimeInForce.GTD)


class Orders:
    """``prices``: instrument -> mid in ticks, as the market has it now; ``names``: those that are traded here."""

    def __init__(
        self, dice: random.Random, prices: dict[str, int], names: list[str], accounts: tuple[str, ...]
    ) -> None:
        self._dice, self._prices, self.names, self._accounts = dice, prices, names, accounts

    def one(self, who: dict[str, Any], now_ns: int) -> SubmitOrder:
        kind = self._dice.choices(
            (self._plain, self._stop, self._touched, self._trailing, self._pegged, self._iceberg, self._cross),
            (50, 10, 6, 8, 8, 8, 4),
        )[0]
        return self._order(who, kind(self._place(), now_ns))

    def many(self, who: dict[str, Any], now_ns: int) -> SubmitOrders:
        each = tuple(self._order({}, self._plain(self._place(), now_ns)) for _ in range(self._dice.randrange(2, 6)))
        return SubmitOrders(**who, orders=each, all_or_none=self._dice.random() < 0.5)  # noqa: PLR2004

    def linked(self, who: dict[str, Any], now_ns: int) -> SubmitOrderList:
        """OCO, OUO, OTO or a bracket in one instrument."""
        place = self._place()
        link = self._dice.choice(list(Link))
        lots, side, mid = self._lots(), place["side"], place["mid"]
        entry = place | {"quantity_lots": lots}
        profit = self._limit(place | {"side": side.opposite}, -40)
        loss = self._stop(place | {"side": side.opposite}, now_ns)
        common = {"quantity_lots": lots, "time_in_force": TimeInForce.GTC}
        legs = [{**profit, **common}, {**loss, **common, "terms": Terms(trigger_ticks=mid - side.sign * 40)}]
        sizing, among = Sizing.FULL, None
        if link in (Link.OTO, Link.BRACKET):
            first = self._limit(entry, self._dice.choice([-3, 1, 10])) | {"time_in_force": TimeInForce.GTC}
            legs = [first | {"quantity_lots": lots}, *legs]
            sizing = self._dice.choice(list(Sizing))
            among = self._dice.choice([Link.OCO, Link.OUO]) if link is Link.OTO else None
        orders = tuple(self._order({}, leg) for leg in legs)
        return SubmitOrderList(**who, link=link, orders=orders, among=among, sizing=sizing)

    def algo(self, who: dict[str, Any], now_ns: int) -> SubmitAlgo:
        place, dice = self._place(), self._dice
        kind = dice.choice(list(ScheduleKind))
        fields: dict[str, Any] = {
            "kind": kind,
            "end_ns": now_ns + dice.randrange(10 * SECOND, 2 * MINUTE),
            "style": dice.choice(list(ChildStyle)),
            "catch_up": dice.choice(list(CatchUp)),
            "at_end": dice.choice(list(AtEnd)),
            "randomise_ppm": dice.choice([0, PPM // 5]),
        }
        match kind:
            case ScheduleKind.TWAP:
                fields["slices"] = dice.randrange(2, 8)
            case ScheduleKind.VWAP:
                fields |= {"slices": 2, "curve_ppm": (PPM // 2, PPM // 4, PPM // 4)}
            case ScheduleKind.POV:
                fields |= {"rate_ppm": PPM // 5, "max_child_lots": 20}
            case ScheduleKind.SHORTFALL:
                names = ("risk_aversion", "volatility", "temporary_impact")
                fields |= {"slices": dice.randrange(2, 6), **dict.fromkeys(names, Decimal("0.01"))}
            case ScheduleKind.ICEBERG:
                fields |= {"max_child_lots": 15, "style": ChildStyle.LIMIT, "catch_up": CatchUp.KEEP}
        price = place["mid"] + place["side"].sign * dice.choice([-20, 2, 60])
        return SubmitAlgo(
            **who,
            **{name: place[name] for name in ("account", "strategy", "instrument", "side")},
            quantity_lots=self._lots(),
            schedule=Schedule(**fields),
            price_ticks=price if fields["style"] is ChildStyle.LIMIT or dice.random() < 0.7 else None,  # noqa: PLR2004
            reduce_only=dice.random() < 0.05,  # noqa: PLR2004
        )

    # One order each

    def _place(self) -> dict[str, Any]:
        name = self._dice.choice(self.names)
        return {
            "account": self._dice.choice(self._accounts),
            "strategy": self._dice.choice(["manual", "desk"]),
            "instrument": name,
            "side": self._dice.choice(list(Side)),
            "mid": self._prices[name],
        }

    def _lots(self) -> int:
        return self._dice.choice([1, 7, 50, self._dice.randrange(1, LOTS), self._dice.randrange(1, LOTS)])

    def _limit(self, place: dict[str, Any], better: int) -> dict[str, Any]:
        """``better`` ticks on the passive side of the mid."""
        price = place["mid"] - place["side"].sign * better
        return place | {"order_type": OrderType.LIMIT, "price_ticks": price, "time_in_force": TimeInForce.GTC}

    def _plain(self, place: dict[str, Any], now_ns: int) -> dict[str, Any]:
        dice = self._dice
        if dice.random() < 0.2:  # noqa: PLR2004
            tif = dice.choice([TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK])
            return place | {"order_type": OrderType.MARKET, "time_in_force": tif}
        tif = dice.choice([*RESTING, TimeInForce.IOC, TimeInForce.FOK])
        terms: dict[str, Any] = {}
        if tif is TimeInForce.GTD:
            terms["expire_ns"] = now_ns + dice.randrange(SECOND, 2 * MINUTE)
        if tif is TimeInForce.IOC and dice.random() < 0.2:  # noqa: PLR2004
            terms["min_lots"] = 1
        return self._limit(place, dice.choice([-4, -1, 1, 3, 10, 40])) | {
            "time_in_force": tif,
            "terms": Terms(**terms) if terms else None,
            "post_only": tif in RESTING and dice.random() < 0.2,  # noqa: PLR2004
            "reduce_only": dice.random() < 0.1,  # noqa: PLR2004
        }

    def _stop(self, place: dict[str, Any], now_ns: int) -> dict[str, Any]:
        dice, kind = self._dice, self._dice.choice(STOPS)
        trigger = place["mid"] + place["side"].sign * dice.choice([-1, 3, 10, 30])
        source = dice.choice([TriggerSource.BID_ASK, TriggerSource.LAST, TriggerSource.MID])
        fields = self._rests(now_ns, trigger_ticks=trigger, trigger_source=source)
        price = trigger + place["side"].sign * 5 if kind is OrderType.STOP_LIMIT else None
        return place | fields | {"order_type": kind, "price_ticks": price}

    def _touched(self, place: dict[str, Any], now_ns: int) -> dict[str, Any]:
        kind = self._dice.choice(TOUCHED)
        trigger = place["mid"] - place["side"].sign * self._dice.choice([1, 8, 25])
        price = trigger + place["side"].sign * 2 if kind is OrderType.LIMIT_IF_TOUCHED else None
        return place | self._rests(now_ns, trigger_ticks=trigger) | {"order_type": kind, "price_ticks": price}

    def _trailing(self, place: dict[str, Any], now_ns: int) -> dict[str, Any]:
        dice, kind = self._dice, self._dice.choice(TRAILING)
        points = dice.random() < 0.3  # noqa: PLR2004
        unit = OffsetUnit.BASIS_POINTS if points else OffsetUnit.TICKS
        terms: dict[str, Any] = {"trail_offset": dice.choice([1, 3]) if points else 15, "trail_unit": unit}
        if kind is OrderType.TRAILING_STOP_LIMIT:
            terms["limit_offset_ticks"] = 5
        if dice.random() < 0.3:  # noqa: PLR2004
            terms["activation_ticks"] = place["mid"] - place["side"].sign * 5
        return place | self._rests(now_ns, **terms) | {"order_type": kind}

    def _pegged(self, place: dict[str, Any], now_ns: int) -> dict[str, Any]:
        dice = self._dice
        offset = -place["side"].sign * dice.choice([0, 1, 5])
        limit = place["mid"] + place["side"].sign * 50 if dice.random() < 0.5 else None  # noqa: PLR2004
        peg = dice.choice(list(Peg))
        fields = self._rests(now_ns, peg=peg, peg_offset_ticks=offset, peg_limit_ticks=limit)
        return place | fields | {"order_type": OrderType.PEGGED}

    def _iceberg(self, place: dict[str, Any], now_ns: int) -> dict[str, Any]:
        lots = self._dice.randrange(20, LOTS)
        spread = self._dice.choice([0, PPM // 4])
        fields = self._rests(now_ns, display_lots=self._dice.randrange(5, 20), display_spread_ppm=spread)
        return self._limit(place, self._dice.choice([-1, 1, 5])) | fields | {"quantity_lots": lots}

    def _cross(self, place: dict[str, Any], now_ns: int) -> dict[str, Any]:  # noqa: ARG002 - as the others
        tif = self._dice.choice([TimeInForce.AT_THE_CLOSE, TimeInForce.AT_THE_CLOSE, TimeInForce.AT_THE_OPEN])
        if self._dice.random() < 0.5:  # noqa: PLR2004
            return place | {"order_type": OrderType.MARKET, "time_in_force": tif}
        return self._limit(place, -5) | {"time_in_force": tif}

    def _rests(self, now_ns: int, **terms: Any) -> dict[str, Any]:
        tif = self._dice.choice(RESTING)
        if tif is TimeInForce.GTD:
            terms["expire_ns"] = now_ns + self._dice.randrange(SECOND, 2 * MINUTE)
        return {"time_in_force": tif, "terms": Terms(**terms)}

    def _order(self, who: dict[str, Any], fields: dict[str, Any]) -> SubmitOrder:
        chosen: dict[str, Any] = {"quantity_lots": self._lots(), "request_id": "", "actor": ""} | fields | who
        return SubmitOrder(**{name: value for name, value in chosen.items() if name != "mid"})
