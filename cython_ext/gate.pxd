from cython_ext.layout_gen cimport OrderIntentRecord
from cython_ext.tables cimport Tables


# One thread at a time may call a gate. judge() and tell_record() need no interpreter: they never allocate, lock, log or
# call Python. A caller of tell_record() has made sure that the whole record is there.
cdef class Gate:
    cdef Tables t
    cdef object given_bounds

    cdef int judge(self, const OrderIntentRecord* order) noexcept nogil
    cdef int tell_record(self, const void* record) noexcept nogil
    cdef int raise_unless_taken(self, const void* record) except -1
