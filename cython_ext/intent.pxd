from cython_ext.layout_gen cimport OrderIntentRecord


cdef class OrderIntent:
    cdef OrderIntentRecord record  # the 64 bytes that the gate reads; never changed after birth
