"""Implementation shortfall: the discrete optimal trajectory of Almgren and Chriss.

R. Almgren, N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3(2), 2000/01, section 2.2:
with N intervals of length tau, what is still held after interval j is

    x_j = X sinh(kappa (T - t_j)) / sinh(kappa T),    2 (cosh(kappa tau) - 1) / tau^2 = kappa~^2

    kappa~^2 = lambda sigma^2 / eta~,    eta~ = eta - gamma tau / 2

Only ``g = cosh(kappa tau) = 1 + tau^2 kappa~^2 / 2`` is needed: with ``s_0 = 0, s_1 = 1, s_m+1 = 2 g s_m - s_m-1``
(the sum formula of sinh) ``s_m = sinh(m kappa tau) / sinh(kappa tau)``, so ``x_j = X s_N-j / s_N``. There is no sinh to
compute, and every machine gets the same: decimals of 60 digits, each operation rounded half to even; lots rounded down.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from meltica.domain.schedule import Schedule

_EXACTLY = Context(prec=60, rounding=ROUND_HALF_EVEN, Emax=MAX_EMAX, Emin=MIN_EMIN)
_SECOND_NS = Decimal(1_000_000_000)


def effective_impact(schedule: Schedule) -> Decimal:
    """eta~. The trajectory exists only where it is positive."""
    c = _EXACTLY
    return c.subtract(schedule.temporary_impact, c.divide(c.multiply(schedule.permanent_impact, tau(schedule)), 2))


def tau(schedule: Schedule) -> Decimal:
    """Seconds between two slices."""
    length = Decimal(schedule.end_ns - schedule.start_ns)
    return _EXACTLY.divide(_EXACTLY.divide(length, _SECOND_NS), Decimal(schedule.slices))


def curve(quantity_lots: int, schedule: Schedule) -> tuple[int, ...]:
    """Cumulative lots due with each slice: ``X - x_j`` rounded down; the last is all of it."""
    c, n = _EXACTLY, schedule.slices
    urgency = c.multiply(schedule.risk_aversion, c.multiply(schedule.volatility, schedule.volatility))
    kappa_squared = c.divide(urgency, effective_impact(schedule)) if urgency else Decimal(0)
    step = tau(schedule)
    twice_g = c.add(Decimal(2), c.multiply(c.multiply(step, step), kappa_squared))
    s = [Decimal(0), Decimal(1)]
    for _ in range(n - 1):
        s.append(c.subtract(c.multiply(twice_g, s[-1]), s[-2]))
    whole = Decimal(quantity_lots)
    due = [c.subtract(whole, c.divide(c.multiply(whole, s[n - j]), s[n])) for j in range(1, n + 1)]
    return tuple(int(lots.to_integral_value(ROUND_FLOOR, c)) for lots in due)
