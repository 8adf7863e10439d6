from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from cython_ext.layout_gen cimport OrderIntentRecord
from cython_ext.tables cimport (
    ACTION_NUMBERS,
    CHECK_NUMBERS,
    AccountRow,
    Case,
    InstrumentRow,
    PositionRow,
)


cdef class Gate:
    cdef readonly uint32_t max_instruments
    cdef readonly uint32_t max_accounts
    cdef readonly uint32_t duplicate_depth
    cdef readonly uint64_t fired_mask             # of the last check
    cdef readonly int64_t reserved_price_ticks    # of the last check
    cdef uint64_t tolerance_ns
    cdef uint8_t is_killed
    cdef InstrumentRow* instruments
    cdef AccountRow* accounts
    cdef PositionRow* positions                   # row account_id * max_instruments + instrument_id
    cdef uint64_t[ACTION_NUMBERS] passed
    cdef uint64_t[CHECK_NUMBERS] rejected
    cdef uint64_t[CHECK_NUMBERS] fired
    cdef uint64_t faults

    cdef int judge(self, const OrderIntentRecord* order) noexcept nogil
    cdef int refuse(self, uint64_t fired) noexcept nogil
    cdef uint64_t fired_checks(self, const OrderIntentRecord* order, Case* case) noexcept nogil
    cdef void accept(self, const OrderIntentRecord* order, Case* case) noexcept nogil
    cdef void prefetch(self, const OrderIntentRecord* order) noexcept nogil
    cdef int64_t take(self, int64_t stock, int64_t amount) noexcept nogil
    cdef InstrumentRow* instrument_row(self, object instrument_id) except NULL
    cdef AccountRow* account_row(self, object account_id) except NULL
    cdef PositionRow* position_row(self, object account_id, object instrument_id) except NULL
