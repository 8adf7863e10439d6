"""What of its limits a gate has in use, for the control plane that shares them out. Numbers of lines: meltica/links/lease_lines.py."""

from libc.stdint cimport int64_t, uint32_t

from cython_ext.gate cimport Gate
from cython_ext.tables cimport Holding, position_at


def uses(Gate gate not None):
    """(line, id, instrument_id, in use) of everything that is not 0.

    Another thread may be judging: each number is whole, and what was reserved meanwhile fits the limits that are in force.
    """
    found = []
    cdef const Holding* holding
    cdef uint32_t account, instrument, strategy

    def note(line, number, instrument_id, amount):
        if amount > 0:
            found.append((line, number, instrument_id, amount))

    note(1, 0, 0, gate.t.firm.exposure.open_value_nanos)
    note(2, 0, 0, gate.t.firm.open_orders)
    for account in range(gate.t.max_accounts):
        note(3, account, 0, gate.t.accounts[account].exposure.open_value_nanos)
        note(4, account, 0, gate.t.accounts[account].open_orders)
        for instrument in range(gate.t.max_instruments):
            holding = &gate.t.holdings[position_at(&gate.t, account, instrument)]
            note(7, account, instrument, holding.worst_lots[0])
            note(8, account, instrument, holding.worst_lots[1])
            note(9, account, instrument, holding.worst_lots[1])
    for strategy in range(gate.t.max_strategies):
        note(5, strategy, 0, gate.t.strategies[strategy].exposure.open_value_nanos)
        note(6, strategy, 0, gate.t.strategies[strategy].executions)
    for instrument in range(gate.t.max_instruments):
        note(10, 0, instrument, gate.t.instruments[instrument].max_day_lots - gate.t.lines[instrument].day_left)
    return found
