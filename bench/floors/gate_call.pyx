# cython: language_level=3, boundscheck=False, wraparound=False
"""The least that a check of an order object can cost from Python: the twelve checks of gate.c behind one cpdef."""
cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from "gate.c" nogil:
    ctypedef struct order_t:
        uint64_t order_id
    void gate_setup(uint32_t n_instruments, uint32_t n_accounts, int64_t reference, uint64_t time_ns)
    int judge_call(const order_t* order)


@cython.final
cdef class Order:
    cdef order_t record

    def __init__(self, const unsigned char[::1] data not None):
        memcpy(&self.record, &data[0], sizeof(order_t))


@cython.final
cdef class Floor:
    cpdef int check_order(self, Order order):
        return judge_call(&order.record)


def setup(n_instruments, n_accounts, reference, time_ns):
    gate_setup(n_instruments, n_accounts, reference, time_ns)
